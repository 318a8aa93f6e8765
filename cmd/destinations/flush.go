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
	tenantFlag  `embed:""`

	Bucket  string        `placeholder:"BUCKET" help:"Flush the destinations of this bucket; without it, all."`
	Prefix  *string       `placeholder:"PREFIX" help:"Only the destination of this prefix (\"\": of none)."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default}); the rest is sealed later all the same."`
}

// Validate refuses a prefix of no bucket and a wait of no time.
func (c *flushCmd) Validate() error {
	return errors.Join(checkTimeout(c.Timeout), checkNamed(c.Bucket, c.Prefix))
}

// Help is the long text of --help.
func (*flushCmd) Help() string {
	return `It closes batches, and answers when the journal says in which object each of them goes to S3. The uploads come after that, at once where the destination works: "destinations list" shows what is not delivered.`
}

// Run flushes and says how many batches were open.
func (c *flushCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	client := destinationsv1.NewOperationsClient(conn)
	request := &destinationsv1.FlushRequest{Tenant: c.Tenant, Bucket: c.Bucket, AllPrefixes: c.Bucket != "" && c.Prefix == nil}
	if c.Prefix != nil {
		request.Prefix = *c.Prefix
	}
	response, err := client.Flush(ctx, request)
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
