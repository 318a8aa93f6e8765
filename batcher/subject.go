package batcher

import "github.com/open-destinations/destinations/uploader"

// subject is something that destinations share: the endpoint of a region, or credentials,
// which are the service's or a tenant's own. Its zero value is nothing.
type subject struct {
	kind   subjectKind
	region string // of an endpoint; empty = there is one for all regions
	tenant string // of credentials: whose they are; empty = the service's
}

type subjectKind int

const (
	kindNone subjectKind = iota
	kindEndpoint
	kindCredentials
)

// subjectNone is the cause of a destination that is blocked for what is its own, and
// subjectCredentials are the service's.
var (
	subjectNone        = subject{}
	subjectCredentials = subject{kind: kindCredentials}
)

func (s subject) String() string {
	name := [...]string{"nothing", "endpoint", "credentials"}[s.kind]
	if s.region != "" {
		name += " of " + s.region
	}
	if s.tenant != "" {
		name += " of the tenant " + s.tenant
	}
	return name
}

// worksBy reports whether an answer shows that s works, though it may be a refusal.
func (s subject) worksBy(err error) bool {
	if err == nil {
		return true
	}
	switch uploader.Classify(err) {
	case uploader.ClassTransient:
		return false
	case uploader.ClassCredentials:
		return s.kind == kindEndpoint
	}
	return true
}
