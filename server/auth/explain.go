package auth

import (
	"fmt"
	"strings"
)

// Explain says what a principal may do at a destination, in lines for people. The
// prefix is completed.
func (g *Grants) Explain(principal, bucket, prefix string) (text string, allowed bool) {
	grant := g.Of(principal)
	if grant == nil {
		return fmt.Sprintf("%s: denied: no grant names this principal\n", principal), false
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: the grant in line %d, tenant %q, roles: %s\n", principal, grant.Line, grant.Tenant, strings.ReplaceAll(grant.roles.String(), " or ", ", "))
	t := g.TenantOf(grant.Tenant)
	fmt.Fprintf(&b, "tenant %q: weight %d\n", grant.Tenant, t.Weight)
	covered := grant.Covers(bucket, prefix)
	switch {
	case !covered:
		fmt.Fprintf(&b, "bucket %q, prefix %q: denied: no destination of the grant matches\n", bucket, prefix)
	default:
		fmt.Fprintf(&b, "bucket %q, prefix %q: allowed\n", bucket, prefix)
	}
	return b.String(), covered
}

// Count is how many grants there are.
func (g *Grants) Count() int { return len(g.grants) }
