package policy

import (
	"errors"
	"fmt"
	"regexp"
	"unicode/utf8"
)

// externalID is what STS takes: docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html.
var externalID = regexp.MustCompile(`^[\w+=,.@:/-]+$`)

// maxExternalID is in bytes.
const maxExternalID = 1224

func (t Terms) checkExternalID() error {
	switch {
	case t.ExternalID == "":
		return nil
	case !externalID.MatchString(t.ExternalID) || len(t.ExternalID) < 2 || len(t.ExternalID) > maxExternalID:
		return fmt.Errorf("%q: must be 2 to 1,224 letters, digits and +=,.@:/-_", t.ExternalID)
	case t.AssumedBy == "":
		return errors.New("is a condition of who may assume the role: needs --assumed-by")
	}
	return nil
}

// tagValue is what STS takes as the value of a session tag.
var tagValue = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]+$`)

// maxTagValue is in characters.
const maxTagValue = 256

func (t Terms) checkTenant() error {
	switch {
	case t.Tenant == "":
		return nil
	case !tagValue.MatchString(t.Tenant) || utf8.RuneCountInString(t.Tenant) > maxTagValue:
		return fmt.Errorf("%q: must be 1 to %d letters, digits, spaces and _.:/=+-@", t.Tenant, maxTagValue)
	case !isRole(t.Principal):
		return fmt.Errorf("only the session of a role has tags, and --role-arn is %q", t.Principal)
	}
	return nil
}

// keyARN is that of a KMS key, with its partition and region.
var keyARN = regexp.MustCompile(`^arn:(aws(?:-[a-z]+)*):kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+$`)

// IsKeyARN reports whether a key is said by its ARN, as policies have to say it.
func IsKeyARN(key string) bool { return keyARN.MatchString(key) }

func checkKey(key, principal string) error {
	switch match := keyARN.FindStringSubmatch(key); {
	case key == "":
		return nil
	case match == nil:
		return fmt.Errorf("%q is not the ARN of a key (arn:aws:kms:eu-west-1:123456789012:key/...); what is said of an alias counts for no key", key)
	case iamARN.FindStringSubmatch(principal) == nil:
		return fmt.Errorf("a key's policy names a role or user, and --role-arn is %q", principal)
	}
	return nil
}
