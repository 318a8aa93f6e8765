package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/open-destinations/destinations/policy"
	"github.com/open-destinations/destinations/server"
)

// policyCmd prints what AWS has to be told.
type policyCmd struct {
	Bucket  string `required:"" placeholder:"BUCKET" help:"The bucket that the policy is for."`
	Prefix  string `placeholder:"PREFIX" help:"Allow objects under this prefix only (the whole bucket)."`
	RoleArn string `placeholder:"ARN" help:"Who may deliver: the ARN of the IAM role (or user) that the service runs as, such as arn:aws:iam::123456789012:role/destinations, or of the one that it assumes for the tenant; for an S3-compatible server without roles, its access key."`

	AssumedBy  string `placeholder:"ARN" help:"The ARN of the service's own role, where it assumes the one of --role-arn."`
	ExternalID string `name:"external-id" placeholder:"ID" help:"Let it be assumed only with this external id."`
	TenantTag  string `placeholder:"NAME" help:"Let only those of its sessions write that were assumed for this tenant: their session tag \"tenant\"."`

	SourceIP                 []string `name:"source-ip" placeholder:"CIDR" help:"Let it write from these addresses only (203.0.113.7, 203.0.113.0/24; several)."`
	RequireTLS               bool     `name:"require-tls" help:"Refuse its requests that are not encrypted."`
	RequireConditionalWrites bool     `help:"Refuse its writes that could overwrite an object. The service never sends one."`

	KMSKey     string `name:"kms-key" placeholder:"ARN" help:"The key that objects are encrypted with."`
	ObjectTags bool   `help:"Allow objects to have tags."`
	S3ACL      string `name:"s3-acl" default:"bucket-owner-full-control" placeholder:"ACL" help:"Canned ACL of the objects (${default}); empty for none, which needs no right to set it."`

	Format   string `enum:"json,terraform,cloudformation" default:"json" placeholder:"FORMAT" help:"json, terraform or cloudformation (${default})."`
	Document string `enum:",bucket,trust,key,role,service" default:"" placeholder:"NAME" help:"Print this one: bucket, trust, key, role or service (json: bucket; else all that whoever owns the bucket needs)."`
}

// Help is the long text of --help.
func (*policyCmd) Help() string {
	return `What AWS has to be told is in up to five documents, and --document names one of them.

bucket: the bucket's policy. It allows the actions of what is on and nothing else, and each condition is a statement that denies --role-arn what does not meet it; other writers are not concerned. A bucket has one policy: if yours has one, add the statements to it.

trust: the trust policy of --role-arn, if the service assumes it (--assumed-by): who may, with which external id and tag. The external id stands here and not in the bucket's policy, which never sees it.

key: the statement that the policy of --kms-key needs beside those that it has.

role: the policy of --role-arn itself. AWS asks it too where the bucket or the key is in another account than the role.

service: the policy of the service's own role (--assumed-by), so that it may assume --role-arn.

--tenant-tag is for a role that the service assumes: only these sessions have the tag. --source-ip compares the public address; through an endpoint of a VPC there is none, and everything is refused.`
}

// Run prints a document, or all, and nothing else, on standard output.
func (c *policyCmd) Run(p *process) error {
	terms, err := c.terms()
	if err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	kinds := c.kinds(terms)
	text, err := c.text(terms, kinds)
	if err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	if _, err := p.stdout.Write(text); err != nil {
		return err
	}
	if rest := c.rest(terms, kinds); len(rest) > 0 {
		fmt.Fprintf(p.stderr, "destinations policy: this is one of several documents: the same with --document %s\n", strings.Join(rest, ", --document "))
	}
	return nil
}

// terms are what the flags say. The error has every problem.
func (c *policyCmd) terms() (policy.Terms, error) {
	var problems []error
	if err := server.CheckBucket(c.Bucket); err != nil {
		problems = append(problems, fmt.Errorf("--bucket: %w", err))
	}
	t := policy.Terms{
		Bucket: c.Bucket, Principal: c.RoleArn, NoACL: c.S3ACL == "", Tags: c.ObjectTags, KMSKey: c.KMSKey,
		AssumedBy: c.AssumedBy, ExternalID: c.ExternalID, Tenant: c.TenantTag,
		TLS: c.RequireTLS, ConditionalWrites: c.RequireConditionalWrites,
	}
	prefix, err := server.CheckPrefix(c.Prefix)
	if err != nil {
		problems = append(problems, fmt.Errorf("--prefix: %w", err))
	} else if prefix != "" {
		t.Prefixes = []string{prefix}
	}
	t.Sources, err = addressesOf("--source-ip", c.SourceIP)
	problems = append(problems, err)
	if t.Principal == "" {
		problems = append(problems, errors.New("--role-arn: missing: who may deliver"))
	} else {
		problems = append(problems, t.Validate())
	}
	return t, errors.Join(problems...)
}

// addressesOf reads the values of a flag as ranges of addresses. The error has every problem.
func addressesOf(flag string, values []string) ([]netip.Prefix, error) {
	var ranges []netip.Prefix
	var problems []error
	for _, value := range values {
		addresses, err := policy.ParseAddresses(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", flag, err))
			continue
		}
		ranges = append(ranges, addresses)
	}
	return ranges, errors.Join(problems...)
}

// kinds are the documents to print.
func (c *policyCmd) kinds(t policy.Terms) []policy.Kind {
	switch {
	case c.Document != "":
		return []policy.Kind{policy.Kind(c.Document)}
	case c.Format == "json":
		return []policy.Kind{policy.OfBucket}
	}
	return t.Kinds()
}

// rest are the documents that belong to the bucket's owner and are not printed, nor were
// asked for one by one.
func (c *policyCmd) rest(t policy.Terms, printed []policy.Kind) []string {
	var rest []string
	for _, kind := range t.Kinds() {
		if c.Document == "" && !slices.Contains(printed, kind) {
			rest = append(rest, string(kind))
		}
	}
	return rest
}

func (c *policyCmd) text(t policy.Terms, kinds []policy.Kind) ([]byte, error) {
	switch c.Format {
	case "terraform":
		return t.Terraform(kinds)
	case "cloudformation":
		return t.CloudFormation(kinds)
	}
	return t.JSON(kinds[0])
}
