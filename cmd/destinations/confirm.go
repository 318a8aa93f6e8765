package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// confirmCmd has the challenge of a bucket written, and gives its content back.
type confirmCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	Bucket  string        `required:"" placeholder:"BUCKET" help:"The bucket."`
	Prefix  string        `placeholder:"PREFIX" help:"A prefix that the service may write under, and that the grant reaches (none)."`
	File    string        `placeholder:"FILE" help:"Read the content from this file."`
	JSON    bool          `name:"json" help:"Print how the bucket stands as one JSON value."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
	Content *string       `arg:"" optional:"" help:"What the challenge holds; - reads it from standard input. Without it and --file the challenge is written, and its place is printed."`
}

// Help is the long text of --help.
func (*confirmCmd) Help() string {
	return `Where the grants say "challenge: true" of a tenant, its events are rejected until it has shown that it can read their bucket. The service writes an object there, _destinations-challenge-..., when it rejects an event, or when this command is run without a content:

    destinations confirm --bucket my-bucket --prefix test
    aws s3 cp s3://my-bucket/test/_destinations-challenge-... - | destinations confirm --bucket my-bucket --prefix test -

Then the bucket is confirmed for the tenant, with all of its prefixes. The object stays; it may be deleted.

Exit code 0: the bucket is confirmed, or need not be. 1: an error. 6: it has to be, and is not yet.`
}

// Validate refuses two contents, and a wait of no time.
func (c *confirmCmd) Validate() error {
	problems := []error{checkTimeout(c.Timeout)}
	if c.File != "" && c.Content != nil {
		problems = append(problems, errors.New("--file and a content: only one of them"))
	}
	return errors.Join(problems...)
}

// Run asks the service.
func (c *confirmCmd) Run(p *process) error {
	content, err := c.content(p)
	if err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	response, err := destinationsv1.NewOperationsClient(conn).ConfirmBucket(ctx, &destinationsv1.ConfirmBucketRequest{
		Tenant: c.Tenant, Bucket: c.Bucket, Prefix: c.Prefix, Content: content,
	})
	if err != nil {
		return c.explainIn(ctx, err)
	}
	if c.JSON {
		err = printJSON(p.stdout, []confirmed{{
			Bucket: c.Bucket, Key: response.GetKey(), Needed: response.GetNeeded(), Confirmed: response.GetConfirmed(), Since: timeOf(response.GetSince()),
		}})
	} else {
		_, err = fmt.Fprintln(p.stdout, c.outcome(response))
	}
	if err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	if response.GetNeeded() && !response.GetConfirmed() {
		return &exitError{code: exitUnconfirmed}
	}
	return nil
}

// confirmed is how a bucket stands, as --json prints it.
type confirmed struct {
	Bucket    string     `json:"bucket"`
	Key       string     `json:"key,omitempty"` // of the challenge
	Needed    bool       `json:"needed"`
	Confirmed bool       `json:"confirmed"`
	Since     *time.Time `json:"since,omitempty"`
}

// maxContentBytes is more than a challenge holds: whatever else is given by mistake is not
// sent.
const maxContentBytes = 1 << 10

// content is what is to be given back; "" = the challenge is to be written.
func (c *confirmCmd) content(p *process) (string, error) {
	from := p.stdin
	switch {
	case c.File == "" && c.Content == nil:
		return "", nil
	case c.File != "":
		file, err := os.Open(c.File)
		if err != nil {
			return "", fmt.Errorf("--file: %w", err)
		}
		defer file.Close()
		from = file
	case *c.Content != "-":
		from = strings.NewReader(*c.Content)
	}
	text, err := io.ReadAll(io.LimitReader(from, maxContentBytes+1))
	switch trimmed := strings.TrimSpace(string(text)); {
	case err != nil:
		return "", fmt.Errorf("read the content: %w", err)
	case len(text) > maxContentBytes:
		return "", fmt.Errorf("the content has more than %d bytes: it is not that of a challenge", maxContentBytes)
	case trimmed == "":
		return "", errors.New("the content is empty: read the challenge, and give what it holds")
	default:
		return trimmed, nil
	}
}

// outcome says how the bucket stands, and what is to be done.
func (c *confirmCmd) outcome(r *destinationsv1.ConfirmBucketResponse) string {
	if r.GetConfirmed() {
		return fmt.Sprintf("bucket %s is confirmed since %s", c.Bucket, r.GetSince().AsTime().Format(time.RFC3339))
	}
	text := fmt.Sprintf("the challenge is s3://%s/%s: run this command again with its content", c.Bucket, r.GetKey())
	if !r.GetNeeded() {
		text += "; events are accepted without it at present"
	}
	return text
}
