package destinations

import (
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// reason is ErrorInfo.reason of the service; empty if the status is not the service's.
func reason(st *status.Status) string {
	for _, detail := range st.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.GetReason()
		}
	}
	return ""
}

// curable says whether a later stream may fare better. A token that can be another one
// next time can be cured, too.
func curable(err error, freshToken bool) bool {
	if errors.Is(err, errEndedEarly) {
		return true
	}
	if errors.As(err, new(*brokenRule)) {
		return false
	}
	st := status.Convert(err)
	switch st.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Unknown, codes.Canceled:
		return true
	case codes.ResourceExhausted:
		r := reason(st)
		return r == "JOURNAL_FULL" || r == "MEMORY_FULL" || r == "RATE_EXCEEDED" || r == "TOO_MANY_CALLS"
	case codes.Internal:
		return reason(st) != "MALFORMED_REQUEST"
	case codes.Unauthenticated:
		return freshToken
	}
	return false
}

// isTooLarge says whether a stream ended because of the size of a request: as the
// service says it, or gRPC of a request that the service did not get to see.
func isTooLarge(err error) bool {
	st := status.Convert(err)
	if st.Code() != codes.ResourceExhausted {
		return false
	}
	r := reason(st)
	return r == "REQUEST_TOO_LARGE" || r == "" && strings.Contains(st.Message(), "larger than max")
}

// askedPause is how long the service asks to be left alone.
func askedPause(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return max(0, info.GetRetryDelay().AsDuration())
		}
	}
	return 0
}

// pauses are the pauses between tries. Not for concurrent use.
type pauses struct{ initial, most, now time.Duration }

func newPauses(o Options) *pauses {
	return &pauses{initial: o.ReconnectInitial, most: o.ReconnectMax, now: o.ReconnectInitial}
}

// reset begins anew: something was answered.
func (p *pauses) reset() { p.now = p.initial }

// next is how long to wait behind a stream that ended so: as long as the service asks,
// and a part that is random, so that not all of its senders come back at once.
func (p *pauses) next(err error) time.Duration {
	half := p.now / 2
	p.now = min(2*p.now, p.most)
	return askedPause(err) + half + rand.N(half+1)
}

// refusal is the error of a client that the service refuses.
func refusal(err error) *ClientFailedError {
	st := status.Convert(err)
	code := codeNames[st.Code()]
	if errors.As(err, new(*brokenRule)) {
		code = "INTERNAL"
	} else if code == "" {
		code = "UNKNOWN"
	}
	return &ClientFailedError{Code: code, Reason: reason(st), Message: st.Message(), Err: err}
}

// codeNames are gRPC's codes as its specification writes them.
var codeNames = map[codes.Code]string{
	codes.Canceled: "CANCELLED", codes.Unknown: "UNKNOWN", codes.InvalidArgument: "INVALID_ARGUMENT",
	codes.DeadlineExceeded: "DEADLINE_EXCEEDED", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
	codes.PermissionDenied: "PERMISSION_DENIED", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
	codes.FailedPrecondition: "FAILED_PRECONDITION", codes.Aborted: "ABORTED", codes.OutOfRange: "OUT_OF_RANGE",
	codes.Unimplemented: "UNIMPLEMENTED", codes.Internal: "INTERNAL", codes.Unavailable: "UNAVAILABLE",
	codes.DataLoss: "DATA_LOSS", codes.Unauthenticated: "UNAUTHENTICATED",
}
