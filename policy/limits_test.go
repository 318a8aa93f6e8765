package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/policy"
)

// What is wrong with terms is said with its flag and its value.
func TestValidate(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*policy.Terms)
		want   string
	}{
		"an account":               {func(t *policy.Terms) { t.Principal = "111122223333" }, `--role-arn: "111122223333" is an account`},
		"a path without a name":    {func(t *policy.Terms) { t.Principal = "arn:aws:iam::111122223333:role/a/" }, "--role-arn: "},
		"an alias":                 {func(t *policy.Terms) { t.KMSKey = "arn:aws:kms:eu-west-1:111122223333:alias/x" }, `--kms-key: "arn:aws:kms:eu-west-1:111122223333:alias/x" is not the ARN of a key`},
		"a key's id":               {func(t *policy.Terms) { t.KMSKey = "1234abcd" }, `--kms-key: "1234abcd"`},
		"a key for an access key":  {func(t *policy.Terms) { t.Principal, t.KMSKey = "deliverer", key }, `--kms-key: a key's policy names a role or user, and --role-arn is "deliverer"`},
		"assumed by an account":    {func(t *policy.Terms) { t.AssumedBy = "444455556666" }, `--assumed-by: "444455556666" is not the ARN of a role`},
		"a user that is assumed":   {func(t *policy.Terms) { t.Principal, t.AssumedBy = "arn:aws:iam::111122223333:user/x", service }, "--assumed-by: only a role can be assumed"},
		"assumed by itself":        {func(t *policy.Terms) { t.AssumedBy = role }, "--assumed-by: is the role of --role-arn itself"},
		"an external id alone":     {func(t *policy.Terms) { t.ExternalID = "abc" }, "--external-id: is a condition of who may assume the role: needs --assumed-by"},
		"a short external id":      {func(t *policy.Terms) { t.AssumedBy, t.ExternalID = service, "a" }, `--external-id: "a": must be 2 to 1,224`},
		"a long external id":       {func(t *policy.Terms) { t.AssumedBy, t.ExternalID = service, strings.Repeat("a", 1225) }, "--external-id: "},
		"an external id of spaces": {func(t *policy.Terms) { t.AssumedBy, t.ExternalID = service, "a b" }, `--external-id: "a b"`},
		"a tag's variable":         {func(t *policy.Terms) { t.Tenant = "${aws:username}" }, `--tenant-tag: "${aws:username}": must be`},
		"a tag's pattern":          {func(t *policy.Terms) { t.Tenant = "a*" }, `--tenant-tag: "a*"`},
		"a long tag":               {func(t *policy.Terms) { t.Tenant = strings.Repeat("ä", 257) }, "--tenant-tag: "},
		"a tag of an access key":   {func(t *policy.Terms) { t.Principal, t.Tenant = "deliverer", "acme" }, `--tenant-tag: only the session of a role has tags, and --role-arn is "deliverer"`},
		"every address":            {func(t *policy.Terms) { t.Sources = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")} }, "--source-ip: 0.0.0.0/0 is every address"},
	} {
		terms := cases()["plain"]
		test.change(&terms)
		if err := terms.Validate(); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
	many := cases()["plain"]
	for i := range 1400 {
		many.Sources = append(many.Sources, netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 32))
	}
	if err := many.Validate(); err == nil || !strings.HasPrefix(err.Error(), "--source-ip: 1400 ranges make a policy of ") {
		t.Errorf("got %v", err)
	}
	if many.Sources = many.Sources[:1000]; many.Validate() != nil {
		t.Error(many.Validate())
	}
	longest := cases()["tenant-tag"]
	longest.Tenant, longest.ExternalID = strings.Repeat("ä", 256), strings.Repeat("a", 1224)
	if err := longest.Validate(); err != nil {
		t.Error(err)
	}
}

func TestParseAddresses(t *testing.T) {
	for text, want := range map[string]string{
		"203.0.113.7": "203.0.113.7/32", "203.0.113.0/24": "203.0.113.0/24", "2001:db8::7": "2001:db8::7/128", "2001:DB8::/32": "2001:db8::/32",
		"203.0.113.7/32": "203.0.113.7/32",
	} {
		if got, err := policy.ParseAddresses(text); err != nil || got.String() != want {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"203.0.113.7/24": "the range is 203.0.113.0/24", "203.0.113": "neither an address", "": "neither", "0.0.0.0/0": "0.0.0.0/0 is every address", "::/0": "every address", "fe80::1%eth0": "neither", "::ffff:203.0.113.7": "neither",
		"::ffff:203.0.113.0/120": "neither", "203.0.113.0/33": "neither", "example.com": "neither", " 203.0.113.7": "neither", "0203.0.113.7": "neither",
	} {
		if got, err := policy.ParseAddresses(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v; want %s", text, got, err, want)
		}
	}
}
