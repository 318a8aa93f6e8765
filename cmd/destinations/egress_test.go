package main

import (
	"strings"
	"testing"
)

func TestEgressAddressesArePrinted(t *testing.T) {
	service := &fakeOperations{egress: []string{"198.51.100.0/24", "203.0.113.7/32"}}
	target := service.start(t)
	if got := run(t, "egress-ips", "--target", target); got.code != exitOK || got.stdout != "198.51.100.0/24\n203.0.113.7/32\n" || got.stderr != "" {
		t.Errorf("got %+v", got)
	}
	if got := run(t, "egress-ips", "--target", target, "--json"); got.code != exitOK || got.stdout != `["198.51.100.0/24","203.0.113.7/32"]`+"\n" {
		t.Errorf("got %+v", got)
	}
	service.egress = nil
	if got := run(t, "egress-ips", "--target", target); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, target+" (--target): the service publishes no addresses (its --egress-ips)") {
		t.Errorf("got %+v", got)
	}
}

// What serve is told is checked, and reaches whoever asks.
func TestEgressAddressesOfTheService(t *testing.T) {
	w := newAccessWorld(t, false, "--egress-ips", "203.0.113.7,2001:db8::/64", "--egress-ips", "198.51.100.0/24")
	got := run(t, "egress-ips", "--target", w.listener.Addr().String(), "--token-file", w.tokens["send"])
	if want := "198.51.100.0/24\n203.0.113.7/32\n2001:db8::/64\n"; got.code != exitOK || got.stdout != want {
		t.Errorf("got %+v, want %q", got, want)
	}
}
