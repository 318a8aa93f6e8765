package main

import (
	"fmt"

	"github.com/open-destinations/destinations/policy"
	"github.com/open-destinations/destinations/server"
)

// policyCmd prints a bucket policy.
type policyCmd struct {
	Bucket  string `required:"" placeholder:"BUCKET" help:"The bucket that the policy is for."`
	RoleArn string `required:"" placeholder:"ARN" help:"Who may deliver: the ARN of the IAM role (or user) that the service runs as, such as arn:aws:iam::123456789012:role/destinations; for an S3-compatible server without roles, its access key."`
}

// Run prints the policy, and nothing else, on standard output.
func (c *policyCmd) Run(p *process) error {
	if err := server.CheckBucket(c.Bucket); err != nil {
		return &exitError{code: exitNothing, err: fmt.Errorf("--bucket: %w", err)}
	}
	terms := policy.Terms{Bucket: c.Bucket, Principal: c.RoleArn}
	if err := terms.Validate(); err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	text, err := terms.JSON(policy.OfBucket)
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(text)
	return err
}
