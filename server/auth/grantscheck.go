package auth

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// tenantName is what a tenant may be called: it stands in receipts, which have 255
// bytes for it, in logs and in metrics.
var tenantName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// principalKinds begin a principal.
var principalKinds = []string{"token:", "uri:", "dns:", "cn:", "oidc:"}

func (g *Grants) addTenant(name string, e tenantEntry) error {
	if !tenantName.MatchString(name) {
		return fmt.Errorf("tenants: %q: %s", name, tenantRule)
	}
	t := Tenant{Challenge: e.Challenge, rates: newRates(perSecond(e.EventsPerSecond), perSecond(e.BytesPerSecond))}
	var problems []error
	if e.Weight != nil {
		if *e.Weight < 1 || *e.Weight > maxWeight {
			problems = append(problems, fmt.Errorf("tenants: %s: weight: %d, must be 1 to %d", name, *e.Weight, maxWeight))
		}
		t.Weight = *e.Weight
	}
	if e.BacklogQuota != nil {
		if t.BacklogBytes = int64(*e.BacklogQuota); t.BacklogBytes == 0 {
			problems = append(problems, fmt.Errorf("tenants: %s: backlog-quota: 0, must be at least 1B; leave it out for none", name))
		}
	}
	for _, problem := range zeroRates(e.EventsPerSecond, e.BytesPerSecond) {
		problems = append(problems, fmt.Errorf("tenants: %s: %w", name, problem))
	}
	if e.AWS != nil {
		aws, err := e.AWS.of(name)
		t.AWS = aws
		problems = append(problems, err)
	}
	g.tenants[name] = t
	return errors.Join(problems...)
}

const tenantRule = `must be 1 to 63 lower-case letters, digits, ".", "_" and "-", and begin with a letter or digit`

// perSecond is a limit that may be left out.
func perSecond[N uint | size](n *N) int64 {
	if n == nil {
		return 0
	}
	return int64(*n)
}

// zeroRates refuses what would let nothing pass, or all.
func zeroRates(events *uint, bytes *size) (problems []error) {
	const rule = "%s: 0, must be at least 1; leave it out for no limit"
	if events != nil && *events == 0 {
		problems = append(problems, fmt.Errorf(rule, "events-per-second"))
	}
	if bytes != nil && *bytes == 0 {
		problems = append(problems, fmt.Errorf(rule, "bytes-per-second"))
	}
	return problems
}

// addGrant adds a grant, whose tenant was added before if the file has an entry for it.
func (g *Grants) addGrant(e grantEntry) (problems []error) {
	grant := &Grant{Tenant: e.Tenant, Line: e.line}
	for _, role := range e.Roles {
		grant.roles |= role
	}
	if len(e.Roles) == 0 {
		problems = append(problems, errors.New("roles: none; must be send, inspect or operate"))
	}
	problems = append(problems, checkTenant(e.Tenant, grant.roles))
	problems = append(problems, g.addPrincipals(grant, e.Principals)...)
	if len(e.Destinations) == 0 {
		problems = append(problems, errors.New(`destinations: none; {bucket: "*", prefixes: ["*"]} is all`))
	}
	for _, d := range e.Destinations {
		p, err := placeOf(d)
		grant.destinations = append(grant.destinations, p)
		problems = append(problems, err)
	}
	problems = append(problems, zeroRates(e.EventsPerSecond, e.BytesPerSecond)...)
	grant.own = newRates(perSecond(e.EventsPerSecond), perSecond(e.BytesPerSecond))
	for _, r := range []*Rates{grant.own, g.tenants[e.Tenant].rates} {
		if r != nil {
			grant.rates = append(grant.rates, r)
		}
	}
	g.grants = append(g.grants, grant)
	return withoutNil(problems)
}

// CheckTenantName refuses what no tenant is called.
func CheckTenantName(name string) error {
	if !tenantName.MatchString(name) {
		return fmt.Errorf("%q: %s", name, tenantRule)
	}
	return nil
}

func checkTenant(tenant string, roles Role) error {
	switch {
	case tenant == "":
		return errors.New("tenant: missing")
	case tenant == AllTenants && roles&Send != 0:
		return errors.New(`tenant: "*" can't send: events are of one tenant`)
	case tenant != AllTenants && !tenantName.MatchString(tenant):
		return fmt.Errorf("tenant: %q: %s", tenant, tenantRule)
	}
	return nil
}

func (g *Grants) addPrincipals(grant *Grant, principals []string) (problems []error) {
	if len(principals) == 0 {
		problems = append(problems, errors.New("principals: none"))
	}
	for _, name := range principals {
		if err := checkPrincipal(name); err != nil {
			problems = append(problems, err)
			continue
		}
		p := pattern(name)
		grant.principals = append(grant.principals, p)
		if !p.exact() {
			continue
		}
		if before := g.exact[name]; before != nil {
			problems = append(problems, fmt.Errorf("principals: %q has a grant already, in line %d", name, before.Line))
			continue
		}
		g.exact[name] = grant
	}
	return problems
}

// checkPrincipal wants the kind spelled out, so that nobody comes into a grant by a
// credential of a kind that was not thought of.
func checkPrincipal(name string) error {
	for _, kind := range principalKinds {
		if rest, ok := strings.CutPrefix(name, kind); ok && rest != "" {
			return nil
		}
	}
	return fmt.Errorf("principals: %q: must begin with %s and a name", name, strings.Join(principalKinds, ", "))
}

func placeOf(e placeEntry) (place, error) {
	p := place{bucket: pattern(e.Bucket)}
	switch {
	case e.Bucket == "":
		return p, errors.New("destinations: bucket: missing")
	case len(e.Prefixes) == 0:
		return p, fmt.Errorf(`destinations: bucket %q: prefixes: none; "*" is all of them, "" no prefix`, e.Bucket)
	}
	for _, prefix := range e.Prefixes {
		if strings.ContainsFunc(prefix, func(r rune) bool { return r < ' ' }) {
			return p, fmt.Errorf("destinations: bucket %q: prefixes: %q holds a control character", e.Bucket, prefix)
		}
		// Prefixes are completed when they are accepted: "test" and "test/" are one.
		if prefix != "" && !strings.HasSuffix(prefix, "/") && !strings.HasSuffix(prefix, "*") {
			prefix += "/"
		}
		p.prefixes = append(p.prefixes, pattern(prefix))
	}
	return p, nil
}

func withoutNil(errs []error) (kept []error) {
	for _, err := range errs {
		if err != nil {
			kept = append(kept, err)
		}
	}
	return kept
}
