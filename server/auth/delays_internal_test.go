package auth

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestFailuresCostMoreAndMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDelays()
		cost := func(address string) time.Duration {
			begun := time.Now()
			d.Fail(t.Context(), address)
			return time.Since(begun)
		}
		for i, want := range []time.Duration{100, 200, 400, 800, 1600, 3200, 5000, 5000} {
			port := fmt.Sprint("192.0.2.1:", 1000+i) // of another connection each
			if got := cost(port); got != want*time.Millisecond {
				t.Errorf("failure %d: got %v, want %v ms", i, got, want)
			}
		}
		if got := cost("192.0.2.2:1"); got != firstDelay {
			t.Errorf("another host: got %v, want %v", got, firstDelay)
		}
		<-time.After(forgetAfter)
		if got := cost("192.0.2.1:1"); got != firstDelay {
			t.Errorf("after a minute: got %v, want %v", got, firstDelay)
		}
		if cost("[2001:db8::1]:1"); cost("[2001:db8::2]:1") != 2*firstDelay {
			t.Error("two addresses of a network of IPv6 are counted as two hosts")
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		begun := time.Now()
		if d.Fail(gone, "192.0.2.9:1"); time.Since(begun) != 0 {
			t.Error("a caller who has gone is waited for")
		}
	})
}

// Whatever strangers do, what is remembered of them and who is kept waiting is bounded.
func TestFailuresAreBounded(t *testing.T) {
	d := NewDelays()
	now := time.Now()
	waiting := 0
	for i := range maxHosts + 100 {
		if _, wait := d.count(fmt.Sprint("host", i), now); wait {
			waiting++
		}
	}
	if len(d.mu.hosts) != maxHosts || d.mu.oldest.Len() != maxHosts || waiting != maxDelayed {
		t.Errorf("got %d hosts, %d in order, %d waiting; want %d, %d, %d", len(d.mu.hosts), d.mu.oldest.Len(), waiting, maxHosts, maxHosts, maxDelayed)
	}
}
