package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// shownReceipts is how many receipts people are shown: a long file has one for each
// of its requests.
const shownReceipts = 10

// sendReport collects what became of the events of one send command, and names
// rejected events, and prints receipts for programs, as it learns of them. Safe for
// concurrent use.
type sendReport struct {
	stderr  io.Writer
	lines   *json.Encoder // of receipts and the summary, for programs; nil = for people
	keep    bool          // the tokens are kept
	skipped string        // what an empty event is called: "line" or "file"

	mu       sync.Mutex // guards what follows, and makes lines whole
	run      rejectedRun
	counts   sendCounts
	answered bool  // the service has answered something
	durable  place // last event up to which everything is durable or rejected; zero = none
	receipts []*destinationsv1.Receipt
	omitted  uint64   // receipts that people are not shown
	kept     []string // tokens
	failed   error    // of writing a line
}

// sendCounts are numbers of events.
type sendCounts struct {
	Accepted uint64 `json:"accepted"` // durable, as the answers say
	Rejected uint64 `json:"rejected"` // by the service, or here as too long
	Skipped  uint64 `json:"skipped"`  // empty
}

// newSendReport makes a report whose rejections go to stderr, and whose receipts and
// summary go to stdout as JSON, one value a line; nil = to stderr as text.
func newSendReport(stderr, stdout io.Writer) *sendReport {
	r := &sendReport{stderr: stderr, skipped: "line"}
	if stdout != nil {
		r.lines = json.NewEncoder(stdout)
		r.lines.SetEscapeHTML(false)
	}
	return r
}

// reject names an event that is not sent.
func (r *sendReport) reject(at place, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rejectLocked(at, reason)
}

func (r *sendReport) rejectLocked(at place, reason string) {
	r.counts.Rejected++
	if r.run.take(at, reason) {
		return
	}
	r.tellLocked()
	r.run = rejectedRun{first: at, last: at.line, reason: reason}
	r.run.timer = time.AfterFunc(tellAfter, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.tellLocked()
	})
}

// tellLocked names the events that were rejected last, if they have not been.
func (r *sendReport) tellLocked() {
	if r.run.timer == nil {
		return
	}
	r.run.timer.Stop()
	fmt.Fprintln(r.stderr, r.run.text())
	r.run = rejectedRun{}
}

// skip counts an empty event, which is not sent.
func (r *sendReport) skip() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts.Skipped++
}

// note says what is being waited for.
func (r *sendReport) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellLocked()
	fmt.Fprintf(r.stderr, "destinations send: %v\n", err)
}

// take adds requests that are answered, and receipts.
func (r *sendReport) take(done []*outRequest, receipts []*destinationsv1.Receipt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, request := range done {
		r.answered = true
		r.counts.Accepted += request.places.next - uint64(len(request.rejections))
		for _, rejection := range request.rejections {
			where, _ := request.places.find(uint64(rejection.GetRequestIndex()))
			r.rejectLocked(where, rejectionText(rejection))
		}
		if last, any := request.places.last(); any {
			r.durable = last
		}
	}
	for _, receipt := range receipts {
		r.receiptLocked(receipt)
	}
}

// receiptLocked prints a receipt for programs, or keeps the first ones for people.
func (r *sendReport) receiptLocked(receipt *destinationsv1.Receipt) {
	if r.keep {
		r.kept = append(r.kept, receipt.GetToken())
	}
	switch {
	case r.lines != nil:
		r.printLocked(sendReceipt{
			Bucket:   receipt.GetBucket(),
			Prefix:   receipt.GetPrefix(),
			Accepted: receipt.GetAccepted(),
			Token:    receipt.GetToken(),
		})
	case len(r.receipts) < shownReceipts:
		r.receipts = append(r.receipts, receipt)
	default:
		r.omitted++
	}
}

// tokens are those of all receipts.
func (r *sendReport) tokens() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.kept
}

// undelivered says what became of events that are not delivered.
func (r *sendReport) undelivered(d *destinationsv1.Delivery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf("%s: token %s", deliveryStateName(d.GetState()), d.GetToken())
	if cause := messageOf(d); cause != "" {
		text += ": " + d.GetCode() + ": " + cause
	}
	fmt.Fprintln(r.stderr, plain(text))
}

// sendReceipt is a receipt for programs.
type sendReceipt struct {
	Bucket   string `json:"bucket"`
	Prefix   string `json:"prefix"`
	Accepted uint64 `json:"accepted"`
	Token    string `json:"token"`
}

// printLocked prints a line for programs. What can't be printed fails the command
// at its end: the events are sent all the same.
func (r *sendReport) printLocked(line any) {
	if err := r.lines.Encode(line); err != nil && r.failed == nil {
		r.failed = fmt.Errorf("standard output: %w", err)
	}
}

// rejectionText is "field: reason".
func rejectionText(r *destinationsv1.Rejection) string {
	if r.GetField() == "" || strings.HasPrefix(r.GetReason(), r.GetField()+":") {
		return r.GetReason()
	}
	return r.GetField() + ": " + r.GetReason()
}

// counted returns the numbers so far.
func (r *sendReport) counted() sendCounts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}

// explainEnd adds to what ended the sending early up to where everything is durable.
func (r *sendReport) explainEnd(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.answered {
		return fmt.Errorf("%w; no event is known to be durable", err)
	}
	return fmt.Errorf("%w; events up to %s are durable, those behind it may or may not be", err, r.durable)
}

// explainRead adds to why not all was read up to where everything is durable, which is
// all that was.
func (r *sendReport) explainRead(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.durable == (place{}) {
		return fmt.Errorf("%w; no event was sent", err)
	}
	return fmt.Errorf("%w; events up to %s are durable", err, r.durable)
}

// finish prints the summary and returns the command's error; err ended the sending
// early.
func (r *sendReport) finish(err error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tellLocked()
	if r.lines != nil {
		r.printLocked(r.counts)
	} else {
		r.summarizeLocked()
	}
	err = errors.Join(err, r.failed)
	switch {
	case err != nil && !r.answered:
		return &exitError{code: exitNothing, err: err}
	case err != nil || r.counts.Rejected > 0:
		return &exitError{code: exitFailed, err: err}
	}
	return nil
}

// summarizeLocked prints the summary for people.
func (r *sendReport) summarizeLocked() {
	fmt.Fprintf(r.stderr, "accepted %d, rejected %d", r.counts.Accepted, r.counts.Rejected)
	if r.counts.Skipped > 0 {
		fmt.Fprintf(r.stderr, ", %s passed over", counted(r.counts.Skipped, "empty "+r.skipped, "empty "+r.skipped+"s"))
	}
	fmt.Fprintln(r.stderr)
	for _, receipt := range r.receipts {
		fmt.Fprintf(r.stderr, "receipt s3://%s/%s accepted %d token %s\n",
			receipt.GetBucket(), receipt.GetPrefix(), receipt.GetAccepted(), receipt.GetToken())
	}
	if r.omitted > 0 {
		fmt.Fprintf(r.stderr, "%s (--json prints all)\n", counted(r.omitted, "more receipt", "more receipts"))
	}
}
