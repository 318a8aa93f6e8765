package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// tokensAtOnce is how many tokens are asked for in one call.
const tokensAtOnce = 1000

// statusCmd says what became of the events of receipts.
type statusCmd struct {
	clientFlags `embed:""`

	JSON    bool          `name:"json" help:"Print each as JSON, one value a line, instead of as a table."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
	Tokens  []string      `arg:"" name:"token" help:"Tokens of receipts, as \"destinations send\" prints them."`
}

// Help is the long text of --help.
func (*statusCmd) Help() string {
	return `pending: the events wait for the end of their window, or their batch for its turn. uploading: their batch is on its way to S3. blocked: their destination does not work, and CODE says why; "destinations list" knows more. partial: some are delivered. delivered: all are; events that had been sent before stand in no object of this receipt. dead: some are in a batch that is no longer tried by itself; see "destinations dead list".

OBJECTS may hold events of others, too. "expired" stands there if the service's ledger no longer has all of them (--ledger-retention, --ledger-size).

Exit code 0: all events of all tokens are delivered. 3: some are not yet. 4: some are dead. 1: the service could not say, or a token is not one of its.`
}

// Validate refuses a wait of no time.
func (c *statusCmd) Validate() error { return checkTimeout(c.Timeout) }

// Run prints what became of the tokens' events.
func (c *statusCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	client := destinationsv1.NewDeliveriesClient(conn)
	print := statusTable{w: p.stdout, now: time.Now()}
	var all []*destinationsv1.Delivery
	for rest := c.Tokens; len(rest) > 0; {
		n := min(len(rest), tokensAtOnce)
		answer, err := client.GetDelivery(ctx, &destinationsv1.GetDeliveryRequest{Tokens: rest[:n]})
		if err != nil {
			return c.explainIn(ctx, err)
		}
		all, rest = append(all, answer.GetDeliveries()...), rest[n:]
	}
	if c.JSON {
		err = printDeliveries(p.stdout, all)
	} else {
		err = print.print(all)
	}
	return errors.Join(err, outcomeOf(all))
}

func printDeliveries(w io.Writer, all []*destinationsv1.Delivery) error {
	lines := json.NewEncoder(w)
	for _, d := range all {
		if err := lines.Encode(deliveryLineOf(d)); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
	}
	return nil
}

// outcomeOf is the exit code of what became of events, with nothing left to say; nil if
// all are delivered.
func outcomeOf(all []*destinationsv1.Delivery) error {
	code := exitOK
	for _, d := range all {
		switch d.GetState() {
		case destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED:
		case destinationsv1.DeliveryState_DELIVERY_STATE_DEAD:
			code = exitDead
		default:
			code = max(code, exitUndelivered)
		}
	}
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// statusTable shows deliveries to people.
type statusTable struct {
	w   io.Writer
	now time.Time
}

func (s *statusTable) print(all []*destinationsv1.Delivery) error {
	t := table{header: []string{"DESTINATION", "STATE", "EVENTS IN OBJECTS", "OBJECTS", "CODE", "NEXT TRY", "MESSAGE"}}
	for _, d := range all {
		to := ""
		if d.GetDestination() != nil {
			to = fmt.Sprintf("s3://%s/%s", d.GetDestination().GetBucket(), d.GetDestination().GetPrefix())
		}
		events := uint64(0)
		for _, o := range d.GetObjects() {
			events += o.GetEvents()
		}
		next := ""
		switch at := timeOf(d.GetNextTry()); {
		case at == nil:
		case !at.After(s.now):
			next = "now"
		default:
			next = "in " + roughTime(at.Sub(s.now))
		}
		t.add(to, deliveryStateName(d.GetState()), number(events), objectsText(d), d.GetCode(), next, messageOf(d))
	}
	return t.print(s.w)
}

// messageOf is why events are not delivered: of dead ones, how that came as well.
func messageOf(d *destinationsv1.Delivery) string {
	if d.GetState() == destinationsv1.DeliveryState_DELIVERY_STATE_DEAD {
		return failureOf(d.GetMessage())
	}
	return causeOf(d.GetCode(), d.GetMessage())
}

// objectsText is the key of the only object, or the first with the number of the others.
func objectsText(d *destinationsv1.Delivery) string {
	text := ""
	if d.GetDetailsExpired() {
		text = "expired"
	}
	if len(d.GetObjects()) == 0 {
		return text
	}
	if text != "" {
		text = ", some " + text
	}
	first := d.GetObjects()[0].GetKey()
	if more := uint64(len(d.GetObjects())-1) + d.GetObjectsOmitted(); more > 0 {
		return fmt.Sprintf("%s and %s%s", first, counted(more, "other", "others"), text)
	}
	return first + text
}

// settled waits until the events of all tokens are delivered or dead, and returns what became
// of those that are not delivered by the end of ctx. Meanwhile it tells of each that waits.
func settled(ctx context.Context, client destinationsv1.DeliveriesClient, tokens []string, tell func(*destinationsv1.Delivery)) (open []*destinationsv1.Delivery, err error) {
	var dead []*destinationsv1.Delivery
	for len(tokens) > 0 {
		n := min(len(tokens), tokensAtOnce)
		answer, err := client.GetDelivery(ctx, &destinationsv1.GetDeliveryRequest{Tokens: tokens[:n]})
		if status.Code(err) == codes.Unavailable { // it restarts
			if err := pauseFor(ctx, askAgain); err != nil {
				return append(dead, open...), err
			}
			continue
		}
		if err != nil {
			return append(dead, open...), err
		}
		var waiting []string
		open = nil
		for _, d := range answer.GetDeliveries() {
			switch d.GetState() {
			case destinationsv1.DeliveryState_DELIVERY_STATE_DELIVERED:
			case destinationsv1.DeliveryState_DELIVERY_STATE_DEAD:
				dead = append(dead, d)
			default:
				waiting, open = append(waiting, d.GetToken()), append(open, d)
				tell(d)
			}
		}
		if tokens = append(waiting, tokens[n:]...); len(waiting) == 0 {
			continue
		}
		if err := pauseFor(ctx, askAgain); err != nil {
			return append(dead, open...), err
		}
	}
	return append(dead, open...), nil
}

// tellOnce tells why events wait, as soon as something is wrong: once for each destination and code.
func tellOnce(note func(error)) func(*destinationsv1.Delivery) {
	told := map[string]bool{}
	return func(d *destinationsv1.Delivery) {
		if d.GetCode() == "" {
			return
		}
		what := fmt.Sprintf("waiting for s3://%s/%s: %s", d.GetDestination().GetBucket(), d.GetDestination().GetPrefix(), d.GetCode())
		if !told[what] {
			told[what] = true
			note(errors.New(plain(what + ": " + causeOf(d.GetCode(), d.GetMessage()))))
		}
	}
}

// askAgain is the pause between two questions of who waits for a delivery.
const askAgain = time.Second

// pauseFor waits, or returns why ctx has ended.
func pauseFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
