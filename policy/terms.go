package policy

import (
	"fmt"
	"regexp"
	"strings"
)

// Terms say who may deliver where.
type Terms struct {
	Bucket    string   // its name
	Prefixes  []string // completed with "/"; none = the whole bucket
	Principal string   // who writes: the ARN of a role or user, or an access key
	NoACL     bool     // objects are written without an ACL
	Tags      bool     // objects are written with tags
	KMSKey    string   // the ARN of the key that objects are encrypted with; "" = none that the service names
}

// Validate says what is wrong with the terms. Bucket and prefixes are the caller's to check.
func (t Terms) Validate() error {
	_, err := partitionOf(t.Principal)
	return err
}

var (
	iamARN    = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$`)
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	accessKey = regexp.MustCompile(`^[\w.@+=/-]{1,128}$`)
)

// partitionOf is the AWS partition that a principal belongs to, which the bucket's ARN
// then has too. It refuses what would grant to more than one role, user or key.
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

func (t Terms) principal() map[string]string { return map[string]string{"AWS": t.Principal} }

// partition is that of the principal, which was checked.
func (t Terms) partition() string {
	partition, err := partitionOf(t.Principal)
	if err != nil {
		return "aws"
	}
	return partition
}

// resources are the ARNs of what an action is allowed on.
func (t Terms) resources(on Place) []string {
	switch on {
	case OnBucket:
		return []string{t.bucketARN()}
	case OnKey:
		return []string{"*"} // in its own policy a key is the only resource there is
	}
	return t.objectARNs()
}

func (t Terms) bucketARN() string { return "arn:" + t.partition() + ":s3:::" + t.Bucket }

func (t Terms) objectARNs() []string {
	if len(t.Prefixes) == 0 {
		return []string{t.bucketARN() + "/*"}
	}
	var arns []string
	for _, prefix := range t.Prefixes {
		arns = append(arns, t.bucketARN()+"/"+literally.Replace(prefix)+"*")
	}
	return arns
}

// literally writes what an ARN in a policy would not take as it stands:
// docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars.
var literally = strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}")

// keyARN is that of a KMS key, and its region.
var keyARN = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):kms:([a-z0-9-]+):[0-9]{12}:key/[A-Za-z0-9-]+$`)

// throughS3 is the condition that the key is used by S3 in the key's region, for the
// principal, and not by the principal itself:
// docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service.
// That page does not say what S3 is called in China's partition, so there it is left out.
func (t Terms) throughS3() Condition {
	match := keyARN.FindStringSubmatch(t.KMSKey)
	if match == nil || match[1] == "aws-cn" {
		return nil
	}
	return Condition{"StringEquals": {"kms:ViaService": {"s3." + match[2] + ".amazonaws.com"}}}
}
