package main

import (
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/open-destinations/destinations/server"
)

// policyCmd prints a bucket policy.
type policyCmd struct {
	Bucket  string `required:"" placeholder:"BUCKET" help:"The bucket that the policy is for."`
	RoleArn string `required:"" placeholder:"ARN" help:"Who may deliver: the ARN of the IAM role (or user) that the service runs as, such as arn:aws:iam::123456789012:role/destinations; for an S3-compatible server without roles, its access key."`
}

// bucketPolicy is a policy document with one statement; the fields stand in the
// order in which AWS's own examples write them.
type bucketPolicy struct {
	Version   string
	ID        string `json:"Id"`
	Statement []policyStatement
}

type policyStatement struct {
	Effect    string
	Principal map[string]string
	Action    []string
	Resource  []string
}

// Run prints the policy, and nothing else, on standard output.
func (c *policyCmd) Run(p *process) error {
	if err := server.CheckBucket(c.Bucket); err != nil {
		return &exitError{code: exitNothing, err: fmt.Errorf("--bucket: %w", err)}
	}
	partition, err := principalPartition(c.RoleArn)
	if err != nil {
		return &exitError{code: exitNothing, err: fmt.Errorf("--role-arn: %w", err)}
	}
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(newBucketPolicy(partition, c.Bucket, c.RoleArn))
}

// newBucketPolicy grants principal the five actions that delivering takes:
// multipart uploads can be made, found and aborted, the bucket's region can be
// asked for, and objects can be written for their owner to read. Nothing can be
// read, listed, overwritten on purpose or deleted.
func newBucketPolicy(partition, bucket, principal string) bucketPolicy {
	arn := "arn:" + partition + ":s3:::" + bucket
	return bucketPolicy{
		Version: "2012-10-17",
		ID:      "allow-destinations-limited-access",
		Statement: []policyStatement{{
			Effect:    "Allow",
			Principal: map[string]string{"AWS": principal},
			Action: []string{
				"s3:AbortMultipartUpload",
				"s3:GetBucketLocation",
				"s3:PutObject",
				"s3:PutObjectAcl",
				"s3:ListBucketMultipartUploads",
			},
			Resource: []string{arn, arn + "/*"},
		}},
	}
}

var (
	iamARN    = regexp.MustCompile(`^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:(role|user)/[\w+=,.@/-]+$`)
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	accessKey = regexp.MustCompile(`^[\w.@+=/-]{1,128}$`)
)

// principalPartition is the AWS partition that a principal belongs to, which the
// bucket's ARN then has too. It refuses what would grant to more than one role,
// user or key.
func principalPartition(principal string) (string, error) {
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
