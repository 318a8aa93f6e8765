package auth_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/open-destinations/destinations/server/auth"
)

func TestWhatATenantHasInAWS(t *testing.T) {
	g, err := auth.ParseGrants([]byte(`
tenants:
  acme:
    weight: 2
    aws:
      role-arn: arn:aws:iam::111122223333:role/path/acme-destinations
      external-id: acme:42
      expected-bucket-owner: 044455556666 # no number
      kms-key: arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab
      acl: bucket-owner-read
      storage-class: STANDARD_IA
      tags: {team: acme, "cost center": 12}
  generated: {aws: {role-arn: "arn:aws-cn:iam::111122223333:role/x"}}
  little: {aws: {acl: ""}}
  none: {weight: 3}
`))
	if err != nil {
		t.Fatal(err)
	}
	acl, none := "bucket-owner-read", ""
	for tenant, want := range map[string]*auth.AWS{
		"acme": {
			RoleARN: "arn:aws:iam::111122223333:role/path/acme-destinations", ExternalID: "acme:42", BucketOwner: "044455556666",
			KMSKey: "arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab", ACL: &acl, Class: "STANDARD_IA",
			Tags: map[string]string{"team": "acme", "cost center": "12"},
		},
		"generated": {RoleARN: "arn:aws-cn:iam::111122223333:role/x", ExternalID: auth.ExternalID("generated"), Tags: map[string]string{}},
		"little":    {ACL: &none, Tags: map[string]string{}},
		"none":      nil,
		"unknown":   nil,
	} {
		if diff := cmp.Diff(want, g.TenantOf(tenant).AWS); diff != "" {
			t.Errorf("%s: -want +got:\n%s", tenant, diff)
		}
	}
	const want = `weight 2; in AWS: role-arn arn:aws:iam::111122223333:role/path/acme-destinations, external-id acme:42, ` +
		`expected-bucket-owner 044455556666, kms-key arn:aws:kms:us-east-1:444455556666:key/1234abcd-12ab-34cd-56ef-1234567890ab, ` +
		`acl "bucket-owner-read", storage-class STANDARD_IA, tag cost center=12, tag team=acme`
	if got := g.TenantOf("acme").String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Two tenants never have the same, one always has: it stands in trust policies.
func TestGeneratedExternalIDs(t *testing.T) {
	const want = "destinations-4b456dd67d8809cb181c3a4fc6887e9106f410d2948c687151d99d63400fb9ab"
	if got := auth.ExternalID("acme"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if auth.ExternalID("acme") == auth.ExternalID("acme2") {
		t.Error("two tenants have one external id")
	}
}

func TestKMSKeysHaveThreeForms(t *testing.T) {
	const id, mrk, arn = "1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab", "arn:aws:kms:eu-west-1:444455556666:"
	for key, ok := range map[string]bool{
		id: true, mrk: true, "alias/acme": true, "alias/aws/s3": true,
		arn + "key/" + id: true, arn + "key/" + mrk: true, arn + "alias/acme": true,
		"": false, "acme": false, "key/" + id: false, arn + id: false, "alias/": false, "arn:aws:kms:eu-west-1:4444:key/" + id: false,
		"arn:aws:iam::444455556666:role/x": false, id + " ": false, arn + "alias/" + strings.Repeat("a", 251): false,
	} {
		_, err := auth.ParseGrants(fmt.Appendf(nil, "tenants: {a: {aws: {kms-key: %q}}}", key))
		if (err == nil) != ok {
			t.Errorf("%q: got %v", key, err)
		}
	}
}

func TestWrongValuesForAWSAreRefusedByLine(t *testing.T) {
	const role = `role-arn: "arn:aws:iam::111122223333:role/a"`
	many := make([]string, 11)
	for i := range many {
		many[i] = fmt.Sprintf("k%02d: v", i)
	}
	for entry, want := range map[string]string{
		"role: x":                                                  "line 4: field role not found",
		`role-arn: "arn:aws:iam::1111:role/a"`:                     `line 4: tenants: acme: aws: role-arn: "arn:aws:iam::1111:role/a": must be the ARN of a role`,
		`role-arn: "arn:aws:iam::111122223333:user/a"`:             "role-arn:",
		`role-arn: ""`:                                             `role-arn: "": must be`,
		"role-arn: [a]":                                            "line 4: must be a text",
		`external-id: abc`:                                         "line 4: tenants: acme: aws: external-id: needs role-arn",
		role + "\n      external-id: a":                            `line 5: tenants: acme: aws: external-id: "a": must be 2 to 1224`,
		role + "\n      external-id: a b":                          `external-id: "a b": must be`,
		role + "\n      external-id: \"\"":                         `external-id: "": must be`,
		role + "\n      external-id: " + strings.Repeat("a", 1225): "aaa...\": must be 2 to 1224",
		"expected-bucket-owner: 44445555666":                       `expected-bucket-owner: "44445555666": must be an account: 12 digits`,
		"kms-key: x":                                               `kms-key: "x": must be the ARN`,
		"acl: everybody":                                           `acl: "everybody": must be "", for none, or private,`,
		"storage-class: standard":                                  `storage-class: "standard": must be STANDARD,`,
		"storage-class: EXPRESS_ONEZONE":                           "storage-class:",
		"tags: {" + strings.Join(many, ", ") + "}":                 "line 4: tenants: acme: aws: tags: 11, at most 10",
		"tags: {" + strings.Repeat("k", 129) + ": v}":              "the key has 129 characters, must have 1 to 128",
		"tags: {\"\": v}":                                          "the key has 0 characters",
		"tags: {k: " + strings.Repeat("ä", 257) + "}":              "tags: k: the value has 257 characters, at most 256",
		"tags: {\"AWS:x\": v}":                                     `"AWS:x": the key must not begin with "aws:"`,
		"tags: {k: \"a*\"}":                                        `tags: "k": "a*": must be letters`,
		"tags: {k: \"a\\nb\"}":                                     `"a\nb": must be letters`,
		"tags: {k: v, k: w}":                                       "already defined",
	} {
		g, err := auth.ParseGrants([]byte("tenants:\n  acme:\n    aws:\n      " + entry + "\n"))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "auth.") {
			t.Errorf("%s:\ngot  %v, %v\nwant %s", entry, g, err, want)
		}
	}
}

// Every problem is named, not only the first.
func TestAllWrongValuesForAWSAreNamed(t *testing.T) {
	_, err := auth.ParseGrants([]byte("tenants: {a: {weight: 0, aws: {acl: x, kms-key: x}}, b: {aws: {acl: y}}}"))
	for _, want := range []string{"a: weight: 0", `a: aws: kms-key: "x"`, `a: aws: acl: "x"`, `b: aws: acl: "y"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is not named in %v", want, err)
		}
	}
}
