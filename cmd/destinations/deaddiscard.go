package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// deadDiscardCmd destroys dead batches.
type deadDiscardCmd struct {
	clientFlags `embed:""`

	Bucket  string        `required:"" placeholder:"BUCKET" help:"The bucket of the batches."`
	Prefix  string        `placeholder:"PREFIX" help:"The prefix of the batches."`
	Key     string        `placeholder:"KEY" help:"Only the batch of this key, whose prefix need not be said; without it, all of the destination."`
	Events  *uint64       `placeholder:"N" help:"How many events are destroyed. On a terminal it is asked for; elsewhere it must be said."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*deadDiscardCmd) Help() string {
	return `Nothing brings the events back: run "destinations dead export" first. If --events is not the number of events that the batches have together, nothing is destroyed. It answers when that is durable.`
}

// Validate refuses a wait of no time.
func (c *deadDiscardCmd) Validate() error { return checkTimeout(c.Timeout) }

// Run shows what would be destroyed, has that confirmed, and destroys it.
func (c *deadDiscardCmd) Run(p *process) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	client := destinationsv1.NewOperationsClient(conn)
	request := deadRequest(c.Bucket, c.Prefix, c.Key)
	events, err := c.confirmed(p, client, request)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(p.ctx, c.Timeout)
	defer cancel()
	r, err := client.DiscardDead(ctx, &destinationsv1.DiscardDeadRequest{Bucket: request.GetBucket(), Prefix: request.GetPrefix(), Key: c.Key, Events: events})
	if err != nil {
		return c.explain(err)
	}
	_, err = fmt.Fprintf(p.stdout, "destroyed: %s of %s\n", counted(r.GetBatches(), "batch", "batches"), counted(r.GetEvents(), "event", "events"))
	return err
}

// confirmed is the number of events that --events says, or the person at the
// terminal when he has seen what would be destroyed.
func (c *deadDiscardCmd) confirmed(p *process, client destinationsv1.OperationsClient, request *destinationsv1.ListDeadRequest) (uint64, error) {
	if c.Events != nil {
		return *c.Events, nil
	}
	if !isTerminal(p.stdin) {
		return 0, errors.New(`--events is needed: the number of events that are destroyed, as "destinations dead list" counts them`)
	}
	return c.ask(p, client, request)
}

// ask shows the batches and asks for the number of their events.
func (c *deadDiscardCmd) ask(p *process, client destinationsv1.OperationsClient, request *destinationsv1.ListDeadRequest) (uint64, error) {
	ctx, cancel := context.WithTimeout(p.ctx, c.Timeout)
	defer cancel()
	batches, err := c.deadOf(ctx, client, request)
	if err != nil {
		return 0, err
	}
	if batches = withKey(batches, c.Key); len(batches) == 0 {
		return 0, errNoDead(c.Key)
	}
	if err := printDead(p.stderr, batches); err != nil {
		return 0, err
	}
	events := uint64(0)
	for _, batch := range batches {
		events += batch.GetEvents()
	}
	fmt.Fprintf(p.stderr, "To destroy %s of %s, type the number of events: ", counted(uint64(len(batches)), "batch", "batches"), counted(events, "event", "events"))
	answer, err := bufio.NewReader(p.stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("standard input: %w", err)
	}
	if strings.TrimSpace(answer) != fmt.Sprint(events) {
		return 0, errors.New("that is not the number; nothing is destroyed")
	}
	return events, nil
}
