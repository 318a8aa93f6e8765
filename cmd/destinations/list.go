package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// listCmd shows how the destinations are that have undelivered events.
type listCmd struct {
	clientFlags `embed:""`
	tenantFlag  `embed:""`

	State   string        `enum:",active,retrying,blocked,catching-up,unconfirmed" default:"" placeholder:"STATE" help:"Only those that are active, retrying, blocked, catching-up or unconfirmed (all)."`
	JSON    bool          `name:"json" help:"Print each as JSON, one value a line, instead of as a table."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*listCmd) Help() string {
	return `A partition of the journal that is closed because its files are damaged is named first, whatever --state says, and the exit code is 1: what it holds is not in the list. "destinations journal verify" says what can be done about it.

Then the S3 endpoint, on AWS that of each region, and the credentials, which destinations share, with those of tenants' own roles that do not work: while one of them does not work, the destinations that wait for it are not blocked themselves. Then each destination that has undelivered events or is blocked.

active: it works. retrying: the last try failed, and it is tried again after a pause. blocked: it is not written to until a try succeeds that carries no event; "by hand" under NEXT TRY: until somebody runs "destinations redrive". catching up: it works again, and its backlog is being delivered. "over quota": its new events are rejected. unconfirmed: its tenant has not shown yet that it can read the bucket, and its new events are rejected: see "destinations confirm"; undelivered events that it may have there are another line.

SINCE is when it began to fail, OLDEST the age of its oldest undelivered event. EVENTS and BYTES are what is accepted and not delivered, those in dead batches (DEAD) included: see "destinations dead list". MESSAGE is what AWS or the network said; --json has the request and the object's key, too.

Where S3 refuses a destination the service looks what exactly it refuses, as "destinations check" does, and the actions that are missing stand below; --json has the whole of it.`
}

// Validate refuses a wait of no time.
func (c *listCmd) Validate() error { return checkTimeout(c.Timeout) }

func checkTimeout(timeout time.Duration) error {
	if timeout <= 0 {
		return fmt.Errorf("--timeout: %v, must be above 0", timeout)
	}
	return nil
}

// Run prints the list.
func (c *listCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	call, err := destinationsv1.NewOperationsClient(conn).ListDestinations(ctx, &destinationsv1.ListDestinationsRequest{Tenant: c.Tenant, State: stateNamed(c.State)})
	if err != nil {
		return c.explainIn(ctx, err)
	}
	closed := false
	table := &destinationTable{w: p.stdout, now: time.Now(), filtered: c.State != ""}
	lines := json.NewEncoder(p.stdout)
	for {
		line, err := call.Recv()
		closed = closed || line.GetClosedPartition() != nil
		switch {
		case errors.Is(err, io.EOF) && c.JSON:
			return ended(nil, closed)
		case errors.Is(err, io.EOF):
			return ended(table.print(), closed)
		case err != nil:
			return c.explainIn(ctx, err)
		case !c.JSON:
			table.add(line)
		default:
			if err := lines.Encode(listedOf(line)); err != nil {
				return fmt.Errorf("standard output: %w", err)
			}
		}
	}
}

// ended is what a list that was printed ends with.
func ended(err error, closed bool) error {
	if err == nil && closed {
		return &exitError{code: exitFailed}
	}
	return err
}

// stateNamed is the state that --state names.
func stateNamed(name string) destinationsv1.DestinationState {
	if name == "" {
		return destinationsv1.DestinationState_DESTINATION_STATE_UNSPECIFIED
	}
	value := statePrefix + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
	return destinationsv1.DestinationState(destinationsv1.DestinationState_value[value])
}

const statePrefix = "DESTINATION_STATE_"

// stateName is a state as --state names it; a later version's by its number.
func stateName(state destinationsv1.DestinationState) string {
	return strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(state.String(), statePrefix), "_", "-"))
}

// listed is a line of list --json.
type listed struct {
	Subject             string     `json:"subject"`          // destination, endpoint, credentials or partition
	Region              string     `json:"region,omitempty"` // of an endpoint
	Partition           *uint32    `json:"partition,omitempty"`
	File                string     `json:"file,omitempty"`   // of a partition: what is damaged
	Offset              uint64     `json:"offset,omitempty"` // in it
	Tenant              string     `json:"tenant,omitempty"` // of a destination, or of credentials that are a tenant's own
	Bucket              string     `json:"bucket,omitempty"`
	Prefix              string     `json:"prefix,omitempty"`
	State               string     `json:"state"`
	Since               *time.Time `json:"since,omitempty"`
	Code                string     `json:"code,omitempty"`
	Message             string     `json:"message,omitempty"`
	BacklogEvents       uint64     `json:"backlog_events"`
	BacklogBytes        uint64     `json:"backlog_bytes"`
	OldestEventAge      float64    `json:"oldest_event_age_s"` // seconds
	NextTry             *time.Time `json:"next_try,omitempty"`
	ByHand              bool       `json:"by_hand,omitempty"`
	ParkedEvents        uint64     `json:"parked_events,omitempty"`
	DeadEvents          uint64     `json:"dead_events,omitempty"`
	OverQuota           bool       `json:"over_quota,omitempty"`
	WaitingDestinations uint64     `json:"waiting_destinations,omitempty"`
	Diagnosis           *checked   `json:"diagnosis,omitempty"`
}

func listedOf(l *destinationsv1.ListDestinationsResponse) listed {
	of := listed{
		Subject: subjectOf(l), Region: l.GetRegion(), Tenant: cmp.Or(l.GetDestination().GetTenant(), l.GetTenant()), Bucket: l.GetDestination().GetBucket(), Prefix: l.GetDestination().GetPrefix(),
		State: stateName(l.GetState()), Since: timeOf(l.GetSince()), Code: l.GetCode(), Message: l.GetMessage(),
		BacklogEvents: l.GetBacklogEvents(), BacklogBytes: l.GetBacklogBytes(), OldestEventAge: l.GetOldestEventAge().AsDuration().Seconds(),
		NextTry: timeOf(l.GetNextTry()), ByHand: l.GetByHand(), ParkedEvents: l.GetParkedEvents(), DeadEvents: l.GetDeadEvents(),
		OverQuota: l.GetOverQuota(), WaitingDestinations: l.GetWaitingDestinations(),
		Diagnosis: checkedOf(l.GetDiagnosis()),
	}
	if closed := l.GetClosedPartition(); closed != nil {
		of.Partition, of.File, of.Offset = &closed.Partition, closed.GetFile(), closed.GetOffset()
	}
	return of
}

func subjectOf(l *destinationsv1.ListDestinationsResponse) string {
	switch {
	case l.GetDestination() != nil:
		return "destination"
	case l.GetClosedPartition() != nil:
		return "partition"
	}
	return strings.ToLower(strings.TrimPrefix(l.GetShared().String(), "SHARED_"))
}
