package batcher_test

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

// noRole is what comes of a request for a tenant whose role can't be assumed.
var noRole = refusal("NoCredentials", 0)

// ownCredentials gives tenants a to c credentials of their own; d and e have the service's. Each has
// the buckets that begin with its name.
func ownCredentials(w *world) {
	w.tenants = map[string]string{}
	for _, tenant := range []string{"a", "b", "c", "d", "e"} {
		for i := range 3 {
			w.tenants[fmt.Sprint(tenant, i)] = tenant
		}
	}
	w.tenantOf = func(tenant string) batcher.Tenant {
		return batcher.Tenant{Weight: 1, OwnCredentials: tenant == "a" || tenant == "b" || tenant == "c"}
	}
}

// destsOf are some destinations of a tenant.
func destsOf(tenant string, n int) (dests []dest) {
	for i := range n {
		dests = append(dests, dest{fmt.Sprint(tenant, i%3), fmt.Sprintf("%d/", i)})
	}
	return dests
}

// lose lets the credentials of a tenant not work; nil = they do.
func (w *world) lose(tenant string, err error) {
	w.store.set(func() { w.store.mu.credentials[tenant] = err })
}

// broken are the subjects that do not work.
func (w *world) broken() (list []string) {
	for _, s := range w.batcher.Shared() {
		if s.State == batcher.StateBlocked {
			list = append(list, strings.TrimSpace(s.Subject+" "+s.Tenant))
		}
	}
	return list
}

// What does not work for one tenant holds nobody else up, and is one state of all its
// destinations, which one request at a time asks for.
func TestATenantsCredentialsAreItsAlone(t *testing.T) {
	bubble(t, ownCredentials, func(w *world) {
		sick, well := destsOf("a", 100), slices.Concat(destsOf("b", 3), destsOf("d", 3), destsOf("e", 3))
		w.lose("a", noRole)
		for range 5 {
			w.send(short, slices.Concat(well, sick)...)
			w.flush()
			pass(time.Minute)
		}
		tries, probes := w.asked()
		for _, d := range well {
			if got := w.delivered(d); got != 5 {
				w.t.Errorf("%v: %d of 5 delivered beside a tenant whose credentials do not work", d, got)
			}
		}
		if got := tries - 5*len(well); got > 4*w.cfg.Uploads || probes < 5 || probes > 30 {
			w.t.Errorf("%d tries for the sick tenant and %d probes in 5 minutes", got, probes)
		}
		if got := fmt.Sprint(w.broken()); got != "[credentials a]" {
			w.t.Errorf("what does not work is %s", got)
		}
		for _, s := range w.batcher.Shared() {
			if s.Tenant == "a" && (s.Code != "NoCredentials" || s.Destinations != 100 || s.Since.IsZero()) {
				w.t.Errorf("got %+v", s)
			}
		}
		if s := w.status(sick[0]); s.State != batcher.StateBlocked || s.WaitsFor != "credentials of the tenant a" || s.Code != "NoCredentials" {
			w.t.Errorf("got %+v", s)
		}
		if c := w.batcher.Counts(); c.Blocked != 0 {
			w.t.Errorf("%d destinations are blocked themselves", c.Blocked)
		}
		w.lose("a", nil)
		pass(2 * time.Minute)
		for _, d := range sick {
			if got := w.delivered(d); got != 5 {
				w.t.Errorf("%v: %d of 5 delivered two minutes later", d, got)
			}
		}
		if got := w.broken(); len(got) > 0 {
			w.t.Errorf("everything works, and %v does not", got)
		}
	})
}

// Nor does what does not work for the service hold those up who have their own.
func TestTheServicesCredentialsAreNotTheTenants(t *testing.T) {
	bubble(t, ownCredentials, func(w *world) {
		for _, tenant := range []string{"d", "e"} {
			w.lose(tenant, refusal("ExpiredToken", 400))
		}
		well, sick := append(destsOf("a", 5), destsOf("b", 5)...), append(destsOf("d", 5), destsOf("e", 5)...)
		w.send(short, slices.Concat(well, sick)...)
		w.flush()
		pass(time.Minute)
		for _, d := range well {
			if w.delivered(d) != 1 {
				w.t.Errorf("%v is not delivered", d)
			}
		}
		if got := fmt.Sprint(w.broken()); got != "[credentials]" {
			w.t.Errorf("what does not work is %s", got)
		}
		for _, d := range sick {
			if s := w.status(d); s.WaitsFor != "credentials" {
				w.t.Errorf("%v: got %+v", d, s)
			}
		}
	})
}

// Tenants of whose credentials there is no answer hold nobody up for longer than one of them takes,
// however many they are: not when they are met first, and not when they are asked for again and again.
func TestManyTenantsWhoseCredentialsHang(t *testing.T) {
	bubble(t, func(w *world) {
		ownCredentials(w)
		of := w.tenantOf
		w.tenantOf = func(tenant string) batcher.Tenant {
			said := of(tenant)
			said.OwnCredentials = said.OwnCredentials || strings.HasPrefix(tenant, "sick-")
			return said
		}
	}, func(w *world) {
		shared, own := destsOf("d", 1)[0], destsOf("b", 1)[0]
		w.send(short, own)
		w.flush()
		pass(time.Second)
		var sick []dest
		for i := range 300 {
			d := dest{fmt.Sprint("sick-", i), ""}
			sick = append(sick, d)
			w.tenants[d.bucket] = d.bucket
			w.store.set(func() {
				w.store.mu.hang[d.bucket], w.store.mu.credentials[d.bucket] = 10*time.Second, noRole
			})
		}
		w.send(short, sick...)
		w.flush()
		for n := range 60 {
			w.send(short, shared, own)
			w.flush()
			pass(11 * time.Second)
			if got, want := fmt.Sprint(w.delivered(shared), w.delivered(own)), fmt.Sprint(n+1, n+2); got != want {
				w.t.Fatalf("round %d: delivered %s, want %s", n, got, want)
			}
		}
	})
}

// What waits for a tenant's credentials is the tenant's: it is bounded as what is blocked is, and
// the rest of the journal is the others'.
func TestWhatWaitsForATenantIsBounded(t *testing.T) {
	bubble(t, func(w *world) {
		littleMemory(time.Minute)(w)
		ownCredentials(w)
		w.cfg.DestinationQuota = 100 << 10
	}, func(w *world) {
		w.lose("a", noRole)
		a, b := dest{"a0", "x/"}, dest{"b0", "x/"}
		for _, d := range []dest{a, b} {
			w.put(d, numbered{lines: w.kilobytes(90)})
		}
		w.flush()
		pass(5 * time.Second)
		if got := w.refused(a); got != "" {
			w.t.Errorf("below the quota: %s", got)
		}
		w.put(a, numbered{lines: w.kilobytes(20)})
		pass(5 * time.Second)
		if got := w.refused(a); !strings.HasPrefix(got, "the credentials of its tenant do not work since ") || !strings.Contains(got, "(NoCredentials): 111000 bytes") ||
			!strings.Contains(got, "limit 102400 (--destination-quota is 102400") {
			w.t.Errorf("above the quota: got %q", got)
		}
		if got := w.refused(b); got != "" {
			w.t.Errorf("another tenant: %s", got)
		}
		w.lose("a", nil)
		pass(2 * time.Minute)
		if got := w.refused(a); got != "" {
			w.t.Errorf("it works again: %s", got)
		}
	})
}

// So is its backlog, over all its destinations.
func TestATenantsBacklogQuotaCountsWhatWaitsForIt(t *testing.T) {
	bubble(t, func(w *world) {
		littleMemory(time.Minute)(w)
		ownCredentials(w)
		of := w.tenantOf
		w.tenantOf = func(tenant string) batcher.Tenant {
			t := of(tenant)
			t.BacklogBytes = 50 << 10
			return t
		}
	}, func(w *world) {
		w.lose("a", noRole)
		two := destsOf("a", 2)
		for _, d := range two {
			w.put(d, numbered{lines: w.kilobytes(30)})
		}
		w.flush()
		pass(5 * time.Second)
		for _, d := range two {
			if got := w.refused(d); !strings.Contains(got, "limit 51200 (backlog-quota)") {
				w.t.Errorf("%v: got %q", d, got)
			}
		}
	})
}

// What a tenant has may change while its destinations wait: they wait no longer for what they
// do not need any more.
func TestATenantIsGivenOtherCredentials(t *testing.T) {
	var own atomic.Bool
	bubble(t, func(w *world) {
		ownCredentials(w)
		w.tenantOf = func(tenant string) batcher.Tenant {
			return batcher.Tenant{Weight: 1, OwnCredentials: tenant == "b" || tenant == "a" && own.Load()}
		}
	}, func(w *world) {
		a, b, d := destsOf("a", 5), destsOf("b", 5), destsOf("d", 5)
		own.Store(true)
		w.lose("a", noRole)
		w.lose("b", noRole)
		w.lose("d", refusal("ExpiredToken", 400))
		w.send(short, slices.Concat(a, b, d)...)
		w.flush()
		pass(10 * time.Minute)
		if got := fmt.Sprint(w.broken()); got != "[credentials credentials a credentials b]" {
			w.t.Fatalf("what does not work is %s", got)
		}
		// The service's own do not work: it waits for them now.
		own.Store(false)
		w.lose("a", refusal("ExpiredToken", 400))
		w.batcher.TenantsChanged()
		pass(5 * time.Second)
		if s := w.status(a[0]); s.WaitsFor != "credentials" {
			w.t.Errorf("with the service's: got %+v", s)
		}
		// And with some of its own that work, it waits for nothing.
		own.Store(true)
		w.lose("a", nil)
		w.lose("b", nil)
		w.batcher.TenantsChanged()
		pass(5 * time.Second)
		for _, d := range slices.Concat(a, b) {
			if w.delivered(d) != 1 {
				w.t.Errorf("%v is not delivered", d)
			}
		}
		if got := fmt.Sprint(w.broken()); got != "[credentials]" {
			w.t.Errorf("what does not work is %s", got)
		}
	})
}

// A role that can't be assumed is taken from its tenant while an upload waits for it: what that
// comes to says nothing of the service's credentials, for which nobody has to wait.
func TestCredentialsThatATenantHadAreNotTheServices(t *testing.T) {
	var own atomic.Bool
	bubble(t, func(w *world) {
		ownCredentials(w)
		w.tenantOf = func(tenant string) batcher.Tenant {
			return batcher.Tenant{Weight: 1, OwnCredentials: tenant == "a" && own.Load()}
		}
	}, func(w *world) {
		a, d := destsOf("a", 1)[0], destsOf("d", 1)[0]
		for _, had := range []bool{true, false} {
			own.Store(had)
			w.lose("a", noRole)
			w.store.set(func() { w.store.mu.hang[a.bucket] = 10 * time.Second })
			w.send(short, a)
			w.flush()
			pass(5 * time.Second)
			own.Store(!had)
			w.lose("a", nil)
			w.store.set(func() { delete(w.store.mu.hang, a.bucket) })
			w.batcher.TenantsChanged()
			before := w.delivered(d)
			_, probesBefore := w.asked()
			for n := range 10 {
				w.send(short, d)
				w.flush()
				pass(time.Second)
				if got := w.broken(); len(got) > 0 {
					w.t.Errorf("%d s after the change: %v does not work", n+1, got)
				}
			}
			if got := w.delivered(d) - before; got != 10 {
				w.t.Errorf("another tenant: %d of 10 delivered", got)
			}
			if _, probes := w.asked(); probes > probesBefore {
				w.t.Errorf("%d probes: somebody has waited", probes-probesBefore)
			}
			pass(time.Minute)
		}
		if got := w.delivered(a); got != 2 {
			w.t.Errorf("%d of 2 delivered", got)
		}
	})
}
