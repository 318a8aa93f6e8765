package main

import (
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// streamEnd is how a stream ended that left something unanswered.
type streamEnd struct {
	err        error
	progressed bool // something was answered in it
}

// isOfAge says whether the stream ended only because it had lasted long enough.
func (e streamEnd) isOfAge() bool {
	return e.progressed && errorInfo(status.Convert(e.err)).GetReason() == "STREAM_AGE"
}

// curable says whether a later stream may fare better: the service is away, stops,
// has no room or is sent to too fast, or the connection was cut or the stream reset on the way. A reset
// has a code that the service itself gives with a reason only.
func (e streamEnd) curable() bool {
	st, ok := status.FromError(e.err)
	if !ok {
		return false
	}
	reason := errorInfo(st).GetReason()
	switch st.Code() {
	case codes.Unavailable:
		return true
	case codes.ResourceExhausted:
		return reason == "JOURNAL_FULL" || reason == "MEMORY_FULL" || reason == "RATE_EXCEEDED" || reason == "TOO_MANY_CALLS"
	case codes.Internal, codes.Canceled:
		return reason == ""
	case codes.Unauthenticated:
		return e.progressed // what had counted has expired: the next call shows what is in the file then
	}
	return false
}

// tooLarge says whether a stream ended because of the size of a request: as the
// service says it, or gRPC of a request that the service did not get to see.
func tooLarge(err error) bool {
	st, ok := status.FromError(err)
	if !ok || st.Code() != codes.ResourceExhausted {
		return false
	}
	reason := errorInfo(st).GetReason()
	return reason == "REQUEST_TOO_LARGE" || reason == "" && strings.Contains(st.Message(), "larger than max")
}

// askedPause is how long the service asks to be left alone; 0 if it does not.
func (e streamEnd) askedPause() time.Duration {
	for _, detail := range status.Convert(e.err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(0, info.GetRetryDelay().AsDuration())
		}
	}
	return 0
}

// patience says how long to wait before the next stream, and when to give up. Not
// for concurrent use.
type patience struct {
	limit   time.Duration // since the last progress
	since   time.Time     // when it began to be tried; zero = all is well
	backOff *backoff.ExponentialBackOff
}

func newPatience(limit time.Duration) *patience {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 200 * time.Millisecond
	b.Multiplier = 2
	b.MaxInterval = 10 * time.Second
	b.Reset()
	return &patience{limit: limit, backOff: b}
}

// progressed begins anew: something was answered.
func (p *patience) progressed() {
	p.since = time.Time{}
	p.backOff.Reset()
}

// calm says whether no failure has been met since the last progress.
func (p *patience) calm() bool { return p.since.IsZero() }

// next is how long to wait behind a stream that ended so; false: it is not to be
// tried again. What the service asks for is the least; what is added is random, so
// that not all of its senders come back at once. The last try is at the limit.
func (p *patience) next(end streamEnd) (wait time.Duration, ok bool) {
	if !end.curable() {
		return 0, false
	}
	if p.calm() {
		p.since = time.Now()
	}
	asked := end.askedPause()
	wait = asked + p.backOff.NextBackOff()
	left := p.limit - time.Since(p.since)
	switch {
	case end.isOfAge(): // no failure
		return wait, true
	case left <= 0 || asked > left:
		return 0, false
	}
	return min(wait, left), true
}
