package destinations

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// brokenRule is an answer that breaks the rules of the API.
type brokenRule struct{ what string }

func (e *brokenRule) Error() string { return "the service breaks the rules of its API: " + e.what }

// answer takes an answer of the present stream.
func (s *sender) answer(a *api.StreamS3Response) error {
	c := s.client
	c.outbox.mu.Lock()
	done, err := s.settleLocked(a)
	if len(done) > 0 {
		c.dispatchLocked()
	}
	c.outbox.mu.Unlock()
	if c.options.OnRejected != nil {
		for _, r := range done {
			r.tellFailures(c.options.OnRejected)
		}
	}
	return err
}

// settleLocked notes what an answer says, and settles the requests that it reaches.
func (s *sender) settleLocked(a *api.StreamS3Response) (done []*request, err error) {
	for _, rejection := range a.GetRejections() {
		if err := s.rejectLocked(rejection); err != nil {
			return nil, err
		}
	}
	for _, receipt := range a.GetReceipts() {
		if s.tokens == nil {
			s.tokens = make(map[destination]string, len(a.GetReceipts()))
		}
		s.tokens[destination{bucket: receipt.GetBucket(), prefix: receipt.GetPrefix()}] = receipt.GetToken()
	}
	n := s.placeLocked(a.GetSequence() + 1)
	switch {
	case a.GetSequence() < s.answered:
		return nil, &brokenRule{fmt.Sprintf("an answer up to %d behind one up to %d", a.GetSequence(), s.answered)}
	case n > s.next || n > 0 && s.sent[n-1].sequence != a.GetSequence():
		return nil, &brokenRule{fmt.Sprintf("an answer up to request %d, which it was not sent", a.GetSequence())}
	case n == 0:
		return nil, nil
	}
	done = slices.Clone(s.sent[:n])
	s.sent = slices.Delete(s.sent, 0, n)
	s.next -= n
	// Its first receipts may have come with the answer that ends before it.
	done[0].tokensBefore = s.tokensBefore
	for _, r := range done {
		s.bytes -= r.bytes
		r.tokens = s.tokens
		s.client.settleLocked(r)
	}
	s.answered, s.progress, s.tokens, s.tokensBefore = a.GetSequence(), true, nil, s.tokens
	s.client.outbox.lastError = nil
	if s.client.outbox.draining && len(s.sent) == 0 {
		s.wake()
	}
	return done, nil
}

// placeLocked is how many of the requests have smaller numbers.
func (s *sender) placeLocked(sequence uint64) int {
	return sort.Search(len(s.sent), func(i int) bool { return s.sent[i].sequence >= sequence })
}

// rejectLocked notes a rejection, which counts when its request is answered.
func (s *sender) rejectLocked(rejection *api.Rejection) error {
	i := s.placeLocked(rejection.GetSequence())
	if i >= s.next || s.sent[i].sequence != rejection.GetSequence() || int(rejection.GetRequestIndex()) >= s.sent[i].count {
		return &brokenRule{fmt.Sprintf("it rejects event %d of request %d, which it was not sent", rejection.GetRequestIndex(), rejection.GetSequence())}
	}
	r := s.sent[i]
	if r.rejections == nil {
		r.rejections = map[uint32]*RejectedError{}
	}
	event := r.receipt(rejection.GetRequestIndex())
	r.rejections[rejection.GetRequestIndex()] = &RejectedError{
		Code:  strings.TrimPrefix(rejection.GetCode().String(), "REJECTION_CODE_"),
		Field: rejection.GetField(), Reason: rejection.GetReason(),
		Bucket: event.bucket, Prefix: event.prefix, ID: event.id,
	}
	return nil
}

// tellFailures calls tell for each event of an answered request that failed.
func (r *request) tellFailures(tell func(error)) {
	if r.err == nil && len(r.rejections) == 0 {
		return
	}
	for i := range uint32(r.count) {
		if err := r.failed(i); err != nil {
			tell(err)
		}
	}
}
