package auth

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRatesSlowDownFirstAndRefuseThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Grant{rates: []*Rates{newRates(100, 0), newRates(0, 1000)}}
		// A second's worth at once, and as much again by being slowed down.
		for i, want := range []time.Duration{0, time.Second} {
			if taken, wait := g.Take(100, 1); !taken || wait.Round(time.Millisecond) != want {
				t.Fatalf("request %d: got %v, %v, want true, %v", i, taken, wait, want)
			}
		}
		if taken, wait := g.Take(1, 1); !taken || wait.Round(time.Millisecond) != 1010*time.Millisecond {
			t.Fatalf("got %v, %v, want it taken, as it was not more than a second ahead", taken, wait)
		}
		if taken, wait := g.Take(1, 1); taken || wait <= ratePatience {
			t.Fatalf("got %v, %v, want a refusal", taken, wait)
		}
		<-time.After(1010 * time.Millisecond)
		if taken, _ := g.Take(1, 10_000); !taken {
			t.Fatal("refused though the time was waited for")
		}
		if taken, wait := g.Take(1, 1); taken || wait.Round(time.Second) != 9*time.Second {
			t.Errorf("got %v, %v, want the bytes to refuse for 9 s", taken, wait)
		}
	})
}

// What is refused is taken of none of the rates.
func TestARefusalCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		own, tenants := newRates(10, 0), newRates(1_000_000, 0)
		g := &Grant{rates: []*Rates{own, tenants}}
		g.Take(1000, 1)
		before := tenants.events.Tokens()
		if taken, _ := g.Take(1000, 1); taken || tenants.events.Tokens() != before {
			t.Errorf("taken %v, %v tokens left, want %v", taken, tenants.events.Tokens(), before)
		}
	})
}
