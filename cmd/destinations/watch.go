package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// watchCmd shows deliveries as they are made.
type watchCmd struct {
	clientFlags    `embed:""`
	deliveryFilter `embed:""`

	Cursor   string        `placeholder:"CURSOR" help:"Go on behind this one: the last \"cursor\" that --json has printed. Without it, from now on."`
	RetryFor time.Duration `default:"5m" placeholder:"TIME" help:"How long to go on while the service is away (${default}); 0: end with the connection."`
}

// Help is the long text of --help.
func (*watchCmd) Help() string {
	return `A line for each batch when it is delivered or has died, or comes to the --state that is given. It goes on by itself, and misses nothing, when the service restarts or when it was too slow for it. It runs until it is interrupted, which is exit code 0.`
}

// Validate refuses what can't be asked.
func (c *watchCmd) Validate() error {
	var problems []error
	if c.RetryFor < 0 {
		problems = append(problems, fmt.Errorf("--retry-for: %v, must not be below 0", c.RetryFor))
	}
	return errors.Join(append(problems, c.checkFilter())...)
}

// Run prints changes until it is interrupted.
func (c *watchCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, stop := signal.NotifyContext(p.ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	client := destinationsv1.NewDeliveriesClient(conn)
	heard := time.Now()
	for {
		err := c.watch(ctx, client, p.stdout, &heard)
		again := status.Code(err) == codes.Unavailable || reasonIs(err, "WATCHER_TOO_SLOW")
		switch {
		case ctx.Err() != nil:
			return nil
		case !again || time.Since(heard) >= c.RetryFor:
			return c.explain(err)
		}
		if pauseFor(ctx, askAgain) != nil {
			return nil
		}
	}
}

// reasonIs reports whether an error of a call has a reason.
func reasonIs(err error, reason string) bool {
	st, ok := status.FromError(err)
	return ok && errorInfo(st).GetReason() == reason
}

// watch prints changes until the call ends.
func (c *watchCmd) watch(ctx context.Context, client destinationsv1.DeliveriesClient, w io.Writer, heard *time.Time) error {
	call, err := client.WatchDeliveries(ctx, &destinationsv1.WatchDeliveriesRequest{
		Tenant: c.Tenant, Bucket: c.Bucket, Prefix: c.Prefix, State: deliveryStateNamed(c.State), Cursor: c.Cursor,
	})
	if err != nil {
		return err
	}
	for {
		m, err := call.Recv()
		if err != nil {
			return err
		}
		*heard, c.Cursor = time.Now(), m.GetCursor()
		if m.GetDelivery() == nil {
			continue
		}
		if err := c.print(w, m); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
	}
}

func (c *watchCmd) print(w io.Writer, m *destinationsv1.WatchDeliveriesResponse) error {
	if c.JSON {
		line := recordLineOf(m.GetDelivery())
		line.Cursor = m.GetCursor()
		return json.NewEncoder(w).Encode(line)
	}
	cells := recordCells(m.GetDelivery())
	parts := []string{cells[1], cells[0], cells[2], counted(m.GetDelivery().GetObject().GetEvents(), "event", "events"), cells[4], cells[6]}
	parts = slices.DeleteFunc(parts, func(part string) bool { return part == "" })
	_, err := fmt.Fprintln(w, plain(strings.Join(parts, " ")))
	return err
}
