package policy_test

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/open-destinations/destinations/policy"
)

var update = flag.Bool("update", false, "write testdata/*.golden anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s (-update writes it anew): got\n%s\nwant\n%s", name, got, want)
	}
}

const (
	role    = "arn:aws:iam::111122223333:role/service/acme"
	service = "arn:aws:iam::444455556666:role/destinations"
	key     = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// cases are terms with nothing, with each thing alone, and with all of them.
func cases() map[string]policy.Terms {
	plain := policy.Terms{Bucket: "acme-logs", Principal: role}
	with := func(change func(*policy.Terms)) policy.Terms {
		terms := plain
		change(&terms)
		return terms
	}
	sources := []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("2001:db8::/64"), netip.MustParsePrefix("198.51.100.0/24")}
	return map[string]policy.Terms{
		"plain":              plain,
		"access-key":         {Bucket: "acme-logs", Principal: "deliverer"},
		"user":               {Bucket: "acme-logs", Principal: "arn:aws-us-gov:iam::111122223333:user/deliverer"},
		"china":              {Bucket: "acme-logs", Principal: "arn:aws-cn:iam::111122223333:role/acme", KMSKey: "arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd"},
		"prefix":             with(func(t *policy.Terms) { t.Prefixes = []string{"logs/a*b/"} }),
		"odd-prefix":         with(func(t *policy.Terms) { t.Prefixes = []string{`a"b\c?%{d}${e} é: #'/`} }),
		"no-acl":             with(func(t *policy.Terms) { t.NoACL = true }),
		"object-tags":        with(func(t *policy.Terms) { t.Tags = true }),
		"kms-key":            with(func(t *policy.Terms) { t.KMSKey = key }),
		"source-ip":          with(func(t *policy.Terms) { t.Sources = sources[:1] }),
		"require-tls":        with(func(t *policy.Terms) { t.TLS = true }),
		"conditional-writes": with(func(t *policy.Terms) { t.ConditionalWrites = true }),
		"assumed-by":         with(func(t *policy.Terms) { t.AssumedBy = service }),
		"external-id":        with(func(t *policy.Terms) { t.AssumedBy, t.ExternalID = service, "destinations-0123456789abcdef" }),
		"tenant-tag":         with(func(t *policy.Terms) { t.AssumedBy, t.Tenant = service, "acme" }),
		"all": {
			Bucket: "acme-logs", Prefixes: []string{"logs/a*b/"}, Principal: role, Tags: true, KMSKey: key,
			AssumedBy: service, ExternalID: "destinations-0123456789abcdef", Tenant: "acme",
			Sources: sources, TLS: true, ConditionalWrites: true,
		},
	}
}
