package server_test

import (
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// A token is a secret of nobody's, and is worth nothing to who is of another tenant or whose grant does
// not reach its destination; for him it is one that this service did not give.
func TestReceiptsAreForThoseWhoMaySeeThem(t *testing.T) {
	grants := twoTenants + `  - {principals: ["token:c"], tenant: acme, roles: [send], destinations: [{bucket: demo, prefixes: ["c/*"]}]}
  - {principals: ["token:d"], tenant: acme, roles: [operate], destinations: [{bucket: demo, prefixes: ["*"]}]}
`
	g := guard(t, setup{journal: &fakeJournal{t: t, auto: true}, receipts: func(tokens []server.Token) (found []*destinationsv1.Delivery, _ error) {
		for range tokens {
			found = append(found, &destinationsv1.Delivery{Destination: &destinationsv1.Destination{Tenant: "acme", Bucket: "demo", Prefix: "a/x/"}})
		}
		return found, nil
	}}, grants, "a", "b", "c", "d", "ops")
	answer, err := g.send("a", &destinationsv1.SendS3Request{Bucket: "demo", Prefix: "a/x", Events: []*destinationsv1.S3Event{{Payload: []byte("x")}}})
	token := mustAnswer(t, answer, err).GetReceipts()[0].GetToken()
	for name, want := range map[string]codes.Code{"a": codes.OK, "ops": codes.OK, "b": codes.NotFound, "c": codes.NotFound, "d": codes.PermissionDenied} {
		_, err := g.told.GetDelivery(g.as(name), &destinationsv1.GetDeliveryRequest{Tokens: []string{token}})
		if status.Code(err) != want {
			t.Errorf("%s: got %v, want %v", name, err, want)
		}
	}
}

func TestListsOfDeliveriesAreForThoseWhoMaySeeThem(t *testing.T) {
	fake := &fakeDeliveries{}
	g := guard(t, setup{journal: &fakeJournal{t: t, auto: true}, deliveries: fake}, twoTenants, "a", "b", "ops")
	prefix := "a/x"
	for _, test := range []struct {
		who     string
		request *destinationsv1.ListDeliveriesRequest
		code    codes.Code
		tenant  string // that is listed
		sees    [3]bool
	}{
		{"a", &destinationsv1.ListDeliveriesRequest{}, codes.OK, "acme", [3]bool{true, false, false}},
		{"a", &destinationsv1.ListDeliveriesRequest{Bucket: "other"}, codes.OK, "acme", [3]bool{true, false, false}},
		{"a", &destinationsv1.ListDeliveriesRequest{Bucket: "demo", Prefix: &prefix}, codes.OK, "acme", [3]bool{true, false, false}},
		{"a", &destinationsv1.ListDeliveriesRequest{Bucket: "other", Prefix: &prefix}, codes.PermissionDenied, "", [3]bool{}},
		{"a", &destinationsv1.ListDeliveriesRequest{Tenant: "beta"}, codes.PermissionDenied, "", [3]bool{}},
		{"b", &destinationsv1.ListDeliveriesRequest{}, codes.OK, "beta", [3]bool{false, false, true}},
		{"ops", &destinationsv1.ListDeliveriesRequest{}, codes.OK, "", [3]bool{true, true, true}},
		{"ops", &destinationsv1.ListDeliveriesRequest{Tenant: "beta"}, codes.OK, "beta", [3]bool{true, true, true}},
		{"ops", &destinationsv1.ListDeliveriesRequest{Bucket: "demo", Prefix: &prefix}, codes.InvalidArgument, "", [3]bool{}},
	} {
		_, err := g.told.ListDeliveries(g.as(test.who), test.request)
		if status.Code(err) != test.code {
			t.Errorf("%s, %v: got %v, want %v", test.who, test.request, err, test.code)
			continue
		}
		if test.code != codes.OK {
			continue
		}
		sees := [3]bool{fake.asked.Admits("acme", "demo", "a/x/"), fake.asked.Admits("acme", "demo", "c/"), fake.asked.Admits("beta", "demo", "a/x/")}
		if fake.asked.Tenant != test.tenant || sees != test.sees {
			t.Errorf("%s, %v: got tenant %q and sees %v, want %q and %v", test.who, test.request, fake.asked.Tenant, sees, test.tenant, test.sees)
		}
	}
	if _, err := g.told.GetFreshness(g.as("a"), &destinationsv1.GetFreshnessRequest{Bucket: "demo", Prefix: "c"}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("freshness of what is not granted: got %v", err)
	}
	if got, err := g.told.GetFreshness(g.as("a"), &destinationsv1.GetFreshnessRequest{Bucket: "demo", Prefix: "a/x"}); err != nil || got.GetBacklogEvents() != 4 {
		t.Errorf("freshness: got %v, %v", got, err)
	}
}
