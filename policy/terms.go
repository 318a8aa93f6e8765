package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
)

// Terms say who may deliver where, with what switched on, and on what conditions.
type Terms struct {
	Bucket    string   // its name
	Prefixes  []string // completed with "/"; none = the whole bucket
	Principal string   // who writes (--role-arn): the ARN of a role or user, or an access key
	NoACL     bool     // objects are written without an ACL
	Tags      bool     // objects are written with tags
	KMSKey    string   // the ARN of the key that objects are encrypted with (--kms-key); "" = none that the service names

	AssumedBy  string // who assumes the principal (--assumed-by): the ARN of the service's own role; "" = the principal is the service's own
	ExternalID string // what has to be said when it is assumed (--external-id); "" = nothing
	Tenant     string // whose sessions may write: their tag "tenant" (--tenant-tag); "" = all

	Sources           []netip.Prefix // addresses that requests may come from (--source-ip); none = all
	TLS               bool           // requests have to be encrypted (--require-tls)
	ConditionalWrites bool           // objects have to be created, and never overwritten (--require-conditional-writes)
}

// Validate returns every problem of the terms, joined, each beginning with its flag. Bucket
// and prefixes are the caller's to check.
func (t Terms) Validate() error {
	var problems []error
	add := func(flag string, err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("--%s: %w", flag, err))
		}
	}
	add("role-arn", CheckPrincipal(t.Principal))
	add("kms-key", checkKey(t.KMSKey, t.Principal))
	add("assumed-by", t.checkAssumedBy())
	add("external-id", t.checkExternalID())
	add("tenant-tag", t.checkTenant())
	for _, source := range t.Sources {
		add("source-ip", checkSource(source))
	}
	add("source-ip", t.checkSize())
	return errors.Join(problems...)
}

// maxBucketPolicy is the size of the largest policy of a bucket, in bytes:
// docs.aws.amazon.com/AmazonS3/latest/dev/AccessPolicyLanguage_SpecialInfo.html.
const maxBucketPolicy = 20 << 10

// checkSize refuses what S3 would; addresses are what there can be many of.
func (t Terms) checkSize() error {
	text, err := json.Marshal(t.ofBucket())
	if err != nil || len(text) <= maxBucketPolicy {
		return err
	}
	return fmt.Errorf("%d ranges make a policy of %d bytes, at most %d", len(t.Sources), len(text), maxBucketPolicy)
}
