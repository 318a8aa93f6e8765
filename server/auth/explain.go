package auth

import (
	"fmt"
	"maps"
	"slices"
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
	if limits := grant.own.String(); limits != "" {
		fmt.Fprintf(&b, "the grant's principals together: %s\n", limits)
	}
	if grant.Tenant != AllTenants {
		fmt.Fprintf(&b, "tenant %q: %s\n", grant.Tenant, g.TenantOf(grant.Tenant))
	}
	covered := grant.Covers(bucket, prefix)
	switch {
	case !covered:
		fmt.Fprintf(&b, "bucket %q, prefix %q: denied: no destination of the grant matches\n", bucket, prefix)
	default:
		fmt.Fprintf(&b, "bucket %q, prefix %q: allowed\n", bucket, prefix)
	}
	if covered && grant.Has(Send) && g.TenantOf(grant.Tenant).Challenge {
		fmt.Fprintf(&b, "bucket %q: events are rejected until tenant %q has confirmed it, once (destinations confirm)\n", bucket, grant.Tenant)
	}
	return b.String(), covered
}

// Count is how many grants there are.
func (g *Grants) Count() int { return len(g.grants) }

// Tenants are the names of the tenants that grants or tenants of the file name, in order, and
// whether the file says something of them: a name that is spelled in two ways is seen there.
func (g *Grants) Tenants() (names []string, said map[string]bool) {
	said = map[string]bool{}
	for name := range g.tenants {
		said[name] = true
	}
	for _, grant := range g.grants {
		if _, known := said[grant.Tenant]; !known && grant.Tenant != AllTenants {
			said[grant.Tenant] = false
		}
	}
	return slices.Sorted(maps.Keys(said)), said
}

// String says what a tenant may have.
func (t Tenant) String() string {
	text := fmt.Sprintf("weight %d", t.Weight)
	if limits := t.rates.String(); limits != "" {
		text += ", " + limits
	}
	if t.BacklogBytes > 0 {
		text += fmt.Sprintf(", backlog of %d bytes", t.BacklogBytes)
	}
	if t.Challenge {
		text += ", buckets have to be confirmed"
	}
	if has := t.AWS.String(); has != "" {
		text += "; in AWS: " + has
	}
	return text
}

// String says what the rates are; "" if there are none.
func (r *Rates) String() string {
	if r == nil {
		return ""
	}
	var limits []string
	if r.events != nil {
		limits = append(limits, fmt.Sprintf("%.0f events/s", float64(r.events.Limit())))
	}
	if r.bytes != nil {
		limits = append(limits, fmt.Sprintf("%.0f bytes/s", float64(r.bytes.Limit())))
	}
	return strings.Join(limits, ", ")
}
