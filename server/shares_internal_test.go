package server

import "testing"

// alike is the weight of tenants that are alike.
func alike(string) int { return 1 }

// takeAsMuch reserves places of a MiB until there is no room, and returns how many.
func takeAsMuch(m *memory, of *share) (taken int) {
	for {
		p := m.openPlace(of, nil)
		m.expect(p, 1<<19)
		p.sized.Store(true)
		if !m.reserve(p) {
			m.closePlace(p)
			return taken
		}
		taken++
	}
}

// A tenant alone has all; beside another it leaves him his share, by weight, however
// much it sends and whoever comes first.
func TestTenantsShareTheMemory(t *testing.T) {
	weights := map[string]int{"double": 2, "flood": 1}
	m := newMemory(30<<20, 1<<20, func() int64 { return 0 }, func(tenant string) int { return max(1, weights[tenant]) })
	flood, double := m.shares.of("flood"), m.shares.of("double")
	m.enter(flood)
	if got := takeAsMuch(m, flood); got != 30 {
		t.Errorf("alone it takes %d of 30 MiB", got)
	}
	m.release(flood, 30<<20)
	m.enter(double)
	// Half of it is free for everybody; beyond it a third would be its share.
	if got := takeAsMuch(m, flood); got != 16 {
		t.Errorf("beside another it takes %d of 30 MiB, want half and the one that reaches it", got)
	}
	if got := takeAsMuch(m, double); got != 14 {
		t.Errorf("the other takes %d, want the rest", got)
	}
	m.release(flood, 10<<20) // what comes free goes to him who has less than his share
	if got := takeAsMuch(m, flood); got != 4 {
		t.Errorf("it takes %d again, want 4, which is its share of 10", got)
	}
	if got := takeAsMuch(m, double); got != 6 {
		t.Errorf("the other takes %d, want 6, which is its share of 20", got)
	}
	m.leave(double, nil)
	m.release(double, 20<<20)
	if got := takeAsMuch(m, flood); got != 20 {
		t.Errorf("alone again it takes %d, want the rest", got)
	}
}

// A tenant that has nothing in hand gets in, whatever its share is.
func TestATenantWithNothingInHandGetsIn(t *testing.T) {
	m := newMemory(30<<20, 1<<20, func() int64 { return 0 }, alike)
	m.enter(m.shares.of("flood"))
	small := m.shares.of("small")
	m.enter(small)
	m.charge(m.shares.of("flood"), 20<<20)
	p := m.openPlace(small, nil)
	m.expect(p, 1<<30)
	p.sized.Store(true)
	if !m.reserve(p) {
		t.Error("it has no place")
	}
}
