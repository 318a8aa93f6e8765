package destinations

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

// WhenFull says what becomes of an event for which the buffer has no room.
type WhenFull int

const (
	// Wait for room until the context of the call ends.
	Wait WhenFull = iota

	// Block for room, for Options.BlockTimeout at most, then fail with a
	// *BufferFullError.
	Block

	// Fail with a *BufferFullError at once.
	Fail
)

// Options say how a client behaves. The zero value of each field is its default.
type Options struct {
	// MaxBufferedBytes is how much is held without an answer: payload, bucket, prefix,
	// id and 64 bytes an event. An empty buffer takes one event of any size. 64 MiB.
	MaxBufferedBytes int64

	// WhenFull is Wait.
	WhenFull WhenFull

	// BlockTimeout is for Block. 30 s.
	BlockTimeout time.Duration

	// BatchBytes is the size from which on a request takes no more events, counted as in
	// MaxBufferedBytes; one event alone may be larger. 256 KiB, at most 4 MiB.
	BatchBytes int

	// BatchDelay is how long a request waits for more events. 5 ms.
	BatchDelay time.Duration

	// MaxStreams is how many streams there may be under load; 1 keeps the lines of a
	// destination in the order of the calls. 4, at most 64.
	MaxStreams int

	// ReconnectInitial and ReconnectMax bound the pauses between tries to reach the
	// service: doubled each time, a random part of up to a half taken off. 100 ms, 10 s.
	ReconnectInitial, ReconnectMax time.Duration

	// KeepaliveTime is how long a connection may be silent before it is asked whether it
	// is there, KeepaliveTimeout how long that may take. The service allows 10 s and
	// more. 30 s, 10 s.
	KeepaliveTime, KeepaliveTimeout time.Duration

	// CloseTimeout is for a Close whose context has no deadline. 30 s.
	CloseTimeout time.Duration

	// NoReceipts spares the service and the client the tokens by which a Receipt asks
	// what became of its event.
	NoReceipts bool

	// Insecure is plaintext to a target that is not this machine. Without it and
	// Credentials the way to this machine is plaintext, and to any other TLS with the
	// system's roots.
	Insecure bool

	// Credentials are gRPC's: TLS with own roots, with an own certificate, ...
	Credentials credentials.TransportCredentials

	// Token goes with each stream and call: "authorization: Bearer ...". It is refused
	// with plaintext to another machine, and is never shown.
	Token string

	// TokenSource is asked for the token each time, instead of Token. A service that
	// refuses its token is tried again. One that a header can't say, as that of a file
	// with its line end, counts as refused.
	TokenSource func() (string, error)

	// Serialize makes bytes of a payload that is neither a string nor bytes.
	// json.Marshal.
	Serialize func(payload any) ([]byte, error)

	// OnRejected is called with the error of each event that failed after its call: a
	// *RejectedError, *UnansweredError or *ClientFailedError. It is called while answers
	// are read, so it must be quick, and must not wait for the client.
	OnRejected func(error)

	// DialOptions are gRPC's, behind the client's own.
	DialOptions []grpc.DialOption
}

const (
	leastBuffer   = 1 << 10
	mostBatch     = 4 << 20
	mostEncoded   = mostBatch - 4<<10 // of a request's events: the service's rule, less what stands beside them
	mostStreams   = 64
	leastPing     = 10 * time.Second
	mostRequests  = 1000    // without an answer
	mostAhead     = 1 << 16 // of a sequence above settled: the service's rule
	mostPayload   = 16 << 20
	eventOverhead = 64

	streamFull = 1 << 20          // bytes unanswered from which on another stream is worth while
	streamIdle = 10 * time.Second // for which a stream but the first has nothing to do before it goes
	endTimeout = 5 * time.Second  // for the reason of a stream's end
)

// complete puts in the defaults and judges what is there. The error joins all that is
// wrong and names the fields.
func (o Options) complete() (Options, error) {
	var errs []error
	fill(&o.MaxBufferedBytes, 64<<20)
	fill(&o.BlockTimeout, 30*time.Second)
	fill(&o.BatchBytes, 256<<10)
	fill(&o.BatchDelay, 5*time.Millisecond)
	fill(&o.MaxStreams, 4)
	fill(&o.ReconnectInitial, 100*time.Millisecond)
	fill(&o.ReconnectMax, max(o.ReconnectInitial, 10*time.Second))
	fill(&o.KeepaliveTime, 30*time.Second)
	fill(&o.KeepaliveTimeout, 10*time.Second)
	fill(&o.CloseTimeout, 30*time.Second)
	within(&errs, "MaxBufferedBytes", o.MaxBufferedBytes, leastBuffer, 1<<40)
	within(&errs, "WhenFull", o.WhenFull, Wait, Fail)
	within(&errs, "BlockTimeout", o.BlockTimeout, time.Millisecond, 24*time.Hour)
	within(&errs, "BatchBytes", o.BatchBytes, 1, mostBatch)
	within(&errs, "BatchDelay", o.BatchDelay, time.Microsecond, time.Minute)
	within(&errs, "MaxStreams", o.MaxStreams, 1, mostStreams)
	within(&errs, "ReconnectInitial", o.ReconnectInitial, time.Millisecond, time.Hour)
	within(&errs, "ReconnectMax", o.ReconnectMax, o.ReconnectInitial, time.Hour)
	within(&errs, "KeepaliveTime", o.KeepaliveTime, leastPing, 24*time.Hour)
	within(&errs, "KeepaliveTimeout", o.KeepaliveTimeout, time.Millisecond, time.Hour)
	within(&errs, "CloseTimeout", o.CloseTimeout, time.Millisecond, 24*time.Hour)
	if o.Insecure && o.Credentials != nil {
		errs = append(errs, wrong("Insecure", "set together with Credentials"))
	}
	if o.Token != "" && o.TokenSource != nil {
		errs = append(errs, wrong("Token", "set together with TokenSource"))
	}
	if o.Token != "" && !isToken(o.Token) {
		errs = append(errs, wrong("Token", errNoHeader.Error()))
	}
	if o.Serialize == nil {
		o.Serialize = json.Marshal
	}
	return o, errors.Join(errs...)
}

// fill puts in a default.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// wrong is what is wrong with a field.
func wrong(field, what string) error { return fmt.Errorf("%s: %s", field, what) }

// within notes a field that is out of its bounds.
func within[T int | int64 | time.Duration | WhenFull](errs *[]error, field string, value, least, most T) {
	if value < least || value > most {
		*errs = append(*errs, fmt.Errorf("%s: %v, must be %v to %v", field, value, least, most))
	}
}
