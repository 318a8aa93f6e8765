package ownership

import "sync"

// maxTurns is how many challenges a tenant's callers may have written at a time.
const maxTurns = 2

// turns are the challenges that callers have written now. The zero value has none.
type turns struct {
	mu sync.Mutex
	of map[string]int // by tenant
}

// begin reports whether a tenant's caller may have one written; then end follows.
func (t *turns) begin(tenant string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[tenant] >= maxTurns {
		return false
	}
	if t.of == nil {
		t.of = map[string]int{}
	}
	t.of[tenant]++
	return true
}

func (t *turns) end(tenant string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of[tenant]--; t.of[tenant] == 0 {
		delete(t.of, tenant)
	}
}
