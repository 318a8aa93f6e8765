package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// deadCmd is the group of what can be done with dead batches.
type deadCmd struct {
	List    deadListCmd    `cmd:"" help:"List the dead batches."`
	Export  deadExportCmd  `cmd:"" help:"Write dead batches into files."`
	Discard deadDiscardCmd `cmd:"" help:"Destroy dead batches."`
}

// deadListCmd lists dead batches.
type deadListCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	Bucket  string        `placeholder:"BUCKET" help:"Only the destinations of this bucket; without it, all."`
	Prefix  *string       `placeholder:"PREFIX" help:"Only the destination of this prefix (\"\": of none)."`
	JSON    bool          `name:"json" help:"Print each as JSON, one value a line, instead of as a table."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*deadListCmd) Help() string {
	return `A batch is dead when S3 has refused it alone again and again, or its destination did not work for longer than the service's --give-up-after. It is kept and no longer tried by itself. "destinations redrive" has it tried again under its key, "destinations dead export" writes it into a file, "destinations dead discard" destroys it.`
}

// Validate refuses what can't be asked.
func (c *deadListCmd) Validate() error {
	return errors.Join(checkTimeout(c.Timeout), checkNamed(c.Bucket, c.Prefix))
}

// Run prints the list.
func (c *deadListCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	batches, err := c.deadOf(ctx, destinationsv1.NewOperationsClient(conn), deadSelection{c.Tenant, c.Bucket, c.Prefix})
	switch {
	case err != nil && len(batches) == 0:
		return err
	case c.JSON: // beside an error, those that are known
		return errors.Join(printDeadJSON(p.stdout, batches), err)
	}
	return errors.Join(printDead(p.stdout, batches), err)
}

// deadSelection names the dead batches of a destination; without a prefix, of all of the
// bucket; without a bucket, all.
type deadSelection struct {
	tenant string // "" = the caller's
	bucket string
	prefix *string
}

// request asks for them, and for others if there is no request for them alone.
func (s deadSelection) request() *destinationsv1.ListDeadRequest {
	if s.prefix == nil {
		return &destinationsv1.ListDeadRequest{Tenant: s.tenant}
	}
	return &destinationsv1.ListDeadRequest{Tenant: s.tenant, Bucket: s.bucket, Prefix: *s.prefix}
}

// deadOf returns the dead batches that are selected; beside an error, those that came
// before it.
func (c *clientFlags) deadOf(ctx context.Context, client destinationsv1.OperationsClient, of deadSelection) ([]*destinationsv1.ListDeadResponse, error) {
	call, err := client.ListDead(ctx, of.request())
	if err != nil {
		return nil, c.explainIn(ctx, err)
	}
	var batches []*destinationsv1.ListDeadResponse
	for {
		batch, err := call.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return batches, nil
		case err != nil:
			return batches, c.explainIn(ctx, err)
		case of.bucket == "" || of.bucket == batch.GetDestination().GetBucket():
			batches = append(batches, batch)
		}
	}
}

// printDead prints the batches as a table.
func printDead(w io.Writer, batches []*destinationsv1.ListDeadResponse) error {
	if len(batches) == 0 {
		_, err := fmt.Fprintln(w, "no batch is dead")
		return err
	}
	t := table{header: []string{"BUCKET", "PREFIX", "SINCE", "EVENTS", "SIZE", "KEY", "REASON"}}
	for _, b := range batches {
		t.add(b.GetDestination().GetBucket(), b.GetDestination().GetPrefix(), clock(b.GetSince()),
			thousands(b.GetEvents()), roughSize(b.GetSize()), b.GetKey(), reasonOf(b.GetReason()))
	}
	return t.print(w)
}

// deadBatch is a line of dead list --json.
type deadBatch struct {
	Tenant string     `json:"tenant,omitempty"`
	Bucket string     `json:"bucket"`
	Prefix string     `json:"prefix"`
	Key    string     `json:"key"`
	Events uint64     `json:"events"`
	Size   uint64     `json:"size"` // bytes
	SHA256 string     `json:"sha256"`
	Reason string     `json:"reason"`
	Since  *time.Time `json:"since,omitempty"`
}

func printDeadJSON(w io.Writer, batches []*destinationsv1.ListDeadResponse) error {
	lines := json.NewEncoder(w)
	for _, b := range batches {
		if err := lines.Encode(deadBatch{
			Tenant: b.GetDestination().GetTenant(), Bucket: b.GetDestination().GetBucket(), Prefix: b.GetDestination().GetPrefix(), Key: b.GetKey(), Events: b.GetEvents(),
			Size: b.GetSize(), SHA256: hex.EncodeToString(b.GetSha256()), Reason: b.GetReason(), Since: timeOf(b.GetSince()),
		}); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
	}
	return nil
}
