package server

import (
	"errors"
	"fmt"
	"testing"
)

// TestNoTenantHasAllChecks holds that a tenant whose buckets hang leaves checks to the
// others, however many callers it has.
func TestNoTenantHasAllChecks(t *testing.T) {
	c := newChecks()
	var leave []func()
	for i := range 2 * maxChecks {
		left, err := c.enter(t.Context(), fmt.Sprint("acme's ", i), "acme")
		switch {
		case i < maxChecksTenant && err == nil:
			leave = append(leave, left)
		case i < maxChecksTenant || !errors.Is(err, errRateExceeded):
			t.Fatalf("check %d of acme: got %v", i+1, err)
		}
	}
	for i := range maxChecks - maxChecksTenant {
		left, err := c.enter(t.Context(), "somebody else", fmt.Sprint("other-", i))
		if errors.Is(err, errRateExceeded) { // he alone is too fast
			left, err = c.enter(t.Context(), fmt.Sprint("another ", i), fmt.Sprint("other-", i))
		}
		if err != nil {
			t.Fatalf("check %d of the others: %v", i+1, err)
		}
		leave = append(leave, left)
	}
	for _, f := range leave {
		f()
	}
	if len(c.tenants) > 0 || len(c.slots) > 0 {
		t.Errorf("behind all: got %v, %d places taken", c.tenants, len(c.slots))
	}
	if left, err := c.enter(t.Context(), "acme's", "acme"); err != nil {
		t.Errorf("acme's next: %v", err)
	} else {
		left()
	}
}
