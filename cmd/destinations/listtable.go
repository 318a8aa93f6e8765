package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// destinationTable shows the lines of a list to people: what destinations share, and
// below it the destinations.
type destinationTable struct {
	w        io.Writer
	now      time.Time
	filtered bool // lines of one state were asked for

	closed               []string // a line for each closed partition
	tenants              bool     // some destination is not of the usual tenant
	shared, destinations table
	lacking              []*destinationsv1.ListDestinationsResponse // destinations of which is known what they miss
	failures             map[string]string                          // what is shared, by the message of its failure
}

// add takes the next line.
func (d *destinationTable) add(l *destinationsv1.ListDestinationsResponse) {
	if closed := l.GetClosedPartition(); closed != nil {
		d.closed = append(d.closed, plain(fmt.Sprintf(`partition %d is closed: %s at byte %d: %s; stop the service and see "destinations journal verify"`,
			closed.GetPartition(), closed.GetFile(), closed.GetOffset(), l.GetMessage())))
		return
	}
	to := l.GetDestination()
	if to == nil {
		d.shared.header = []string{"SHARED", "STATE", "SINCE", "CODE", "NEXT TRY", "WAITING", "MESSAGE"}
		d.shared.add(sharedName(l), stateText(l), clock(l.GetSince()), l.GetCode(), d.nextTry(l), number(l.GetWaitingDestinations()), causeOf(l.GetCode(), l.GetMessage()))
		if d.failures == nil {
			d.failures = map[string]string{}
		}
		if l.GetMessage() != "" {
			d.failures[l.GetMessage()] = sharedName(l)
		}
		return
	}
	oldest := ""
	if age := l.GetOldestEventAge(); age != nil {
		oldest = roughTime(age.AsDuration())
	}
	if len(missingOfAll(l.GetDiagnosis())) > 0 {
		d.lacking = append(d.lacking, l)
	}
	d.tenants = d.tenants || to.GetTenant() != "" && to.GetTenant() != auth.DefaultTenant
	d.destinations.header = []string{"TENANT", "BUCKET", "PREFIX", "STATE", "SINCE", "CODE", "EVENTS", "BYTES", "DEAD", "OLDEST", "NEXT TRY", "MESSAGE"}
	d.destinations.add(to.GetTenant(), to.GetBucket(), to.GetPrefix(), stateText(l), clock(l.GetSince()), l.GetCode(),
		thousands(l.GetBacklogEvents()), roughSize(l.GetBacklogBytes()), number(l.GetDeadEvents()), oldest, d.nextTry(l), d.cause(l))
}

// sharedName names what destinations share for people.
func sharedName(l *destinationsv1.ListDestinationsResponse) string {
	if l.GetRegion() != "" {
		return subjectOf(l) + " of " + l.GetRegion()
	}
	if l.GetTenant() != "" {
		return subjectOf(l) + " of the tenant " + l.GetTenant()
	}
	return subjectOf(l)
}

// cause is why a destination does not work: what is shared, if it waits for that.
func (d *destinationTable) cause(l *destinationsv1.ListDestinationsResponse) string {
	if shared, ok := d.failures[l.GetMessage()]; ok {
		return "waits for the " + shared
	}
	return causeOf(l.GetCode(), l.GetMessage())
}

// print prints what is closed, and both tables.
func (d *destinationTable) print() error {
	for _, line := range d.closed {
		fmt.Fprintln(d.w, line) // an error is that of what follows, too
	}
	if err := d.shared.print(d.w); err != nil {
		return err
	}
	if len(d.shared.rows) > 0 {
		fmt.Fprintln(d.w)
	}
	if len(d.destinations.rows) == 0 {
		what := "no destination has undelivered events or is blocked"
		if d.filtered {
			what = "no destination with undelivered events is in this state"
		}
		if len(d.closed) > 0 {
			what = "elsewhere " + what
		}
		_, err := fmt.Fprintln(d.w, what)
		return err
	}
	if !d.tenants {
		d.destinations.dropFirst()
	}
	if err := d.destinations.print(d.w); err != nil {
		return err
	}
	return d.printLacking()
}

// printLacking says of destinations which actions they miss, and how to learn more.
func (d *destinationTable) printLacking() error {
	for i, l := range d.lacking {
		to := l.GetDestination()
		check := fmt.Sprintf("destinations check --bucket %q --prefix %q", to.GetBucket(), to.GetPrefix())
		if d.tenants {
			check += fmt.Sprintf(" --tenant %q", to.GetTenant())
		}
		if i == 0 {
			fmt.Fprintln(d.w) // an error is that of what follows, too
		}
		line := fmt.Sprintf("missing for bucket %s, prefix %q: %s; see %s", to.GetBucket(), to.GetPrefix(), strings.Join(missingOfAll(l.GetDiagnosis()), ", "), check)
		if _, err := fmt.Fprintln(d.w, plain(line)); err != nil {
			return fmt.Errorf("standard output: %w", err)
		}
	}
	return nil
}

// stateText is the state in words.
func stateText(l *destinationsv1.ListDestinationsResponse) string {
	text := strings.ReplaceAll(stateName(l.GetState()), "-", " ")
	if l.GetOverQuota() {
		text += ", over quota"
	}
	return text
}

// nextTry is in how long it is tried again.
func (d *destinationTable) nextTry(l *destinationsv1.ListDestinationsResponse) string {
	switch at := timeOf(l.GetNextTry()); {
	case l.GetByHand():
		return "by hand"
	case at == nil:
		return ""
	case !at.After(d.now):
		return "now"
	default:
		return "in " + roughTime(at.Sub(d.now))
	}
}

// number is n, or nothing for 0.
func number(n uint64) string {
	if n == 0 {
		return ""
	}
	return thousands(n)
}
