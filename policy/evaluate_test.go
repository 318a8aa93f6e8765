package policy_test

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/policy"
)

// request is what AWS would judge: who does what, on what, in which context.
type request struct {
	principal, action, resource string
	context                     map[string]string
}

// allowed judges a request as AWS's documentation says it does: what is denied is denied, and
// what nothing allows is, too (docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
// It knows the operators that are used here, and fails on any other.
func allowed(t *testing.T, r request, documents ...policy.Document) bool {
	t.Helper()
	allows := false
	for _, document := range documents {
		for _, s := range document.Statement {
			if s.Principal["AWS"] != r.principal || !matchesAny(s.Action, r.action) || s.Resource != nil && !matchesAny(s.Resource, r.resource) || !holds(t, s.Condition, r.context) {
				continue
			}
			if s.Effect == "Deny" {
				return false
			}
			allows = true
		}
	}
	return allows
}

// matchesAny matches with "*", and takes what is escaped as itself.
func matchesAny(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		expr := regexp.QuoteMeta(pattern)
		expr = strings.NewReplacer(`\$\{\*\}`, `\*`, `\$\{\?\}`, `\?`, `\$\{\$\}`, `\$`, `\*`, ".*").Replace(expr)
		return regexp.MustCompile("^" + expr + "$").MatchString(text)
	})
}

// holds reports whether all of a condition is true.
func holds(t *testing.T, c policy.Condition, context map[string]string) bool {
	t.Helper()
	for operator, keys := range c {
		for key, values := range keys {
			have, there := context[key]
			if !compare(t, operator, values, have, there) {
				return false
			}
		}
	}
	return true
}

// compare is one operator. A negated one is true where the key is missing, every other but
// ForAllValues and Null is false then.
func compare(t *testing.T, operator string, values []string, have string, there bool) bool {
	t.Helper()
	switch operator {
	case "StringEquals", "Bool":
		return there && slices.Contains(values, have)
	case "StringNotEquals":
		return !there || !slices.Contains(values, have)
	case "Null":
		return slices.Contains(values, fmt.Sprint(!there))
	case "ForAllValues:StringEquals":
		return !there || slices.Contains(values, have)
	case "NotIpAddress":
		return !there || !slices.ContainsFunc(values, func(r string) bool {
			return netip.MustParsePrefix(r).Contains(netip.MustParseAddr(have))
		})
	}
	t.Fatalf("operator %s: unknown", operator)
	return false
}

// What the service sends, by the operation: the action that each is judged by, where it
// is, and what of its context tells it from others.
var operations = map[string]struct {
	action  string
	object  bool
	context map[string]string
}{
	"GetBucketLocation":       {"s3:GetBucketLocation", false, nil},
	"ListMultipartUploads":    {"s3:ListBucketMultipartUploads", false, nil},
	"PutObject":               {"s3:PutObject", true, map[string]string{"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}},
	"CreateMultipartUpload":   {"s3:PutObject", true, map[string]string{"s3:ObjectCreationOperation": "false"}},
	"UploadPart":              {"s3:PutObject", true, map[string]string{"s3:ObjectCreationOperation": "false"}},
	"CompleteMultipartUpload": {"s3:PutObject", true, map[string]string{"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}},
	"AbortMultipartUpload":    {"s3:AbortMultipartUpload", true, nil},
	"PutObject with an ACL":   {"s3:PutObjectAcl", true, nil},
	"PutObject with tags":     {"s3:PutObjectTagging", true, nil},
}

// asked is an operation of the service under the case's terms, as it should be.
func asked(name string, terms policy.Terms) request {
	operation := operations[name]
	r := request{principal: terms.Principal, action: operation.action, resource: "arn:aws:s3:::acme-logs", context: map[string]string{
		"aws:SourceIp": "203.0.113.7", "aws:SecureTransport": "true", "aws:PrincipalTag/tenant": "acme",
	}}
	if strings.Contains(terms.Principal, "aws-us-gov") {
		r.resource = "arn:aws-us-gov:s3:::acme-logs"
	} else if strings.Contains(terms.Principal, "aws-cn") {
		r.resource = "arn:aws-cn:s3:::acme-logs"
	}
	if operation.object {
		prefix := "logs/a*b/"
		if len(terms.Prefixes) > 0 {
			prefix = terms.Prefixes[0]
		}
		r.resource += "/" + prefix + "2026/01/02/03/x.gz"
	}
	for key, value := range operation.context {
		r.context[key] = value
	}
	return r
}

// No condition keeps the service from anything that it does.
func TestNoConditionBreaksWhatTheServiceDoes(t *testing.T) {
	for name, terms := range cases() {
		document := bucketPolicy(t, terms)
		for operation, what := range operations {
			want := what.action != "s3:PutObjectTagging" || terms.Tags
			want = want && (what.action != "s3:PutObjectAcl" || !terms.NoACL)
			if got := allowed(t, asked(operation, terms), document); got != want {
				t.Errorf("%s: %s: got %v, want %v", name, operation, got, want)
			}
		}
		for _, never := range []string{"s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "s3:PutBucketPolicy", "s3:PutObjectRetention"} {
			if r := asked("PutObject", terms); allowed(t, request{r.principal, never, r.resource, r.context}, document) {
				t.Errorf("%s: %s is allowed", name, never)
			}
		}
	}
}

// Each condition refuses what does not meet it, and only where it is asked for.
func TestConditionsRefuse(t *testing.T) {
	for name, test := range map[string]struct {
		key, value string // of the context; "" = missing
		operations []string
		on         func(policy.Terms) bool
	}{
		"another address":   {"aws:SourceIp", "192.0.2.1", nil, func(t policy.Terms) bool { return len(t.Sources) > 0 }},
		"another IPv6":      {"aws:SourceIp", "2001:db8:1::1", nil, func(t policy.Terms) bool { return len(t.Sources) > 0 }},
		"a VPC's endpoint":  {"aws:SourceIp", "", nil, func(t policy.Terms) bool { return len(t.Sources) > 0 }},
		"nothing encrypted": {"aws:SecureTransport", "false", nil, func(t policy.Terms) bool { return t.TLS }},
		"another tenant":    {"aws:PrincipalTag/tenant", "beta", []string{"PutObject", "CreateMultipartUpload", "UploadPart"}, func(t policy.Terms) bool { return t.Tenant != "" }},
		"no tenant":         {"aws:PrincipalTag/tenant", "", []string{"PutObject", "CompleteMultipartUpload", "AbortMultipartUpload"}, func(t policy.Terms) bool { return t.Tenant != "" }},
		"may overwrite":     {"s3:if-none-match", "", []string{"PutObject", "CompleteMultipartUpload"}, func(t policy.Terms) bool { return t.ConditionalWrites }},
	} {
		for named, terms := range cases() {
			of := test.operations
			if of == nil {
				of = []string{"GetBucketLocation", "ListMultipartUploads", "PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload"}
			}
			for _, operation := range of {
				r := asked(operation, terms)
				if r.context[test.key] = test.value; test.value == "" {
					delete(r.context, test.key)
				}
				if got := allowed(t, r, bucketPolicy(t, terms)); got == test.on(terms) {
					t.Errorf("%s: %s with %s: got %v", named, operation, name, got)
				}
			}
		}
	}
}

// Who else writes into the bucket, by a statement that was there before, is not concerned
// by any of it: neither allowed nor denied.
func TestOtherWritersAreNotConcerned(t *testing.T) {
	const other = "arn:aws:iam::111122223333:role/nightly"
	theirs := policy.Document{Statement: []policy.Statement{{
		Effect: "Allow", Principal: map[string]string{"AWS": other}, Action: []string{"s3:PutObject", "s3:GetObject"}, Resource: []string{"arn:aws:s3:::acme-logs/*"},
	}}}
	for name, terms := range cases() {
		ours := bucketPolicy(t, terms)
		for _, action := range []string{"s3:PutObject", "s3:GetObject"} {
			r := request{other, action, "arn:aws:s3:::acme-logs/logs/a*b/x", map[string]string{"aws:SourceIp": "192.0.2.1", "aws:SecureTransport": "false", "s3:ObjectCreationOperation": "true"}}
			if !allowed(t, r, theirs, ours) {
				t.Errorf("%s: another writer is locked out of %s", name, action)
			}
			if allowed(t, r, ours) {
				t.Errorf("%s: another writer is let in by ours", name)
			}
		}
		for _, statement := range ours.Statement {
			if statement.Principal["AWS"] != terms.Principal || len(statement.Principal) != 1 {
				t.Errorf("%s: %s is about %v", name, statement.Sid, statement.Principal)
			}
		}
	}
}

// Two tenants' prefixes of one bucket, written by sessions of one role, each with its tag:
// the policies stand beside each other, and neither tenant reaches the other's.
func TestTwoTenantsInOneBucket(t *testing.T) {
	of := func(tenant string) policy.Terms {
		return policy.Terms{Bucket: "shared", Prefixes: []string{tenant + "/"}, Principal: role, AssumedBy: service, Tenant: tenant}
	}
	both := []policy.Document{bucketPolicy(t, of("acme")), bucketPolicy(t, of("beta"))}
	for _, tenant := range []string{"acme", "beta"} {
		context := map[string]string{"aws:PrincipalTag/tenant": tenant}
		for _, prefix := range []string{"acme", "beta"} {
			r := request{role, "s3:PutObject", "arn:aws:s3:::shared/" + prefix + "/x", context}
			if got := allowed(t, r, both...); got != (tenant == prefix) {
				t.Errorf("%s into %s/: got %v", tenant, prefix, got)
			}
		}
		if !allowed(t, request{role, "s3:GetBucketLocation", "arn:aws:s3:::shared", context}, both...) {
			t.Errorf("%s may not ask for the region", tenant)
		}
	}
}

// Who may assume a role: the service alone, with the external id, for the tenant.
func TestWhoMayAssume(t *testing.T) {
	terms := cases()["all"]
	document, err := terms.Document(policy.OfTrust)
	if err != nil {
		t.Fatal(err)
	}
	right := map[string]string{"sts:ExternalId": terms.ExternalID, "aws:RequestTag/tenant": "acme", "aws:TagKeys": "tenant"}
	for name, test := range map[string]struct {
		principal, key, value string
		assumes, tags         bool
	}{
		"the service":         {service, "", "", true, true},
		"somebody else":       {"arn:aws:iam::444455556666:role/other", "", "", false, false},
		"another external id": {service, "sts:ExternalId", "guessed", false, true},
		"no external id":      {service, "sts:ExternalId", "", false, true},
		"another tenant":      {service, "aws:RequestTag/tenant", "beta", false, false},
		"no tenant":           {service, "aws:RequestTag/tenant", "", false, false},
		"another tag":         {service, "aws:TagKeys", "admin", true, false},
	} {
		context := map[string]string{}
		for key, value := range right {
			context[key] = value
		}
		if test.key != "" {
			if context[test.key] = test.value; test.value == "" {
				delete(context, test.key)
			}
		}
		for action, want := range map[string]bool{"sts:AssumeRole": test.assumes, "sts:TagSession": test.tags} {
			if got := allowed(t, request{test.principal, action, "", context}, document); got != want {
				t.Errorf("%s: %s: got %v, want %v", name, action, got, want)
			}
		}
	}
}
