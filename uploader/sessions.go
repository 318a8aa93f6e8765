package uploader

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// maxSessions is of how many tenants sessions are kept: one takes some 2 KB. Beyond it that of
// any is forgotten, which costs a request when it is needed.
const maxSessions = 10_000

// sessions keeps the sessions of the tenants' roles, one of a tenant.
type sessions struct {
	u       *Uploader
	assumer *assumer // immutable

	mu struct {
		sync.Mutex
		of map[string]*session // by tenant
	}
}

func newSessions(u *Uploader, a *assumer) *sessions {
	s := &sessions{u: u, assumer: a}
	s.mu.of = make(map[string]*session)
	return s
}

// session is the one of a tenant's role. It asks nobody.
func (s *sessions) session(tenant string, role Role) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.mu.of[tenant]
	if found != nil && found.role == role {
		return found
	}
	if found == nil {
		s.makeRoomLocked()
	}
	found = &session{tenant: tenant, role: role, start: s.start, warn: s.warn}
	found.sign = []func(*s3.Options){func(o *s3.Options) { o.Credentials = found }}
	s.mu.of[tenant] = found
	return found
}

func (s *sessions) makeRoomLocked() {
	if len(s.mu.of) < maxSessions {
		return
	}
	for tenant := range s.mu.of {
		delete(s.mu.of, tenant)
		return
	}
}

// start assumes a role in a goroutine that Close joins. The upload that asks is running, so
// the count that is raised here is not zero.
func (s *sessions) start(of *session, a *assuming) {
	s.u.running.Go(func() {
		credentials, err := s.assumer.assume(s.u.ctx, of.tenant, of.role)
		if err == nil {
			s.u.log.DebugContext(s.u.ctx, "role assumed", "tenant", of.tenant, "role", of.role.ARN, "until", credentials.Expires)
		}
		of.finish(a, credentials, err)
	})
}

func (s *sessions) warn(of *session, err error) {
	s.u.log.Warn("a role can't be assumed again; the session before is used until it ends", "tenant", of.tenant, "error", err)
}

// forget drops the sessions of roles that tenants do not have any more.
func (s *sessions) forget(tenantOf func(string) Tenant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for tenant, had := range s.mu.of {
		if tenantOf(tenant).Role != had.role {
			delete(s.mu.of, tenant)
		}
	}
}

// TenantsChanged tells that [Config].TenantOf says something else than before of some
// tenant. What it says counts without; this lets go of the credentials of roles
// that no tenant has any more.
func (u *Uploader) TenantsChanged() {
	if u.cfg.TenantOf != nil {
		u.sessions.forget(u.cfg.TenantOf)
	}
}

// session is that of the role of the object's tenant; nil = it has none.
func (t *transfer) session() *session {
	role := t.tenant().Role
	if role == (Role{}) {
		return nil
	}
	return t.u.sessions.session(t.o.Tenant, role)
}

// signing lets a request be signed for the object's tenant.
func (t *transfer) signing() []func(*s3.Options) {
	if s := t.session(); s != nil {
		return s.sign
	}
	return nil
}

// credentials are those that requests for the object's tenant are signed with.
func (t *transfer) credentials(ctx context.Context) (aws.Credentials, error) {
	if s := t.session(); s != nil {
		return s.Retrieve(ctx)
	}
	if own := t.u.clients.in(t.u.cfg.Region).Options().Credentials; own != nil {
		return own.Retrieve(ctx)
	}
	return aws.Credentials{}, nil
}

// renewed reports whether e, an answer to a request of the object's tenant, may be another
// with credentials that the next one asks for.
func (t *transfer) renewed(e *Error) bool {
	s := t.session()
	return s != nil && s.refused(e, time.Now())
}
