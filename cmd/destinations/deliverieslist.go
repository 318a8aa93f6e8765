package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// deliveryFilter is what deliveries and watch have in common.
type deliveryFilter struct {
	tenantFlag `embed:""`

	Bucket string  `placeholder:"BUCKET" help:"Only the destinations of this bucket; without it, all."`
	Prefix *string `placeholder:"PREFIX" help:"Only the destination of this prefix (\"\": of none)."`
	State  string  `enum:",pending,blocked,delivered,dead" default:"" placeholder:"STATE" help:"Only those that are pending, blocked, delivered or dead."`
	JSON   bool    `name:"json" help:"Print each as JSON, one value a line, instead of as text."`
}

// checkFilter refuses what can't be asked.
func (f *deliveryFilter) checkFilter() error { return checkNamed(f.Bucket, f.Prefix) }

// deliveriesCmd lists what was delivered.
type deliveriesCmd struct {
	clientFlags    `embed:""`
	deliveryFilter `embed:""`

	Since   string        `placeholder:"WHEN" help:"Only what was closed since then: a time as 2006-01-02T15:04:05Z, or for how long, as 90m."`
	Limit   uint          `default:"100" placeholder:"N" help:"At most so many (${default}; 0: all)."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*deliveriesCmd) Help() string {
	return `The newest first, by the time at which they were closed: the one in the key. pending: it is on its way. blocked: it lies in a file until its destination works. delivered. dead: it is no longer tried by itself, or somebody has discarded it. How far back that goes is up to the service's --ledger-retention and --ledger-size.

WHEN is when it was delivered, or closed. TRIES and LAST ERROR are of the service's last life.`
}

// Validate refuses what can't be asked.
func (c *deliveriesCmd) Validate() error {
	_, err := c.since(time.Now())
	return errors.Join(checkTimeout(c.Timeout), c.checkFilter(), err)
}

// since is what --since says.
func (c *deliveriesCmd) since(now time.Time) (*timestamppb.Timestamp, error) {
	if c.Since == "" {
		return nil, nil
	}
	if at, err := time.Parse(time.RFC3339, c.Since); err == nil {
		return timestamppb.New(at), nil
	}
	ago, err := time.ParseDuration(c.Since)
	if err != nil || ago < 0 {
		return nil, fmt.Errorf("--since: %q is neither a time such as %s nor for how long, such as 90m", c.Since, now.UTC().Format(time.RFC3339))
	}
	return timestamppb.New(now.Add(-ago)), nil
}

// Run prints the list.
func (c *deliveriesCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	t := table{header: []string{"STATE", "WHEN", "OBJECT", "EVENTS", "SIZE", "TRIES", "LAST ERROR"}}
	lines := json.NewEncoder(p.stdout)
	err = c.each(ctx, destinationsv1.NewDeliveriesClient(conn), func(r *destinationsv1.DeliveryRecord) error {
		if !c.JSON {
			t.add(recordCells(r)...)
			return nil
		}
		if err := lines.Encode(recordLineOf(r)); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
		return nil
	})
	switch {
	case err != nil:
		return c.explainIn(ctx, err)
	case !c.JSON && len(t.rows) == 0:
		_, err = fmt.Fprintln(p.stdout, "the ledger has nothing of that")
		return err
	}
	return t.print(p.stdout)
}

// each gives every batch that is asked for.
func (c *deliveriesCmd) each(ctx context.Context, client destinationsv1.DeliveriesClient, give func(*destinationsv1.DeliveryRecord) error) error {
	since, err := c.since(time.Now())
	if err != nil {
		return err
	}
	request := &destinationsv1.ListDeliveriesRequest{Tenant: c.Tenant, Bucket: c.Bucket, Prefix: c.Prefix, Since: since, State: deliveryStateNamed(c.State)}
	for left := c.Limit; ; {
		request.PageSize = tokensAtOnce
		if c.Limit > 0 {
			request.PageSize = uint32(min(left, tokensAtOnce))
		}
		page, err := client.ListDeliveries(ctx, request)
		if err != nil {
			return err
		}
		for _, r := range page.GetDeliveries() {
			if err := give(r); err != nil {
				return err
			}
		}
		left -= min(left, uint(len(page.GetDeliveries())))
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" || c.Limit > 0 && left == 0 {
			return nil
		}
	}
}
