package server

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/open-destinations/destinations/server/auth"
)

// longestSlowing is how long a caller is not read who is ahead of his rate. If he is still
// ahead then, his next request is refused.
const longestSlowing = time.Second

// errRateExceeded is wrapped by every rateError.
var errRateExceeded = errors.New("the rate that is granted is exceeded")

// rateError says that a request was not taken because its caller is too far ahead of
// his rate.
type rateError struct{ wait time.Duration }

func (e *rateError) Error() string {
	return fmt.Sprintf("%v: try again in %v", errRateExceeded, e.wait.Round(time.Millisecond))
}

func (e *rateError) Unwrap() error { return errRateExceeded }

// pace takes a request out of the caller's rates: he is read more slowly if he is ahead
// of them, and refused if he is far ahead.
func (st *stream) pace(grant *auth.Grant, request *incoming) error {
	if !grant.Limited() {
		return nil
	}
	bytes := 0
	for i := range request.events {
		bytes += len(request.events[i].payload)
	}
	taken, wait := grant.Take(len(request.events), bytes)
	if !taken {
		return fmt.Errorf("request %d: %w", st.order.count, &rateError{wait})
	}
	if wait > 0 {
		st.slowed = time.After(min(wait, longestSlowing))
	}
	return nil
}

// retryDelay is what a caller is told to wait.
func (s *Server) retryDelay(err error) time.Duration {
	return cmp.Or(waitOf(err), s.config.RetryDelay)
}

// noteDenied writes down that the caller wants to send where he may not: once for each
// destination, as long as the stream remembers it and the grant is the same.
func (st *stream) noteDenied(bucket, prefix string) {
	st.server.noteRefusal(st.caller, auth.Entry{Action: "send", Tenant: st.caller.Tenant(), Bucket: bucket, Prefix: prefix}, notGranted(bucket, prefix))
}
