package policy_test

import (
	"testing"

	"github.com/open-destinations/destinations/policy"
)

// A bucket is of the partition that its writer is of.
func TestPartition(t *testing.T) {
	for principal, want := range map[string]string{
		"arn:aws:iam::123456789012:role/x":        "arn:aws:s3:::demo",
		"arn:aws-us-gov:iam::123456789012:role/x": "arn:aws-us-gov:s3:::demo",
		"arn:aws-cn:iam::123456789012:user/a/b":   "arn:aws-cn:s3:::demo",
		"AKIAIOSFODNN7EXAMPLE":                    "arn:aws:s3:::demo",
	} {
		terms := policy.Terms{Bucket: "demo", Principal: principal}
		if err := terms.Validate(); err != nil {
			t.Errorf("%s: %v", principal, err)
		} else if got := bucketPolicy(t, terms).Statement[0].Resource[0]; got != want {
			t.Errorf("%s: got %q; want %q", principal, got, want)
		}
	}
}

// What an ARN would take for a pattern or a variable stands in it as itself.
func TestPrefixesAreLiteral(t *testing.T) {
	terms := policy.Terms{Bucket: "demo", Principal: role, Prefixes: []string{"a/", "b*c?/${aws:username}/"}}
	got := bucketPolicy(t, terms).Statement[0].Resource
	want := []string{"arn:aws:s3:::demo", "arn:aws:s3:::demo/a/*", "arn:aws:s3:::demo/b${*}c${?}/${$}{aws:username}/*"}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %q; want %q", got[i], want[i])
		}
	}
}

func bucketPolicy(t *testing.T, terms policy.Terms) policy.Document {
	t.Helper()
	document, err := terms.Document(policy.OfBucket)
	if err != nil {
		t.Fatal(err)
	}
	return document
}
