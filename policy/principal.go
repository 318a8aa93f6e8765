package policy

import (
	"errors"
	"fmt"
	"regexp"
)

var (
	iamARN    = regexp.MustCompile(`^arn:(aws(?:-[a-z]+)*):iam::([0-9]{12}):(role|user)(/(?:[\w+=,.@-]+/)*)([\w+=,.@-]{1,64})$`)
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	accessKey = regexp.MustCompile(`^[\w.@+=/-]{1,128}$`)
)

// CheckPrincipal refuses who can't be granted anything, or would be more than one role,
// user or access key.
func CheckPrincipal(principal string) error {
	_, err := partitionOf(principal)
	return err
}

// partitionOf is the AWS partition that a principal belongs to, which the bucket's ARN
// then has too. Errors are those of [CheckPrincipal].
func partitionOf(principal string) (string, error) {
	if match := iamARN.FindStringSubmatch(principal); match != nil {
		return match[1], nil
	}
	switch {
	case accountID.MatchString(principal):
		return "", fmt.Errorf("%q is an account: it would grant to everybody in it", principal)
	case accessKey.MatchString(principal):
		return "aws", nil // a server without roles, which takes the usual ARNs
	}
	return "", fmt.Errorf("%q is neither the ARN of a role (arn:aws:iam::123456789012:role/destinations) nor an access key", principal)
}

// isRole reports whether a principal is a role: only that can be assumed, with tags.
func isRole(principal string) bool {
	match := iamARN.FindStringSubmatch(principal)
	return match != nil && match[3] == "role"
}

// nameOf is the name of a role or user and the path before it, as IAM has them apart;
// both are empty for an access key.
func nameOf(principal string) (name, path string) {
	match := iamARN.FindStringSubmatch(principal)
	if match == nil {
		return "", ""
	}
	return match[5], match[4]
}

func (t Terms) checkAssumedBy() error {
	if t.AssumedBy == "" {
		return nil
	}
	if !iamARN.MatchString(t.AssumedBy) {
		return fmt.Errorf("%q is not the ARN of a role (arn:aws:iam::123456789012:role/destinations)", t.AssumedBy)
	}
	if !isRole(t.Principal) {
		return fmt.Errorf("only a role can be assumed, and --role-arn is %q", t.Principal)
	}
	if t.AssumedBy == t.Principal {
		return errors.New("is the role of --role-arn itself: leave it out where the service writes with its own role")
	}
	return nil
}
