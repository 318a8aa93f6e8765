package server_test

import (
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// Everybody who has a grant may ask from where the service writes, whatever his role and
// reach, and nobody else.
func TestWhoeverHasAGrantLearnsTheEgressAddresses(t *testing.T) {
	config := server.DefaultConfig()
	for _, addresses := range []string{"203.0.113.7/32", "2001:db8::/64", "198.51.100.0/24", "203.0.113.7/32"} {
		config.EgressAddresses = append(config.EgressAddresses, netip.MustParsePrefix(addresses))
	}
	const grants = `
grants:
  - {principals: ["token:sends"], tenant: acme, roles: [send], destinations: [{bucket: demo, prefixes: ["a/*"]}]}
  - {principals: ["token:looks"], tenant: acme, roles: [inspect], destinations: [{bucket: other, prefixes: [""]}]}
  - {principals: ["token:ops"], tenant: "*", roles: [operate], destinations: [{bucket: "*", prefixes: ["*"]}]}
`
	g := guard(t, setup{config: config, journal: &fakeJournal{t: t}}, grants, "sends", "looks", "ops", "stranger")
	want := []string{"198.51.100.0/24", "203.0.113.7/32", "2001:db8::/64"}
	for _, name := range []string{"sends", "looks", "ops"} {
		got, err := g.ops.GetEgressAddresses(g.as(name), &destinationsv1.GetEgressAddressesRequest{})
		if err != nil || !slices.Equal(got.GetAddresses(), want) {
			t.Errorf("%s: got %v, %v; want %v", name, got.GetAddresses(), err, want)
		}
	}
	_, err := g.ops.GetEgressAddresses(g.as("stranger"), &destinationsv1.GetEgressAddressesRequest{})
	wantStatus(t, err, codes.PermissionDenied, "NOT_GRANTED", "")
	_, err = g.ops.GetEgressAddresses(t.Context(), &destinationsv1.GetEgressAddressesRequest{})
	wantStatus(t, err, codes.Unauthenticated, "CREDENTIAL_MISSING", "")
}

func TestNoEgressAddressIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}})
		got, err := h.ops.GetEgressAddresses(t.Context(), &destinationsv1.GetEgressAddressesRequest{})
		if err != nil || len(got.GetAddresses()) != 0 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}
