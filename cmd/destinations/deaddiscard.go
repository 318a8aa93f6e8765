package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// deadDiscardCmd destroys dead batches.
type deadDiscardCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	Bucket  string        `required:"" placeholder:"BUCKET" help:"The bucket of the batches."`
	Prefix  *string       `placeholder:"PREFIX" help:"The prefix of the batches (\"\": none); needed if batches of several are dead."`
	Key     string        `placeholder:"KEY" help:"Only the batch of this key, whose prefix need not be said; without it, all of the destination."`
	Events  *eventCount   `placeholder:"N" help:"How many events are destroyed. On a terminal it is asked for; elsewhere it must be said."`
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
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	client := destinationsv1.NewOperationsClient(conn)
	if c.Events == nil && !isTerminal(p.stdin) {
		return errors.New(`--events is needed: the number of events that are destroyed, as "destinations dead list" counts them`)
	}
	of, err := c.destination(p, client)
	if err != nil {
		return err
	}
	events, err := c.confirmed(p, client, of)
	if err != nil {
		return err
	}
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	r, err := client.DiscardDead(ctx, &destinationsv1.DiscardDeadRequest{Tenant: c.Tenant, Bucket: c.Bucket, Prefix: *of.prefix, Key: c.Key, Events: events})
	if err != nil {
		return c.explainIn(ctx, err)
	}
	_, err = fmt.Fprintf(p.stdout, "destroyed: %s of %s\n", counted(r.GetBatches(), "batch", "batches"), counted(r.GetEvents(), "event", "events"))
	return err
}

// destination is the one whose batches are meant: without a prefix, the only one of the
// bucket that has some.
func (c *deadDiscardCmd) destination(p *process, client destinationsv1.OperationsClient) (deadSelection, error) {
	of := deadNamed(c.Bucket, c.Prefix, c.Key)
	of.tenant = c.Tenant
	if of.prefix != nil {
		return of, nil
	}
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	batches, err := c.deadOf(ctx, client, of)
	if err != nil {
		return of, err
	}
	var prefixes []string
	for _, batch := range batches { // by prefix
		if prefix := batch.GetDestination().GetPrefix(); !slices.Contains(prefixes, prefix) {
			prefixes = append(prefixes, prefix)
		}
	}
	switch len(prefixes) {
	case 0:
		return of, errNoDead("")
	case 1:
		of.prefix = &prefixes[0]
		return of, nil
	}
	return of, fmt.Errorf("--prefix is needed: batches of %d prefixes of the bucket are dead, such as %q and %q", len(prefixes), prefixes[0], prefixes[1])
}

// eventCount is a number of events, also as the lists write it: 30,000.
type eventCount uint64

// UnmarshalText reads the number.
func (n *eventCount) UnmarshalText(text []byte) error {
	number, err := strconv.ParseUint(strings.ReplaceAll(string(text), ",", ""), 10, 64)
	if err != nil || string(text) != fmt.Sprint(number) && string(text) != thousands(number) {
		return fmt.Errorf("%q is not a number of events, such as 30000 or 30,000", text)
	}
	*n = eventCount(number)
	return nil
}

// confirmed is the number of events that --events says, or the person at the
// terminal when he has seen what would be destroyed.
func (c *deadDiscardCmd) confirmed(p *process, client destinationsv1.OperationsClient, of deadSelection) (uint64, error) {
	if c.Events != nil {
		return uint64(*c.Events), nil
	}
	return c.ask(p, client, of)
}

// ask shows the batches and asks for the number of their events.
func (c *deadDiscardCmd) ask(p *process, client destinationsv1.OperationsClient, of deadSelection) (uint64, error) {
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	batches, err := c.deadOf(ctx, client, of)
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
	var typed eventCount
	if err := typed.UnmarshalText([]byte(strings.TrimSpace(answer))); err != nil || uint64(typed) != events {
		return 0, errors.New("that is not the number; nothing is destroyed")
	}
	return events, nil
}
