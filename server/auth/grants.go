package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// AllTenants is the tenant of principals who run the service: they see and operate
// what is of every tenant. They can't send.
const AllTenants = "*"

// DefaultTenant is whose everything is while nobody is authenticated.
const DefaultTenant = "default"

// DefaultWeight is the weight of a tenant that the file says nothing of.
const DefaultWeight = 1

// Bounds of what a grants file says.
const (
	maxGrantsBytes = 16 << 20
	maxWeight      = 1000
)

// Grants is a grants file that was understood. It never changes.
type Grants struct {
	grants  []*Grant
	exact   map[string]*Grant // by principal: those that are named without "*"
	tenants map[string]Tenant
}

// Tenant is what a grants file says of a tenant. 0 = nothing.
type Tenant struct {
	Weight       int   // its part of what is short, against the weights of the others
	BacklogBytes int64 // of undelivered events that it may have; 0 = no limit of its own
	Challenge    bool  // it has to show that it can read a bucket before it may send there
	AWS          *AWS  // what it has there of its own; nil = nothing
	rates        *Rates
}

// Grant is what a principal may. It never changes.
type Grant struct {
	Tenant string // or AllTenants
	Line   int    // in the file; 0 = there is none

	principals   []pattern
	roles        Role
	destinations []place
	own          *Rates   // nil = none
	rates        []*Rates // own, and those of its tenant
}

// place is where a grant lets its principals send and look.
type place struct {
	bucket   pattern
	prefixes []pattern
}

// open is the grant of everybody while nobody is authenticated.
var open = &Grant{Tenant: DefaultTenant, roles: AnyRole, destinations: []place{{"*", []pattern{"*"}}}}

// Covers reports whether the grant reaches a destination. The prefix is completed.
func (g *Grant) Covers(bucket, prefix string) bool {
	return slices.ContainsFunc(g.destinations, func(p place) bool {
		return p.bucket.matches(bucket) && slices.ContainsFunc(p.prefixes, func(prefixes pattern) bool { return prefixes.matches(prefix) })
	})
}

// Has reports whether the grant has one of the roles.
func (g *Grant) Has(roles Role) bool { return g.roles&roles != 0 }

// CoversAll reports whether the grant reaches every destination of its tenant, as it does
// if it says so.
func (g *Grant) CoversAll() bool {
	return slices.ContainsFunc(g.destinations, func(p place) bool { return p.bucket == "*" && slices.Contains(p.prefixes, "*") })
}

// CoversAllOf reports whether the grant reaches every destination of a bucket, as it does
// if it says so.
func (g *Grant) CoversAllOf(bucket string) bool {
	return slices.ContainsFunc(g.destinations, func(p place) bool { return p.bucket.matches(bucket) && slices.Contains(p.prefixes, "*") })
}

// ReachesAll reports whether what is of every tenant is the grant's to see.
func (g *Grant) ReachesAll() bool { return g.Tenant == AllTenants || g == open }

// Reaches reports whether what is of a tenant is the grant's to see.
func (g *Grant) Reaches(tenant string) bool { return g.Tenant == tenant || g.ReachesAll() }

// Limited reports whether Take can refuse anything.
func (g *Grant) Limited() bool { return len(g.rates) > 0 }

// Take takes a request out of the rates of the grant and its tenant. If they are more
// than a second ahead it takes nothing, and returns false and when they will not be;
// otherwise wait is for how long its senders are not to be read.
func (g *Grant) Take(events, bytes int) (taken bool, wait time.Duration) {
	return takeAll(time.Now(), events, bytes, g.rates...)
}

// Of returns the grant of a principal: the one that names him, or else the first
// with a pattern that matches him. nil = he may nothing.
func (g *Grants) Of(principal string) *Grant {
	if found, ok := g.exact[principal]; ok {
		return found
	}
	for _, grant := range g.grants {
		if slices.ContainsFunc(grant.principals, func(p pattern) bool { return !p.exact() && p.matches(principal) }) {
			return grant
		}
	}
	return nil
}

// TenantOf is what the file says of a tenant, with the defaults.
func (g *Grants) TenantOf(name string) Tenant {
	t := g.tenants[name]
	if t.Weight == 0 {
		t.Weight = DefaultWeight
	}
	return t
}

// grantsFile is the file as YAML.
type grantsFile struct {
	Tenants map[string]tenantEntry `yaml:"tenants"`
	Grants  []grantEntry           `yaml:"grants"`
}

type tenantEntry struct {
	Weight          *int  `yaml:"weight"`
	EventsPerSecond *uint `yaml:"events-per-second"`
	BytesPerSecond  *size `yaml:"bytes-per-second"`
	BacklogQuota    *size `yaml:"backlog-quota"`
	Challenge       bool  `yaml:"challenge"`

	AWS *awsEntry `yaml:"aws"`
}

type grantEntry struct {
	Principals      []string     `yaml:"principals"`
	Tenant          string       `yaml:"tenant"`
	Roles           []Role       `yaml:"roles"`
	Destinations    []placeEntry `yaml:"destinations"`
	EventsPerSecond *uint        `yaml:"events-per-second"`
	BytesPerSecond  *size        `yaml:"bytes-per-second"`
	line            int
}

type placeEntry struct {
	Bucket   string   `yaml:"bucket"`
	Prefixes []string `yaml:"prefixes"`
}

// ParseGrants reads a grants file. The error has every problem that it finds, each
// with its line or the grant's. A file that holds nothing at all is one, too; one that grants
// nothing says so.
func ParseGrants(text []byte) (*Grants, error) {
	if len(text) > maxGrantsBytes {
		return nil, fmt.Errorf("%d bytes, at most %d", len(text), maxGrantsBytes)
	}
	if len(bytes.TrimSpace(text)) == 0 { // an editor, or a full disk, has emptied it: that may not lock everybody out
		return nil, errors.New(`is empty; a file that lets nobody in says so: "grants: []"`)
	}
	var file grantsFile
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, wrongYAML(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("holds more than one YAML document")
	}
	lines, err := grantLines(text)
	if err != nil {
		return nil, err
	}
	g := &Grants{exact: map[string]*Grant{}, tenants: map[string]Tenant{}}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(file.Tenants)) {
		problems = append(problems, g.addTenant(name, file.Tenants[name]))
	}
	for i, entry := range file.Grants {
		entry.line = lines[i]
		for _, problem := range g.addGrant(entry) {
			problems = append(problems, fmt.Errorf("line %d: %w", entry.line, problem))
		}
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return g, nil
}

// wrongYAML words an error of the decoder, which speaks of Go's types.
func wrongYAML(err error) error {
	text := goType.ReplaceAllString(strings.TrimPrefix(err.Error(), "yaml: "), "")
	return errors.New(strings.ReplaceAll(text, "unmarshal errors:\n  ", ""))
}

var goType = regexp.MustCompile(` (in type|into) auth\.\w+`)

// grantLines are the lines in which the grants begin.
func grantLines(text []byte) (lines []int, err error) {
	var document struct {
		Grants []yaml.Node `yaml:"grants"`
	}
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, wrongYAML(err)
	}
	for _, node := range document.Grants {
		lines = append(lines, node.Line)
	}
	return lines, nil
}
