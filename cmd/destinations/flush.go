package main

import (
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

// Help is the long text of --help.
func (*flushCmd) Help() string {
	return `It closes batches, and answers when the journal says in which object each of them goes to S3. The uploads come after that, at once where the destination works: "destinations list" shows what is not delivered.`
}

// Run flushes and says how many batches were open.
func (c *flushCmd) Run(p *process) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	client := destinationsv1.NewOperationsClient(conn)
	response, err := client.Flush(ctx, &destinationsv1.FlushRequest{Bucket: c.Bucket, Prefix: c.Prefix})
	if err != nil {
		return c.explainIn(ctx, err)
	}
	_, err = fmt.Fprintln(p.stdout, flushedText(response.GetBatches()))
	return err
}

// flushedText says what a flush has done, and what it has not.
func flushedText(batches uint64) string {
	const list = `("destinations list" says how it goes)`
	switch batches {
	case 0:
		return "no batch was open"
	case 1:
		return "closed 1 batch; its upload follows " + list
	}
	return fmt.Sprintf("closed %d batches; their uploads follow %s", batches, list)
}

// counted is a number with its noun.
func counted(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
