package auth_test

import (
	"strings"
	"testing"

	"github.com/open-destinations/destinations/server/auth"
)

const grantsText = `
tenants:
  acme: {weight: 3, events-per-second: 1000, bytes-per-second: 1MiB, backlog-quota: 5GiB, challenge: true}
grants:
  - principals: ["token:ci", "oidc:acme|*"]
    tenant: acme
    roles: [send, inspect]
    destinations:
      - {bucket: acme-logs, prefixes: ["test", "logs/*"]}
      - {bucket: "acme-raw-*", prefixes: [""]}
  - principals: ["uri:spiffe://shop.example/*"]
    tenant: shop
    roles: [send]
    destinations: [{bucket: "*", prefixes: ["*"]}]
    events-per-second: 10
  - principals: ["uri:spiffe://shop.example/ops"]
    tenant: "*"
    roles: [inspect, operate]
    destinations: [{bucket: "*", prefixes: ["*"]}]
`

func TestGrantsSayWhoMayWhatWhere(t *testing.T) {
	g, err := auth.ParseGrants([]byte(grantsText))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		principal, bucket, prefix string
		tenant                    string // "" = no grant
		covers                    bool
	}{
		{"token:ci", "acme-logs", "test/", "acme", true},
		{"token:ci", "acme-logs", "test/a/", "acme", false},
		{"token:ci", "acme-logs", "", "acme", false},
		{"token:ci", "acme-logs", "logs/a/b/", "acme", true},
		{"token:ci", "acme-raw-1", "", "acme", true},
		{"token:ci", "acme-raw-1", "a/", "acme", false},
		{"token:ci", "other", "test/", "acme", false},
		{"oidc:acme|anna", "acme-logs", "test/", "acme", true},
		{"oidc:other|anna", "acme-logs", "test/", "", false},
		{"token:c", "acme-logs", "test/", "", false},
		{"dns:ci", "acme-logs", "test/", "", false},
		{"uri:spiffe://shop.example/worker", "any", "a/", "shop", true},
		{"uri:spiffe://shop.example/ops", "any", "a/", "*", true}, // named: goes before the pattern above it
	} {
		grant := g.Of(c.principal)
		if (grant == nil) != (c.tenant == "") {
			t.Errorf("%s: got grant %v, want tenant %q", c.principal, grant, c.tenant)
			continue
		}
		if grant != nil && (grant.Tenant != c.tenant || grant.Covers(c.bucket, c.prefix) != c.covers) {
			t.Errorf("%+v: got tenant %q, covers %v", c, grant.Tenant, grant.Covers(c.bucket, c.prefix))
		}
	}
	if got := g.TenantOf("acme"); got.Weight != 3 || got.BacklogBytes != 5<<30 || !got.Challenge {
		t.Errorf("acme: got %+v", got)
	}
	if got := g.TenantOf("shop"); got.Weight != auth.DefaultWeight || got.BacklogBytes != 0 || got.Challenge {
		t.Errorf("shop: got %+v", got)
	}
	ci := g.Of("token:ci")
	if !ci.Has(auth.Send) || ci.Has(auth.Operate) || !ci.Has(auth.Send|auth.Operate) || !ci.Limited() {
		t.Errorf("token:ci: got %+v", ci)
	}
	if !ci.Reaches("acme") || ci.Reaches("shop") || !g.Of("uri:spiffe://shop.example/ops").Reaches("shop") {
		t.Error("a grant reaches another tenant than its own, or the one for all not every one")
	}
}

func TestAGrantsFileMayGrantNothing(t *testing.T) {
	for _, text := range []string{"", "\n \n"} { // it was emptied
		if _, err := auth.ParseGrants([]byte(text)); err == nil || !strings.Contains(err.Error(), `"grants: []"`) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for _, text := range []string{"# nothing yet\n", "grants: []\n"} {
		g, err := auth.ParseGrants([]byte(text))
		if err != nil || g.Of("token:ci") != nil {
			t.Errorf("%q: got %v, %v", text, g, err)
		}
	}
}

func TestWrongGrantsAreRefusedByName(t *testing.T) {
	const rest = "tenant: a, roles: [send], destinations: [{bucket: b, prefixes: [\"*\"]}]"
	for text, want := range map[string]string{
		"grant: []": "line 1: field grant not found",
		"grants: [{principals: [token:a], " + rest + ", x: 1}]":                                                                          "field x not found",
		"grants:\n- {" + rest + "}":                                                                                                      "line 2: principals: none",
		"grants: [{principals: [ci], " + rest + "}]":                                                                                     `principals: "ci": must begin with token:, uri:, dns:, cn:, oidc: and a name`,
		"grants: [{principals: [\"*\"], " + rest + "}]":                                                                                  `principals: "*": must begin`,
		"grants:\n- {principals: [token:a], " + rest + "}\n- {principals: [token:a], " + rest + "}":                                      `line 3: principals: "token:a" has a grant already, in line 2`,
		"grants: [{principals: [token:a], roles: [send], destinations: [{bucket: b, prefixes: [a]}]}]":                                   "tenant: missing",
		"grants: [{principals: [token:a], tenant: A, roles: [send], destinations: [{bucket: b, prefixes: [a]}]}]":                        `tenant: "A": must be 1 to 63`,
		"grants: [{principals: [token:a], tenant: \"*\", roles: [send], destinations: [{bucket: b, prefixes: [a]}]}]":                    `tenant: "*" can't send`,
		"grants: [{principals: [token:a], tenant: a, roles: [admin], destinations: [{bucket: b, prefixes: [a]}]}]":                       `role "admin": must be send, inspect or operate`,
		"grants: [{principals: [token:a], tenant: a, destinations: [{bucket: b, prefixes: [a]}]}]":                                       "roles: none",
		"grants: [{principals: [token:a], tenant: a, roles: [send]}]":                                                                    "destinations: none",
		"grants: [{principals: [token:a], tenant: a, roles: [send], destinations: [{bucket: b}]}]":                                       `bucket "b": prefixes: none`,
		"grants: [{principals: [token:a], tenant: a, roles: [send], destinations: [{prefixes: [a]}]}]":                                   "bucket: missing",
		"grants: [{principals: [token:a], tenant: a, roles: [send], destinations: [{bucket: b, prefixes: [a]}], bytes-per-second: 1MB}]": `"1MB" is not a size`,
		"tenants: {a: {weight: 0}}":                 "tenants: a: weight: 0, must be 1 to 1000",
		"tenants: {a: {events-per-second: 0}}":      "tenants: a: events-per-second: 0, must be at least 1",
		"tenants: {a: {events-per-second: -1}}":     "-1",
		"tenants: {a: {challenge: 2}}":              "line 1",
		"tenants: {a: {backlog-quota: 0}}":          "tenants: a: backlog-quota: 0",
		"tenants: {\"*\": {weight: 1}}":             `tenants: "*": must be`,
		"tenants: {a: {weight: 1}, a: {weight: 2}}": "already defined",
		"grants: []\n---\ngrants: []":               "more than one YAML document",
		"grants: {":                                 "line 1",
	} {
		g, err := auth.ParseGrants([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "auth.") {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", text, g, err, want)
		}
	}
}

func TestExplainNamesTheGrant(t *testing.T) {
	g, err := auth.ParseGrants([]byte(grantsText))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		principal, prefix, want string
		allowed                 bool
	}{
		{"token:ci", "test/", `bucket "acme-logs", prefix "test/": allowed`, true},
		{"token:ci", "test/", "weight 3, 1000 events/s, 1048576 bytes/s, backlog of 5368709120 bytes, buckets have to be confirmed\n", true},
		{"token:ci", "test/", `bucket "acme-logs": events are rejected until tenant "acme" has confirmed it, once (destinations confirm)`, true},
		{"token:ci", "a/", `bucket "acme-logs", prefix "a/": denied: no destination of the grant matches`, false},
		{"token:x", "a/", "token:x: denied: no grant names this principal", false},
	} {
		text, allowed := g.Explain(c.principal, "acme-logs", c.prefix)
		if allowed != c.allowed || !strings.Contains(text, c.want) {
			t.Errorf("%+v: got %v, %s", c, allowed, text)
		}
	}
}

// Whatever stands in a file: it is refused, or grants by principals that it names.
func FuzzParseGrants(f *testing.F) {
	f.Add([]byte(grantsText), "token:ci")
	f.Add([]byte("grants: [{principals: [token:a]}]"), "token:a")
	f.Add([]byte("grants: &a [*a]"), "token:a")
	f.Fuzz(func(t *testing.T, text []byte, principal string) {
		g, err := auth.ParseGrants(text)
		if err != nil {
			return
		}
		if grant := g.Of(principal); grant != nil {
			grant.Covers("bucket", "prefix/")
			if grant.Tenant == auth.AllTenants && grant.Has(auth.Send) {
				t.Error("a grant for all tenants may send")
			}
		}
		g.Explain(principal, "bucket", "")
	})
}
