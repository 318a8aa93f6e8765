package server

import (
	"cmp"
	"fmt"
	"slices"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
)

// maxRejections is how many rejections a response describes.
const maxRejections = 1000

// refusal is an event of a request that is not accepted.
type refusal struct {
	place   uint32 // of the event in the request
	problem *problem
}

// partitionClosed is why the events of a damaged partition are rejected.
func partitionClosed(err *journal.CorruptError) *problem {
	return &problem{
		code:   destinationsv1.RejectionCode_REJECTION_CODE_PARTITION_UNAVAILABLE,
		reason: "the destination's " + closedText(err),
	}
}

// closedText says that a partition is closed. Which file is damaged is for the people
// who run the service.
func closedText(err *journal.CorruptError) string {
	return fmt.Sprintf(`partition %d of the journal is closed because its files are damaged; "destinations list" says which`, err.Partition)
}

// refuse rejects the event at that place of the request.
func (r *request) refuse(place uint32, p *problem) {
	r.refused = append(r.refused, refusal{place, p})
}

// sortRefused puts the refusals into the order of the events.
func (r *request) sortRefused() {
	slices.SortFunc(r.refused, func(a, b refusal) int { return cmp.Compare(a.place, b.place) })
}

// describe appends the rejections of the request from a place in refused on, as
// far as a response has room for them, and returns up to where it got.
func (r *request) describe(to []*destinationsv1.Rejection, from int) ([]*destinationsv1.Rejection, int) {
	end := min(len(r.refused), from+maxRejections-len(to))
	for _, f := range r.refused[from:end] {
		to = append(to, &destinationsv1.Rejection{
			Index:        r.first + uint64(f.place),
			Code:         f.problem.code,
			Field:        f.problem.field,
			Reason:       f.problem.reason,
			Sequence:     r.sequence,
			RequestIndex: f.place,
		})
	}
	return to, end
}
