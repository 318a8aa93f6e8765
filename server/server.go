// Package server is the gRPC edge of the service: it validates what callers
// send, appends it to the journal, and answers when what it appended is
// durable. It knows nothing of batches and objects.
//
// # A stream
//
// Two goroutines serve a SendS3, and a third a StreamS3. The reader receives requests and hands them
// over, one at a time, without a buffer: a receive can't be interrupted, and the
// handler must be free to stop. The handler owns everything else of the stream.
// For each request it checks the sequence, then each event by itself, appends
// one record to each partition that has events in the request, and takes the
// next request without waiting for the syncs of this one. Requests are settled,
// which means counted, receipted and made durable_sequence, in the order in
// which they came, whatever the order of the syncs.
//
// What is settled goes to the stream's answerer, in which alone the two calls
// differ. That of SendS3 adds everything up for the one response. That of StreamS3
// puts all that settles while an answer is on its way into the next one, and the
// sender sends them: a send waits for the caller to read, and the handler must be
// free to notice the end. An answer that is full, or answers for too much to be
// left unread, goes before the next request is taken, so a caller who does not
// read is not read.
//
// Requests are decoded in place, and encoded for the journal, by hand: the
// generated code would make a message of every event, twice.
//
// Of each sender it is remembered, over all streams, up to where it has settled: a
// stream that begins there is refused.
//
// A stream's memory is bounded: what waits for its sync by
// [Config.MaxStreamBytes], what waits for its caller to read by as much again, the
// destinations that it remembers, the receipts, the rejections and the omitted
// receipts by the constants beside them, and what is being received by two
// requests and gRPC's window. Requests and records lie in buffers that go round: what
// one has left, the next is decoded from or encoded into.
//
// # Ends of a stream
//
// However a stream ends, by the caller's half-close, a bad request, a failed
// append, its age or [Server.Drain], every append that it has under way is waited
// for before it is answered, so the answer says all that is durable. Only a caller
// who has gone is not waited for, and one who does not read for some seconds only,
// once the service wants the stream to end.
package server

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/experimental"
	"google.golang.org/grpc/keepalive"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server/auth"
)

// Params are what a server is made of. Observer, Access, Audit, Weight and Ownership may be
// left out.
type Params struct {
	// Config says what is accepted.
	Config Config
	// Journal takes the accepted events.
	Journal Journal
	// Access lets callers in; nil = everybody may everything.
	Access Access
	// Audit takes what was done and refused; nil = nothing does.
	Audit *auth.Audit
	// Weight is a tenant's part of what is short, against those of the others; nil = all
	// are alike. It must not wait.
	Weight func(tenant string) int
	// Admission says whether destinations take more events.
	Admission Admission
	// Ownership knows which buckets are confirmed; nil = nobody has to confirm any.
	Ownership Ownership
	// Flusher closes open batches.
	Flusher Flusher
	// Undelivered knows what is not delivered, and why.
	Undelivered Undelivered
	// Redriver has what is not tried now tried again.
	Redriver Redriver
	// DeadLetters keeps the dead batches.
	DeadLetters DeadLetters
	// Checker finds out what can be done at a destination.
	Checker Checker
	// Receipts knows what became of the events of receipts.
	Receipts Receipts
	// Deliveries knows what was delivered.
	Deliveries Deliveries
	// TokenKey is the key of the receipts' tokens, 32 bytes: see [LoadTokenKey].
	TokenKey []byte
	// Log takes what the people who run the service need to know.
	Log *slog.Logger
	// Observer is told what becomes of requests; nil: nobody is.
	Observer Observer
}

func (p *Params) weight(tenant string) int {
	if p.Weight == nil {
		return 1
	}
	return p.Weight(tenant)
}

// Server serves the API. Its methods may be called together.
type Server struct {
	config           Config
	journal          Journal
	access           Access
	audit            *auth.Audit
	admission        Admission
	ownership        Ownership
	flusher          Flusher
	undelivered      Undelivered
	redriver         Redriver
	deadLetters      DeadLetters
	checker          Checker
	checks           *checks
	receipts         Receipts
	deliveries       Deliveries
	tokens           *tokens
	senders          *senders
	memory           *memory
	unread           *unread
	calls            *calls
	asked            *asked
	askedByStrangers *asked
	log              *slog.Logger
	observer         Observer
	life             *life
	buffers          *buffers

	wrongContents *auth.Delays // of challenges
}

// New returns a server that is ready to be registered. It starts nothing.
func New(p Params) (*Server, error) {
	if err := p.Config.Validate(); err != nil {
		return nil, fmt.Errorf("server: %w", err)
	}
	if p.Journal == nil || p.Admission == nil || p.Flusher == nil || p.Undelivered == nil || p.Redriver == nil || p.DeadLetters == nil || p.Checker == nil || p.Receipts == nil || p.Deliveries == nil || p.Log == nil {
		return nil, errors.New("server: Journal, Admission, Flusher, Undelivered, Redriver, DeadLetters, Checker, Receipts, Deliveries and Log are needed")
	}
	if len(p.TokenKey) != tokenKeyBytes {
		return nil, fmt.Errorf("server: TokenKey: %d bytes, not %d", len(p.TokenKey), tokenKeyBytes)
	}
	if p.Observer == nil {
		p.Observer = unobserved{}
	}
	if p.Ownership == nil {
		p.Ownership = unowned{}
	}
	b, l := new(buffers), newLife()
	return &Server{
		config:           p.Config,
		journal:          p.Journal,
		access:           p.Access,
		audit:            p.Audit,
		admission:        p.Admission,
		ownership:        p.Ownership,
		flusher:          p.Flusher,
		undelivered:      p.Undelivered,
		redriver:         p.Redriver,
		deadLetters:      p.DeadLetters,
		checker:          p.Checker,
		checks:           newChecks(),
		receipts:         p.Receipts,
		deliveries:       p.Deliveries,
		tokens:           newTokens(p.TokenKey, p.Journal.ID()),
		senders:          newSenders(maxSenders),
		memory:           newMemory(p.Config.MemoryBytes, int64(p.Config.MaxRequestBytes), b.taken.Load, p.weight),
		unread:           newUnread(),
		calls:            newCalls(&p.Config),
		asked:            newAsked(l, 2*int64(p.Config.MaxRequestBytes), p.Config.MemoryBytes),
		askedByStrangers: newAsked(l, 2*int64(p.Config.MaxRequestBytes), 0),
		log:              p.Log,
		observer:         p.Observer,
		life:             l,
		buffers:          b,

		wrongContents: auth.NewDelays(),
	}, nil
}

// Register registers the services Destinations and Deliveries with r, which must have been
// made with [Server.Options].
func (s *Server) Register(r grpc.ServiceRegistrar) {
	r = JudgedFirst(r)
	destinationsv1.RegisterDestinationsServer(r, destinations{server: s})
	destinationsv1.RegisterDeliveriesServer(r, deliveries{operations: operations{server: s}})
}

// RegisterOperations registers the service Operations with r, which may be another one
// than that of [Server.Register], and must have been made with [Server.Options], too.
func (s *Server) RegisterOperations(r grpc.ServiceRegistrar) {
	destinationsv1.RegisterOperationsServer(JudgedFirst(r), operations{server: s})
}

// connectionWindow is how much the streams of a connection may send together ahead
// of what has arrived. It takes no memory: what has arrived is bounded by the
// windows of the streams.
//
// Left to itself, gRPC measures for windows of its own choice, up to 16 MiB for each
// stream, with a ping for each burst that arrives, whose two writes and wake-ups cost
// as much as a small request.
const connectionWindow = 16 << 20

// maxHeaderBytes is the size of the largest header list: a token is some kilobytes at most,
// and whoever it is of, it is read before he is judged.
const maxHeaderBytes = 64 << 10

// connectionIdle is for how long a connection may have no call under way.
const connectionIdle = 5 * time.Minute

// Options are what the gRPC server must be made with for the API's promises to
// hold: the codec that [Server.Register]'s services read with, the sizes, the
// bounds of calls, the keepalive that frees what callers who have vanished leave
// behind, and the judgement of callers, of every service, if there is an Access. Other
// services of such a server have to be registered with [JudgedFirst].
func (s *Server) Options() []grpc.ServerOption {
	return append(s.guards(),
		grpc.ForceServerCodecV2(codec{
			CodecV2:         encoding.GetCodecV2(proto.Name),
			maxRequestBytes: s.config.MaxRequestBytes,
			buffers:         s.buffers,
		}),
		// Twice the limit: see codec.
		grpc.MaxRecvMsgSize(2*s.config.MaxRequestBytes),
		experimental.BufferPool(s.buffers),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.StaticStreamWindowSize(s.config.streamWindow()),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.MaxConcurrentStreams(s.config.MaxCallsPerConnection),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time:    30 * time.Second,
			Timeout: 20 * time.Second,
			// A client opens another one when it has something to ask.
			MaxConnectionIdle: connectionIdle,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{
			MinTime:             10 * time.Second,
			PermitWithoutStream: true,
		}),
	)
}
