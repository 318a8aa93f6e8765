package main

import (
	"strings"
	"testing"
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
