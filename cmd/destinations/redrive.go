package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// redriveCmd has blocked destinations and dead batches tried again.
type redriveCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	Bucket  string        `placeholder:"BUCKET" help:"Redrive the destinations of this bucket."`
	Prefix  *string       `placeholder:"PREFIX" help:"Only the destination of this prefix (\"\": of none)."`
	All     bool          `help:"Redrive all destinations."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*redriveCmd) Help() string {
	return `A blocked destination is tried at once, and if that fails, every 5 minutes or so for an hour, also after --give-up-after; its dead batches go to S3 under the keys that they have. A bucket that was gone and is there again is written to only after this command: see to it that it is yours. It answers when that is durable; "destinations list" shows what comes of it.`
}

// Validate refuses to guess what is meant.
func (c *redriveCmd) Validate() error {
	problems := []error{checkTimeout(c.Timeout), checkNamed(c.Bucket, c.Prefix)}
	switch {
	case c.All && c.Bucket != "":
		problems = append(problems, errors.New("--all and --bucket: only one of them"))
	case !c.All && c.Bucket == "":
		problems = append(problems, errors.New("--bucket or --all is needed"))
	}
	return errors.Join(problems...)
}

// checkNamed refuses a prefix of no bucket.
func checkNamed(bucket string, prefix *string) error {
	if prefix != nil && *prefix != "" && bucket == "" {
		return errors.New("--prefix needs --bucket")
	}
	return nil
}

// Run redrives and says what is tried again.
func (c *redriveCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	client := destinationsv1.NewOperationsClient(conn)
	requests, err := c.requests(ctx, client)
	if err != nil {
		return err
	}
	r := &destinationsv1.RedriveResponse{}
	for _, request := range requests {
		done, err := client.Redrive(ctx, request)
		if err != nil {
			return c.explainIn(ctx, err)
		}
		r.Destinations += done.GetDestinations()
		r.Batches += done.GetBatches()
		r.Events += done.GetEvents()
	}
	_, err = fmt.Fprintf(p.stdout, "tried again: %s, %s of %s\n", counted(r.GetDestinations(), "blocked destination", "blocked destinations"),
		counted(r.GetBatches(), "dead batch", "dead batches"), counted(r.GetEvents(), "event", "events"))
	return err
}

// requests are those that redrive what is named: without a prefix, each destination of
// the bucket that there is something to try of.
func (c *redriveCmd) requests(ctx context.Context, client destinationsv1.OperationsClient) ([]*destinationsv1.RedriveRequest, error) {
	if c.All {
		return []*destinationsv1.RedriveRequest{{Tenant: c.Tenant}}, nil
	}
	if c.Prefix != nil {
		return []*destinationsv1.RedriveRequest{{Tenant: c.Tenant, Bucket: c.Bucket, Prefix: *c.Prefix}}, nil
	}
	call, err := client.ListDestinations(ctx, &destinationsv1.ListDestinationsRequest{Tenant: c.Tenant})
	if err != nil {
		return nil, c.explainIn(ctx, err)
	}
	var requests []*destinationsv1.RedriveRequest
	for {
		line, err := call.Recv()
		switch {
		case errors.Is(err, io.EOF) && len(requests) == 0:
			return nil, fmt.Errorf("--bucket: no destination of %s has undelivered events or is blocked", c.Bucket)
		case errors.Is(err, io.EOF):
			return requests, nil
		case err != nil:
			return nil, c.explainIn(ctx, err)
		case line.GetDestination().GetBucket() == c.Bucket:
			requests = append(requests, &destinationsv1.RedriveRequest{Tenant: line.GetDestination().GetTenant(), Bucket: c.Bucket, Prefix: line.GetDestination().GetPrefix()})
		}
	}
}
