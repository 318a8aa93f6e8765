package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// AWS is what a tenant has in AWS of its own, as the grants file says it. It never changes.
type AWS struct {
	RoleARN     string            // the IAM role that is assumed for its requests; "" = the service's own credentials
	ExternalID  string            // that the role's trust policy may ask for; never "" with a role
	BucketOwner string            // the account, 12 digits, that its buckets have to belong to; "" = any
	KMSKey      string            // that its objects are encrypted with: ARN, alias or id; "" = what the bucket does
	ACL         *string           // canned ACL of its objects, "" = none; nil = that of the service
	Class       string            // storage class of its objects; "" = the usual one
	Tags        map[string]string // of its objects
}

// ExternalID is the external id of a tenant for which the file names none: different for each
// tenant and always the same for one, so that it can be printed before the service has
// run. It is no secret; it keeps one tenant's role from being assumed for another.
func ExternalID(tenant string) string {
	sum := sha256.Sum256([]byte("external id of the tenant " + tenant))
	return "destinations-" + hex.EncodeToString(sum[:])
}

// awsEntry is the file as YAML.
type awsEntry struct {
	RoleARN     *located           `yaml:"role-arn"`
	ExternalID  *located           `yaml:"external-id"`
	BucketOwner *located           `yaml:"expected-bucket-owner"`
	KMSKey      *located           `yaml:"kms-key"`
	ACL         *located           `yaml:"acl"`
	Class       *located           `yaml:"storage-class"`
	Tags        map[string]located `yaml:"tags"`
}

// located is a text and the line in which it stands.
type located struct {
	text string
	line int
}

// UnmarshalYAML takes a text as it was written: an account may begin with zeros.
func (l *located) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: must be a text", node.Line)
	}
	l.text, l.line = node.Value, node.Line
	return nil
}

// Limits of AWS, as the references of AssumeRole, of PutObject, of KMS's key ids and of S3's
// object tags give them.
const (
	maxARN        = 2048
	minExternalID = 2
	maxExternalID = 1224
	maxTags       = 10
	maxTagKey     = 128 // characters
	maxTagValue   = 256 // characters
)

const (
	roleRule  = "must be the ARN of a role, such as arn:aws:iam::111122223333:role/acme-destinations"
	idRule    = `must be 2 to 1224 letters, digits, "_" and "+=,.@:/-"`
	ownerRule = "must be an account: 12 digits"
	keyRule   = "must be the ARN, the alias (alias/NAME) or the id of a KMS key"
)

var (
	roleARN    = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([!-~]*/)?[\w+=,.@-]{1,64}$`)
	externalID = regexp.MustCompile(`^[\w+=,.@:/-]*$`)
	account    = regexp.MustCompile(`^[0-9]{12}$`)
	kmsKey     = regexp.MustCompile(`^(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|alias/[\w/-]{1,250})$`)
	kmsARN     = regexp.MustCompile(`^arn:aws(-[a-z]+)*:kms:[a-z0-9-]{1,32}:[0-9]{12}:(key/)?(.*)$`)
	tagText    = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+@-]*$`)
)

// cannedACLs and storageClasses are those that S3 takes for an object in an ordinary bucket.
// They are never written.
var (
	cannedACLs = []string{"private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read",
		"bucket-owner-read", "bucket-owner-full-control"}
	storageClasses = []string{"STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER",
		"DEEP_ARCHIVE", "REDUCED_REDUNDANCY"}
)

// of is what the entry says of a tenant. The problems name their lines.
func (e *awsEntry) of(tenant string) (*AWS, error) {
	var problems []error
	check := func(field string, value *located, ok func(string) bool, rule string) string {
		if value == nil {
			return ""
		}
		if !ok(value.text) {
			problems = append(problems, fmt.Errorf("line %d: tenants: %s: aws: %s: %q: %s", value.line, tenant, field, cut(value.text), rule))
		}
		return value.text
	}
	a := &AWS{
		RoleARN:     check("role-arn", e.RoleARN, func(s string) bool { return len(s) <= maxARN && roleARN.MatchString(s) }, roleRule),
		ExternalID:  check("external-id", e.ExternalID, isExternalID, idRule),
		BucketOwner: check("expected-bucket-owner", e.BucketOwner, account.MatchString, ownerRule),
		KMSKey:      check("kms-key", e.KMSKey, isKMSKey, keyRule),
		Class: check("storage-class", e.Class, func(s string) bool { return slices.Contains(storageClasses, s) },
			"must be "+orList(storageClasses)),
	}
	if e.ACL != nil {
		acl := check("acl", e.ACL, func(s string) bool { return s == "" || slices.Contains(cannedACLs, s) },
			`must be "", for none, or `+orList(cannedACLs))
		a.ACL = &acl
	}
	switch {
	case a.ExternalID != "" && a.RoleARN == "":
		problems = append(problems, fmt.Errorf("line %d: tenants: %s: aws: external-id: needs role-arn", e.ExternalID.line, tenant))
	case a.RoleARN != "" && e.ExternalID == nil:
		a.ExternalID = ExternalID(tenant)
	}
	problems = append(problems, a.addTags(tenant, e.Tags)...)
	return a, errors.Join(problems...)
}

// addTags adds the tags of objects.
func (a *AWS) addTags(tenant string, tags map[string]located) (problems []error) {
	a.Tags = make(map[string]string, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		a.Tags[key] = value.text
		refuse := func(format string, args ...any) {
			where := fmt.Sprintf("line %d: tenants: %s: aws: tags: ", value.line, tenant)
			problems = append(problems, errors.New(where+fmt.Sprintf(format, args...)))
		}
		switch {
		case len(a.Tags) == maxTags+1:
			refuse("%d, at most %d", len(tags), maxTags)
		case key == "" || utf8.RuneCountInString(key) > maxTagKey:
			refuse("%q: the key has %d characters, must have 1 to %d", cut(key), utf8.RuneCountInString(key), maxTagKey)
		case utf8.RuneCountInString(value.text) > maxTagValue:
			refuse("%s: the value has %d characters, at most %d", cut(key), utf8.RuneCountInString(value.text), maxTagValue)
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			refuse(`%q: the key must not begin with "aws:", which is Amazon's`, key)
		case !tagText.MatchString(key) || !tagText.MatchString(value.text):
			refuse(`%q: %q: must be letters, digits, spaces and "_.:/=+@-"`, key, value.text)
		}
	}
	return problems
}

func isExternalID(s string) bool {
	return len(s) >= minExternalID && len(s) <= maxExternalID && externalID.MatchString(s)
}

// isKMSKey: in an ARN, what is no alias is said to be a key.
func isKMSKey(s string) bool {
	if match := kmsARN.FindStringSubmatch(s); match != nil {
		isKey := match[2] != ""
		return kmsKey.MatchString(match[3]) && isKey != strings.HasPrefix(match[3], "alias/")
	}
	return kmsKey.MatchString(s)
}

func orList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// cut shortens a value that is too long to be shown.
func cut(s string) string {
	const most = 100
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "..."
}

// HasRole reports whether a role of the tenant's own is assumed for it; nil has none.
func (a *AWS) HasRole() bool { return a != nil && a.RoleARN != "" }

// String says what a tenant has of its own, as the file does; "" if that is nothing.
func (a *AWS) String() string {
	if a == nil {
		return ""
	}
	var parts []string
	add := func(field, value string) {
		if value != "" {
			parts = append(parts, field+" "+value)
		}
	}
	add("role-arn", a.RoleARN)
	add("external-id", a.ExternalID)
	add("expected-bucket-owner", a.BucketOwner)
	add("kms-key", a.KMSKey)
	if a.ACL != nil {
		add("acl", fmt.Sprintf("%q", *a.ACL))
	}
	add("storage-class", a.Class)
	for _, key := range slices.Sorted(maps.Keys(a.Tags)) {
		parts = append(parts, fmt.Sprintf("tag %s=%s", key, a.Tags[key]))
	}
	return strings.Join(parts, ", ")
}
