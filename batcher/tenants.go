package batcher

import (
	"fmt"
	"sync"
)

// Tenant is what a tenant may have of what is short.
type Tenant struct {
	Weight       int   // its part of the slots for uploads, against the weights of the others; at least 1
	BacklogBytes int64 // of lines of its blocked destinations, and of its dead batches; 0 = no bound of its own

	// OwnCredentials: its requests are signed with credentials that no other tenant's are, so
	// that when these do not work nobody else waits for them.
	OwnCredentials bool
	// ExpectsOwner: its requests say whose its buckets must be, so that a bucket that somebody else has
	// made under the same name takes nothing.
	ExpectsOwner bool
}

// tenantOf is what is said of a tenant.
func (p *Params) tenantOf(name string) Tenant {
	if p.TenantOf == nil {
		return Tenant{Weight: 1}
	}
	return p.TenantOf(name)
}

// ownCredentials reports whether a tenant has some.
func (p *Params) ownCredentials(name string) bool { return p.tenantOf(name).OwnCredentials }

// TenantsChanged tells that [Params].TenantOf says something else than before of some tenant.
// What it says counts without; this lets what waits for the credentials of a tenant be
// tried at once, and what was blocked by hand be tried that need not be any more.
func (b *Batcher) TenantsChanged() {
	b.common.conditions.tenantsChanged()
	b.tell(tenantsChanged{})
}

// tenantsChanged is the message that something else than before is said of tenants.
type tenantsChanged struct{}

func (p *Params) weight(tenant string) int { return max(1, p.tenantOf(tenant).Weight) }

// tenantBacklogs are the backlogs of tenants over all shards.
type tenantBacklogs struct {
	mu    sync.Mutex
	bytes map[string]int64
}

// replace puts what a shard knows now in the place of what it knew.
func (t *tenantBacklogs) replace(before, now map[string]int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for tenant, bytes := range before {
		if t.bytes[tenant] -= bytes; t.bytes[tenant] == 0 {
			delete(t.bytes, tenant)
		}
	}
	for tenant, bytes := range now {
		t.bytes[tenant] += bytes
	}
}

func (t *tenantBacklogs) of(tenant string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.bytes[tenant]
}

// countTenants counts what waits for the blocked destinations of each tenant that has a
// bound, and what is dead of it.
func (s *shard) countTenants() {
	now := map[string]int64{}
	for _, d := range s.dests {
		if len(d.queue) == 0 && d.mode != modeBlocked || s.tenantOf(d.tenant).BacklogBytes == 0 {
			continue
		}
		now[d.tenant] += d.held()
	}
	s.tenantBacklogs.replace(s.countedTenants, now)
	s.countedTenants = now
}

// held is what waits for d because of d or its tenant: all if it is blocked for what is its own
// or its tenant's, and otherwise what is dead.
func (d *destination) held() int64 {
	total := d.undeliveredEvents()
	if d.mode == modeBlocked && (d.cause == subjectNone || d.cause.tenant != "") {
		return total.bytes
	}
	return total.deadBytes
}

// tenantHasTooMuch is why new events of d are refused that has a backlog: its tenant has too
// large a one of all its destinations. "" if they are not.
func (s *shard) tenantHasTooMuch(d *destination) string {
	most := s.tenantOf(d.tenant).BacklogBytes
	if most == 0 || len(d.queue) == 0 && d.mode != modeBlocked || d.held() == 0 {
		return ""
	}
	have := s.tenantBacklogs.of(d.tenant)
	if have <= most {
		return ""
	}
	if d.refusal != "" && d.refusedCode == tenantCode {
		return d.refusal
	}
	d.refusedCode = tenantCode
	return fmt.Sprintf("the destination is blocked or has dead batches, and %d bytes of the events of such destinations of its tenant wait, limit %d (backlog-quota)", have, most)
}

// tenantCode stands for a refusal because of the tenant where AWS's code would.
const tenantCode = "tenant"
