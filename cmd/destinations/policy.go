package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/open-destinations/destinations/policy"
)

// policyCmd prints what AWS has to be told.
type policyCmd struct {
	Bucket  string `required:"" placeholder:"BUCKET" help:"The bucket that the policy is for."`
	Prefix  string `placeholder:"PREFIX" help:"Allow objects under this prefix only (the whole bucket)."`
	RoleArn string `placeholder:"ARN" help:"Who may deliver: the ARN of the IAM role (or user) that the service runs as, such as arn:aws:iam::123456789012:role/destinations, or of the one that it assumes for the tenant; for an S3-compatible server without roles, its access key. Needed, unless the --tenant has one."`

	AssumedBy  string `placeholder:"ARN" help:"The ARN of the service's own role, where it assumes the one of --role-arn."`
	ExternalID string `name:"external-id" placeholder:"ID" help:"Let it be assumed only with this external id (external-id of the grants file)."`
	TenantTag  string `placeholder:"NAME" help:"Let only those of its sessions write that were assumed for this tenant: their session tag \"tenant\"."`

	SourceIP                 []string `name:"source-ip" placeholder:"CIDR" help:"Let it write from these addresses only (203.0.113.7, 203.0.113.0/24; several). \"published\": those that the service at --target publishes; see \"destinations egress-ips\"."`
	RequireTLS               bool     `name:"require-tls" help:"Refuse its requests that are not encrypted."`
	RequireConditionalWrites bool     `help:"Refuse its writes that could overwrite an object. The service never sends one."`

	KMSKey     string `name:"kms-key" placeholder:"ARN" help:"The key that objects are encrypted with (kms-key of the grants file)."`
	ObjectTags bool   `help:"Allow objects to have tags (tags of the grants file)."`
	S3ACL      string `name:"s3-acl" default:"bucket-owner-full-control" placeholder:"ACL" help:"Canned ACL of the objects (${default}); empty for none, which needs no right to set it."`

	Grants string `placeholder:"FILE" help:"The file (the service's --grants) that says what the --tenant has in AWS."`
	Tenant string `placeholder:"NAME" help:"Take role, external id, tag, key, tags and ACL from what the file says of this tenant."`

	Format   string `enum:"json,terraform,cloudformation" default:"json" placeholder:"FORMAT" help:"json, terraform or cloudformation (${default})."`
	Document string `enum:",bucket,trust,key,role,service" default:"" placeholder:"NAME" help:"Print this one: bucket, trust, key, role or service (json: bucket; else all that whoever owns the bucket needs)."`

	clientFlags `embed:""`
	Timeout     time.Duration `default:"1m" help:"How long to wait for the answer to \"published\" (${default})."`
}

// Help is the long text of --help.
func (*policyCmd) Help() string {
	return `What AWS has to be told is in up to five documents, and --document names one of them.

bucket: the bucket's policy. It allows the actions of what is on and nothing else, and each condition is a statement that denies --role-arn what does not meet it; other writers are not concerned. A bucket has one policy: if yours has one, add the statements to it.

trust: the trust policy of --role-arn, if the service assumes it (--assumed-by): who may, with which external id and tag. The external id stands here and not in the bucket's policy, which never sees it.

key: the statement that the policy of --kms-key needs beside those that it has.

role: the policy of --role-arn itself. AWS asks it too where the bucket or the key is in another account than the role.

service: the policy of the service's own role (--assumed-by), so that it may assume --role-arn.

With --tenant they fit what the service will do for that tenant: role, external id (also where the service makes one up), tag, key, tags and ACL are those of the grants file, and a flag beside it has to say the same.

--tenant-tag is for a role that the service assumes (role-arn of the grants file): only these sessions have the tag. --source-ip compares the public address; through an endpoint of a VPC there is none, and everything is refused.`
}

// Validate refuses a wait of no time.
func (c *policyCmd) Validate() error { return checkTimeout(c.Timeout) }

// Run prints a document, or all, and nothing else, on standard output.
func (c *policyCmd) Run(p *process) error {
	if err := c.askPublished(p); err != nil {
		return err
	}
	terms, assumed, err := c.terms()
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
	if assumed && c.AssumedBy == "" {
		fmt.Fprintf(p.stderr, "destinations policy: the service assumes %s: its trust policy comes with --assumed-by ARN, the service's own role\n", terms.Principal)
	}
	for _, lockout := range lockouts(terms, assumed) {
		fmt.Fprintf(p.stderr, "destinations policy: %s\n", lockout)
	}
	return nil
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
