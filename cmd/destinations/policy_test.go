package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/policy"
	"github.com/open-destinations/destinations/server/auth"
)

func TestPolicyIsTheFiveActions(t *testing.T) {
	for name, principal := range map[string]string{
		"policy-role.golden":       "arn:aws:iam::203863770927:role/Destinations",
		"policy-china.golden":      "arn:aws-cn:iam::203863770927:role/service/Destinations",
		"policy-access-key.golden": "deliverer",
	} {
		got := run(t, "policy", "--bucket", "demo", "--role-arn", principal)
		if got.code != exitOK || got.stderr != "" {
			t.Errorf("%s: got exit code %d, stderr %q", name, got.code, got.stderr)
		}
		golden(t, name, got.stdout)
	}
}

// acme is what every policy of the package's golden files is printed with.
const acme = "policy --bucket acme-logs --role-arn arn:aws:iam::111122223333:role/service/acme"

// Each flag of the command does what the package's golden files show of it.
func TestPolicyFlags(t *testing.T) {
	const (
		key     = " --kms-key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
		assumed = " --assumed-by arn:aws:iam::444455556666:role/destinations"
		id      = " --external-id destinations-0123456789abcdef"
		all     = acme + " --prefix logs/a*b --object-tags" + key + assumed + id + " --tenant-tag acme" +
			" --source-ip 203.0.113.7 --source-ip 2001:db8::/64,198.51.100.0/24 --require-tls --require-conditional-writes"
	)
	for line, file := range map[string]string{
		acme:                           "plain.bucket.json",
		acme + " --document bucket":    "plain.bucket.json",
		acme + " --document role":      "plain.role.json",
		acme + " --prefix logs/a*b/":   "prefix.bucket.json",
		acme + " --s3-acl=":            "no-acl.bucket.json",
		acme + " --object-tags":        "object-tags.bucket.json",
		acme + key:                     "kms-key.bucket.json",
		acme + key + " --document key": "kms-key.key.json",
		acme + " --source-ip 203.0.113.7 --format terraform":                "source-ip.tf",
		acme + " --source-ip 203.0.113.7":                                   "source-ip.bucket.json",
		acme + " --require-tls":                                             "require-tls.bucket.json",
		acme + " --require-conditional-writes":                              "conditional-writes.bucket.json",
		acme + assumed + " --document trust":                                "assumed-by.trust.json",
		acme + assumed + id:                                                 "external-id.bucket.json",
		acme + assumed + id + " --document trust":                           "external-id.trust.json",
		acme + assumed + " --tenant-tag acme":                               "tenant-tag.bucket.json",
		acme + " --tenant-tag acme":                                         "tenant-tag.bucket.json",
		all:                                                                 "all.bucket.json",
		all + " --document trust":                                           "all.trust.json",
		all + " --document key":                                             "all.key.json",
		all + " --document role":                                            "all.role.json",
		all + " --document service":                                         "all.service.json",
		acme + assumed + " --format terraform":                              "assumed-by.tf",
		acme + key + " --format cloudformation":                             "kms-key.yaml",
		acme + assumed + " --format cloudformation":                         "assumed-by.yaml",
		"policy --bucket acme-logs --role-arn deliverer --format terraform": "access-key.tf",
	} {
		want, err := os.ReadFile(filepath.Join("..", "..", "policy", "testdata", file))
		if err != nil {
			t.Error(err)
			continue
		}
		got := run(t, strings.Fields(line)...)
		if got.code != exitOK || got.stdout != string(want) {
			t.Errorf("%s: got exit code %d, stderr %q,\n%s\nwant %s:\n%s", line, got.code, got.stderr, got.stdout, file, want)
		}
		several := strings.Contains(got.stderr, "--document")
		if want := !strings.Contains(line, "--document") && !strings.Contains(line, "--format") && (strings.Contains(line, key) || strings.Contains(line, assumed)); several != want {
			t.Errorf("%s: got stderr %q", line, got.stderr)
		}
	}
}

// A policy must not grant to more than one role, user or key.
func TestPolicyRefusesWidePrincipals(t *testing.T) {
	for _, principal := range []string{
		"*", "123456789012", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/*", "arn:aws:iam::*:role/x",
		"arn:aws:s3:::bucket", "arn:aws:iam::1234:role/x", "arn:other:iam::123456789012:role/x", "", "a b", "a\"b",
	} {
		got := run(t, "policy", "--bucket", "demo", "--role-arn="+principal)
		if got.code != exitNothing || got.stdout != "" || !strings.Contains(got.stderr, "--role-arn") {
			t.Errorf("%q: got exit code %d, stdout %q, stderr %q", principal, got.code, got.stdout, got.stderr)
		}
	}
}

// Whatever is wrong is said at once, each problem with its flag and value, and nothing is
// printed.
func TestPolicyRefusesBadFlags(t *testing.T) {
	for line, want := range map[string][]string{
		"policy --bucket demo": {"--role-arn: missing"},
		"policy --bucket B --role-arn 111122223333 --prefix a/../b":   {"--bucket: ", "--role-arn: ", "--prefix: "},
		acme + " --source-ip 203.0.113.7/24 --source-ip x":            {"--source-ip: 203.0.113.7/24 has bits", `--source-ip: "x" is neither`},
		acme + " --source-ip ::/0":                                    {"--source-ip: ::/0 is every address"},
		acme + " --external-id x":                                     {"--external-id: "},
		acme + " --document trust":                                    {"--document trust: needs --assumed-by"},
		acme + " --document key --format terraform":                   {"--document key: needs --kms-key"},
		acme + " --format yaml":                                       {"--format must be one of"},
		"policy --bucket demo --role-arn key --format cloudformation": {"--format cloudformation: is of AWS alone"},
		"policy --bucket demo --role-arn key --tenant-tag acme":       {"--tenant-tag: only the session of a role"},
		acme + " --tenant-tag Acme":                                   {`--tenant-tag: no tenant is called so: "Acme": must be 1 to 63 lower-case letters`},
	} {
		got := run(t, strings.Fields(line)...)
		if got.code != exitNothing || got.stdout != "" {
			t.Errorf("%s: got exit code %d, stdout %q", line, got.code, got.stdout)
		}
		for _, part := range want {
			if !strings.Contains(got.stderr, part) {
				t.Errorf("%s: got %q, want %q", line, got.stderr, part)
			}
		}
	}
}

// What may deny the service everything is printed, for it may be meant, and said.
func TestPolicySaysWhatWouldLockTheServiceOut(t *testing.T) {
	for flags, want := range map[string]string{
		"--source-ip 10.1.0.0/16 --source-ip 203.0.113.7": "--source-ip 10.1.0.0/16 has no public address",
		"--source-ip 100.64.1.2":                          "--source-ip 100.64.1.2/32 has no public address",
		"--source-ip fd00::/8":                            "--source-ip fd00::/8 has no public address",
		"--source-ip 203.0.113.7":                         "",
		"--tenant-tag acme":                               "and everything is denied",
		"--tenant-tag acme --assumed-by arn:aws:iam::444455556666:role/destinations": "",
	} {
		got := run(t, strings.Fields(acme+" "+flags)...)
		said := strings.Contains(got.stderr, "has no public address") || strings.Contains(got.stderr, "everything is denied")
		if got.code != exitOK || got.stdout == "" || said != (want != "") || !strings.Contains(got.stderr, want) || strings.Contains(got.stderr, "203.0.113.7") {
			t.Errorf("%s: got exit code %d and %q, want %q", flags, got.code, got.stderr, want)
		}
	}
}

// grantsOfPolicy has a tenant with everything, one with what is not said or is off, one
// without a role, and one of which only a grant speaks.
const grantsOfPolicy = `
tenants:
  acme:
    aws:
      role-arn: arn:aws:iam::111122223333:role/service/acme
      external-id: destinations-0123456789abcdef
      kms-key: arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
      tags: {team: acme}
  beta:
    aws:
      role-arn: arn:aws:iam::111122223333:role/beta
      kms-key: alias/beta
      acl: ""
  gamma:
    aws: {tags: {team: gamma}}
grants:
  - {principals: ["token:a"], tenant: delta, roles: [send], destinations: [{bucket: demo, prefixes: ["*"]}]}
`

// What the grants file says of a tenant is printed as if the flags had said it.
func TestPolicyOfATenant(t *testing.T) {
	file := writeFile(t, "grants.yaml", grantsOfPolicy)
	const assumed, key = " --assumed-by arn:aws:iam::444455556666:role/destinations", " --kms-key arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	everything := acme + " --external-id destinations-0123456789abcdef --tenant-tag acme --object-tags" + key + assumed
	for line, same := range map[string]string{
		"--tenant acme" + assumed:                                                               everything,
		"--tenant acme" + assumed + " --document trust":                                         everything + " --document trust",
		"--tenant acme" + assumed + " --format terraform":                                       everything + " --format terraform",
		"--tenant acme --document key":                                                          everything + " --document key",
		"--tenant acme --external-id destinations-0123456789abcdef --tenant-tag acme" + assumed: everything,
		"--tenant beta" + key:                                                                   "policy --bucket acme-logs --role-arn arn:aws:iam::111122223333:role/beta --tenant-tag beta --s3-acl=" + key,
		"--tenant beta --document trust" + key + assumed:                                        "policy --bucket acme-logs --role-arn arn:aws:iam::111122223333:role/beta --document trust --tenant-tag beta --external-id " + auth.ExternalID("beta") + key + assumed,
		"--tenant gamma --role-arn deliverer":                                                   "policy --bucket acme-logs --role-arn deliverer --object-tags",
		"--tenant delta --role-arn deliverer":                                                   "policy --bucket acme-logs --role-arn deliverer",
	} {
		got, want := run(t, strings.Fields("policy --bucket acme-logs --grants "+file+" "+line)...), run(t, strings.Fields(same)...)
		if got.code != exitOK || want.code != exitOK || got.stdout != want.stdout || got.stdout == "" {
			t.Errorf("%s: got exit code %d, stderr %q,\n%s\nwant %d, %q,\n%s", line, got.code, got.stderr, got.stdout, want.code, want.stderr, want.stdout)
		}
	}
	got := run(t, "policy", "--bucket", "acme-logs", "--grants", file, "--tenant", "acme")
	if !strings.Contains(got.stderr, "--document key") || !strings.Contains(got.stderr, "its trust policy comes with --assumed-by") {
		t.Errorf("got stderr %q, want what is still needed", got.stderr)
	}
}

// A policy that does not fit what the service will do for the tenant is not printed.
func TestPolicyOfATenantThatSaysOtherwise(t *testing.T) {
	file := writeFile(t, "grants.yaml", grantsOfPolicy)
	for line, want := range map[string]string{
		"--tenant acme":                                                                  "--tenant: needs --grants",
		"--grants " + file + " --tenant nobody":                                          `--tenant: "nobody": `,
		"--grants " + file + ".x --tenant acme":                                          "--grants: ",
		"--grants " + file + " --tenant acme --role-arn deliverer":                       `--role-arn: "deliverer", and the service will use "arn:aws:iam::111122223333:role/service/acme"`,
		"--grants " + file + " --tenant acme --tenant-tag beta":                          `--tenant-tag: "beta", and the service will use "acme"`,
		"--grants " + file + " --tenant acme --external-id other":                        `--external-id: "other", and the service`,
		"--grants " + file + " --tenant acme --kms-key arn:aws:kms:a:111122223333:key/x": "--kms-key: ",
		"--grants " + file + " --tenant beta":                                            `--kms-key: missing: `,
		"--grants " + file + " --tenant gamma":                                           "--role-arn: missing",
	} {
		got := run(t, strings.Fields("policy --bucket acme-logs "+line)...)
		if got.code != exitNothing || got.stdout != "" || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: got exit code %d, stdout %q, stderr %q; want %s", line, got.code, got.stdout, got.stderr, want)
		}
	}
	// The file of a service's --config is not read for who does not ask for a tenant.
	if got := run(t, strings.Fields(acme+" --grants /no/such/file")...); got.code != exitOK {
		t.Errorf("got %+v", got)
	}
}

// The addresses are those that the service publishes now, and if that is none, no policy
// without the condition is printed instead.
func TestPolicyOfPublishedAddresses(t *testing.T) {
	service := &fakeOperations{egress: []string{"198.51.100.0/24", "203.0.113.7/32"}}
	target := service.start(t)
	got := run(t, strings.Fields(acme+" --source-ip published --source-ip 2001:db8::/64 --target "+target)...)
	var document policy.Document
	if err := json.Unmarshal([]byte(got.stdout), &document); err != nil || got.code != exitOK {
		t.Fatalf("got %+v, %v", got, err)
	}
	want := []string{"198.51.100.0/24", "203.0.113.7/32", "2001:db8::/64"}
	if from := document.Statement[1].Condition["NotIpAddress"]["aws:SourceIp"]; strings.Join(from, " ") != strings.Join(want, " ") {
		t.Errorf("got %v, want %v", from, want)
	}
	service.egress = nil
	if got := run(t, strings.Fields(acme+" --source-ip published --target "+target)...); got.code != exitFailed || got.stdout != "" || !strings.Contains(got.stderr, "publishes no addresses") {
		t.Errorf("got %+v", got)
	}
}
