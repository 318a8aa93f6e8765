package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// sendReport collects what became of the events of one send command, and names
// rejected lines as it learns of them.
type sendReport struct {
	stderr   io.Writer
	accepted uint64 // durable, as the answers say
	rejected uint64 // by the service, or here as too long
	unnamed  uint64 // rejected by the service without saying which
	skipped  uint64 // empty lines
	answers  int    // of the service
	durable  place  // last line up to which everything is durable or rejected; zero = none
	receipts []*destinationsv1.Receipt
}

// reject names a line that is not accepted.
func (r *sendReport) reject(at place, reason string) {
	r.rejected++
	fmt.Fprintf(r.stderr, "%s: %s\n", at, reason)
}

// take adds the answer to one stream, whose lines are at.
func (r *sendReport) take(response *destinationsv1.SendS3Response, at *places) {
	r.answers++
	r.accepted += response.GetAccepted()
	r.receipts = append(r.receipts, response.GetReceipts()...)
	for _, rejection := range response.GetRejections() {
		where, _ := at.find(rejection.GetIndex())
		r.reject(where, rejectionText(rejection))
	}
	if named := uint64(len(response.GetRejections())); response.GetRejected() > named {
		r.rejected += response.GetRejected() - named
		r.unnamed += response.GetRejected() - named
	}
	if last, ok := at.find(at.next - 1); ok {
		r.durable = last
	}
}

// rejectionText is "field: reason".
func rejectionText(r *destinationsv1.Rejection) string {
	if r.GetField() == "" || strings.HasPrefix(r.GetReason(), r.GetField()+":") {
		return r.GetReason()
	}
	return r.GetField() + ": " + r.GetReason()
}

// finish prints the summary and returns the command's error; err ended the sending
// early.
func (r *sendReport) finish(p *process, asJSON bool, err error) error {
	summarize := r.text
	if asJSON {
		summarize = r.json
	}
	err = errors.Join(err, summarize(p))
	switch {
	case err != nil && r.durable == (place{}) && r.answers == 0:
		return &exitError{code: exitNothing, err: err}
	case err != nil || r.rejected > 0:
		return &exitError{code: exitFailed, err: err}
	}
	return nil
}

// text prints the summary for people.
func (r *sendReport) text(p *process) error {
	if r.unnamed > 0 {
		fmt.Fprintf(p.stderr, "%s rejected besides those named\n", counted(r.unnamed, "event", "events"))
	}
	fmt.Fprintf(p.stderr, "accepted %d, rejected %d", r.accepted, r.rejected)
	if r.skipped > 0 {
		fmt.Fprintf(p.stderr, ", %s passed over", counted(r.skipped, "empty line", "empty lines"))
	}
	fmt.Fprintln(p.stderr)
	for _, receipt := range r.receipts {
		fmt.Fprintf(p.stderr, "receipt s3://%s/%s accepted %d token %s\n",
			receipt.GetBucket(), receipt.GetPrefix(), receipt.GetAccepted(), receipt.GetToken())
	}
	return nil
}

// sendResult is the summary for programs.
type sendResult struct {
	Accepted uint64        `json:"accepted"`
	Rejected uint64        `json:"rejected"`
	Skipped  uint64        `json:"skipped"` // empty lines
	Receipts []sendReceipt `json:"receipts"`
}

type sendReceipt struct {
	Bucket   string `json:"bucket"`
	Prefix   string `json:"prefix"`
	Accepted uint64 `json:"accepted"`
	Token    string `json:"token"`
}

// json prints the summary for programs, as one line.
func (r *sendReport) json(p *process) error {
	result := sendResult{Accepted: r.accepted, Rejected: r.rejected, Skipped: r.skipped, Receipts: []sendReceipt{}}
	for _, receipt := range r.receipts {
		result.Receipts = append(result.Receipts, sendReceipt{
			Bucket:   receipt.GetBucket(),
			Prefix:   receipt.GetPrefix(),
			Accepted: receipt.GetAccepted(),
			Token:    receipt.GetToken(),
		})
	}
	encoder := json.NewEncoder(p.stdout)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(result)
}
