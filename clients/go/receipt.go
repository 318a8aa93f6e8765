package destinations

import (
	"context"
	"strings"
)

// Receipt stands for one event that is in the buffer or beyond. Its methods may be called
// together.
type Receipt struct {
	request            *request
	index              uint32
	bucket, prefix, id string
}

// Done is closed when it is known what became of the event.
func (r *Receipt) Done() <-chan struct{} { return r.request.done }

// Wait waits until the event is on the service's disk: nil. The error says why it was
// not accepted (*RejectedError), that nobody knows (*UnansweredError), that the client
// has failed (*ClientFailedError), or is that of the context.
func (r *Receipt) Wait(ctx context.Context) error {
	select {
	case <-r.request.done:
		return r.request.failed(r.index)
	default:
	}
	select {
	case <-r.request.done:
		return r.request.failed(r.index)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Bucket is the event's.
func (r *Receipt) Bucket() string { return r.bucket }

// Prefix is the event's as it is used: empty, or ending with "/".
func (r *Receipt) Prefix() string {
	if r.prefix == "" || strings.HasSuffix(r.prefix, "/") {
		return r.prefix
	}
	return r.prefix + "/"
}

// Token is what the service knows the event by; empty as long as it was not accepted,
// and with Options.NoReceipts.
func (r *Receipt) Token() string {
	select {
	case <-r.request.done:
	default:
		return ""
	}
	if r.request.failed(r.index) != nil {
		return ""
	}
	to := destination{bucket: r.bucket, prefix: r.Prefix()}
	if token := r.request.tokens[to]; token != "" {
		return token
	}
	return r.request.tokensBefore[to]
}
