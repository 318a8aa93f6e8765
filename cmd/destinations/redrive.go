package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// redriveCmd has blocked destinations and dead batches tried again.
type redriveCmd struct {
	clientFlags `embed:""`

	Bucket  string        `placeholder:"BUCKET" help:"Redrive the destination of this bucket and --prefix."`
	Prefix  string        `placeholder:"PREFIX" help:"The destination's prefix."`
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
func checkNamed(bucket, prefix string) error {
	if prefix != "" && bucket == "" {
		return errors.New("--prefix needs --bucket")
	}
	return nil
}

// Run redrives and says what is tried again.
func (c *redriveCmd) Run(p *process) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(p.ctx, c.Timeout)
	defer cancel()
	r, err := destinationsv1.NewOperationsClient(conn).Redrive(ctx, &destinationsv1.RedriveRequest{Bucket: c.Bucket, Prefix: c.Prefix})
	if err != nil {
		return c.explain(err)
	}
	_, err = fmt.Fprintf(p.stdout, "tried again: %s, %s of %s\n", counted(r.GetDestinations(), "blocked destination", "blocked destinations"),
		counted(r.GetBatches(), "dead batch", "dead batches"), counted(r.GetEvents(), "event", "events"))
	return err
}
