package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// flushCmd asks a running service to close its open batches.
type flushCmd struct {
	clientFlags `embed:""`

	Bucket  string        `placeholder:"BUCKET" help:"Flush the destination of this bucket and --prefix alone; without it, all."`
	Prefix  string        `placeholder:"PREFIX" help:"The destination's prefix."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default}); the rest is sealed later all the same."`
}

// Validate refuses a prefix of no bucket and a wait of no time.
func (c *flushCmd) Validate() error {
	var problems []error
	if c.Prefix != "" && c.Bucket == "" {
		problems = append(problems, errors.New("--prefix needs --bucket"))
	}
	if c.Timeout <= 0 {
		problems = append(problems, fmt.Errorf("--timeout: %v, must be above 0", c.Timeout))
	}
	return errors.Join(problems...)
}

// Run flushes and says how many batches were open.
func (c *flushCmd) Run(p *process) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(p.ctx, c.Timeout)
	defer cancel()
	client := destinationsv1.NewOperationsClient(conn)
	response, err := client.Flush(ctx, &destinationsv1.FlushRequest{Bucket: c.Bucket, Prefix: c.Prefix})
	if err != nil {
		return c.explain(err)
	}
	_, err = fmt.Fprintf(p.stdout, "flushed %s\n", counted(response.GetBatches(), "batch", "batches"))
	return err
}

// counted is a number with its noun.
func counted(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
