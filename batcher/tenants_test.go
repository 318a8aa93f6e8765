package batcher_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

// A tenant whose blocked destinations together hold more than it may have is refused there,
// though none of them is over its own quota, and is not refused where it works.
func TestTenantsHaveABacklogQuota(t *testing.T) {
	var limit atomic.Int64
	limit.Store(100 << 10)
	bubble(t, func(w *world) {
		littleMemory(time.Minute)(w)
		w.tenantOf = func(string) batcher.Tenant { return batcher.Tenant{Weight: 1, BacklogBytes: limit.Load()} }
	}, func(w *world) {
		two, works := dest{"two", "p/"}, dest{"works", ""}
		for _, d := range []dest{one, two} {
			w.refuse(d.bucket, denied)
			w.put(d, numbered{lines: w.kilobytes(40)})
		}
		w.put(works, numbered{lines: w.kilobytes(200)})
		w.flush()
		pass(2 * time.Second)
		if got := w.refused(one) + w.refused(two); got != "" {
			w.t.Errorf("below the quota: %s", got)
		}
		w.put(two, numbered{lines: w.kilobytes(30)})
		pass(2 * time.Second)
		for _, d := range []dest{one, two} {
			if got := w.refused(d); !strings.Contains(got, "limit 102400 (backlog-quota)") {
				w.t.Errorf("over the quota: %v is refused for %q", d, got)
			}
		}
		if got := w.refused(works); got != "" {
			w.t.Errorf("what works: %s", got)
		}
		limit.Store(1 << 20) // it may change at any time
		pass(2 * time.Second)
		if got := w.refused(one) + w.refused(two); got != "" {
			w.t.Errorf("with a larger quota: %s", got)
		}
		for _, d := range []dest{one, two} {
			w.refuse(d.bucket, nil)
		}
		pass(2 * w.cfg.ProbeMax)
	})
}

// What is asked for all of a tenant is not done to others.
func TestAllOfATenantIsNotAllOfOthers(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.put(one, numbered{lines: w.lines(3)})
		if n, err := w.batcher.Flush(w.t.Context(), true, "other", "", ""); n != 0 || err != nil {
			w.t.Errorf("flush of another tenant: got %d, %v", n, err)
		}
		if n, err := w.batcher.Flush(w.t.Context(), true, "default", "", ""); n != 1 || err != nil {
			w.t.Errorf("flush of the tenant: got %d, %v", n, err)
		}
		w.refuse(one.bucket, denied)
		w.put(one, numbered{lines: w.lines(3)})
		w.flush()
		pass(time.Second)
		for tenant, want := range map[string]uint64{"other": 0, "default": 1} {
			if got, err := w.batcher.Redrive(w.t.Context(), true, tenant, "", ""); err != nil || got.Destinations != want {
				w.t.Errorf("redrive of %s: got %+v, %v, want %d destinations", tenant, got, err, want)
			}
		}
		w.refuse(one.bucket, nil)
		pass(2 * w.cfg.ProbeMax)
	})
}
