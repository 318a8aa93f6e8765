package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
)

// partitions of the journals in these tests.
const partitions = 4

var tokenKey = bytes.Repeat([]byte{9}, 32)

// fakeJournal is a strict journal whose appends the test answers.
type fakeJournal struct {
	t    testing.TB
	auto bool // every append is answered at once, with success

	mu      sync.Mutex
	appends []*fakeAppend
	next    [partitions]uint64
}

// fakeAppend fails the test when it is asked before it is answered.
type fakeAppend struct {
	t         testing.TB
	partition int
	given     []byte // the caller's; the journal's until answered
	copied    []byte
	offset    uint64
	err       error
	done      chan struct{}
}

func (j *fakeJournal) ID() [16]byte    { return [16]byte{4, 5, 6} }
func (j *fakeJournal) Partitions() int { return partitions }

func (j *fakeJournal) Append(partition int, rec []byte) server.Append {
	if len(rec) == 0 {
		j.t.Error("append of an empty record")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	a := &fakeAppend{t: j.t, partition: partition, given: rec, copied: bytes.Clone(rec), done: make(chan struct{})}
	a.offset = 100 + j.next[partition]
	j.next[partition]++
	j.appends = append(j.appends, a)
	if j.auto {
		close(a.done)
	}
	return a
}

// taken are the appends so far.
func (j *fakeJournal) taken() []*fakeAppend {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]*fakeAppend(nil), j.appends...)
}

// countingJournal answers every append at once and keeps nothing.
type countingJournal struct{ answered answered }

func (j *countingJournal) ID() [16]byte                     { return [16]byte{} }
func (j *countingJournal) Partitions() int                  { return partitions }
func (j *countingJournal) Append(int, []byte) server.Append { return &j.answered }

// answered is an append that was answered before it was asked.
type answered struct{}

var closed = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (*answered) Done() <-chan struct{} { return closed }
func (*answered) Err() error            { return nil }
func (*answered) Offset() uint64        { return 1 }

// answer answers an append, once, in whatever order the test likes.
func (a *fakeAppend) answer(err error) {
	if !bytes.Equal(a.given, a.copied) {
		a.t.Error("the record was changed before its append was answered")
	}
	a.err = err
	close(a.done)
}

func (a *fakeAppend) Done() <-chan struct{} { return a.done }
func (a *fakeAppend) Err() error            { a.mustBeDone(); return a.err }

func (a *fakeAppend) Offset() uint64 {
	if a.mustBeDone(); a.err != nil {
		a.t.Error("offset of a failed append")
	}
	return a.offset
}

func (a *fakeAppend) mustBeDone() {
	select {
	case <-a.done:
	default:
		a.t.Error("append was asked before it was answered")
	}
}

// record is what was appended.
func (a *fakeAppend) record() *journalv1.Events {
	a.t.Helper()
	var events journalv1.Events
	if err := proto.Unmarshal(a.copied, &events); err != nil {
		a.t.Fatalf("record: %v", err)
	}
	return &events
}

// fakeFlusher answers flushes by a function.
type fakeFlusher func(ctx context.Context, all bool, tenant, bucket, prefix string) (uint64, error)

func (f fakeFlusher) Flush(ctx context.Context, all bool, tenant, bucket, prefix string) (uint64, error) {
	return f(ctx, all, tenant, bucket, prefix)
}

// fakeAdmission says why a destination, by bucket/prefix, takes no more.
type fakeAdmission func(destination string) string

func (f fakeAdmission) Refusal(tenant, bucket, prefix string) string {
	if f == nil {
		return ""
	}
	return f(tenant + ":" + bucket + "/" + prefix)
}

// harness is a server over an in-memory connection.
type harness struct {
	server *server.Server
	grpc   *grpc.Server
	dial   func(context.Context, string) (net.Conn, error)
	client destinationsv1.DestinationsClient
	ops    destinationsv1.OperationsClient
	told   destinationsv1.DeliveriesClient
	log    *bytes.Buffer // read it after the server has stopped
}

type setup struct {
	config      server.Config
	journal     server.Journal
	admission   fakeAdmission
	ownership   server.Ownership // nil = nobody has to confirm a bucket
	flusher     fakeFlusher
	undelivered *fakeUndelivered
	redriver    fakeRedriver
	deadLetters *fakeDeadLetters
	access      server.Access // nil = everybody may everything
	audit       *auth.Audit
	judging     func() // before a caller is judged, of guard alone; nil = nothing
	checker     fakeChecker
	receipts    fakeReceipts
	deliveries  *fakeDeliveries
	options     []grpc.ServerOption // beside the server's own
}

// start starts a server, which the test's end drains and checks for leaks.
func start(t testing.TB, s setup) *harness {
	t.Helper()
	if s.config.MaxPayloadBytes == 0 {
		s.config = server.DefaultConfig()
	}
	h := &harness{log: new(bytes.Buffer)}
	srv, err := server.New(server.Params{
		Config:      s.config,
		Access:      s.access,
		Audit:       s.audit,
		Journal:     s.journal,
		Admission:   s.admission,
		Ownership:   s.ownership,
		Flusher:     s.flusher,
		Undelivered: s.undelivered,
		Redriver:    s.redriver,
		DeadLetters: s.deadLetters,
		Checker:     s.checker,
		Receipts:    s.receipts,
		Deliveries:  s.deliveries,
		TokenKey:    tokenKey,
		Log:         slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.server = srv
	h.grpc = grpc.NewServer(append(srv.Options(), s.options...)...)
	srv.Register(h.grpc)
	srv.RegisterOperations(h.grpc)
	listener := bufconn.Listen(1 << 20)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = h.grpc.Serve(listener)
	}()
	h.dial = func(ctx context.Context, _ string) (net.Conn, error) { return listener.DialContext(ctx) }
	conn := h.connect(t)
	h.client = destinationsv1.NewDestinationsClient(conn)
	h.ops = destinationsv1.NewOperationsClient(conn)
	h.told = destinationsv1.NewDeliveriesClient(conn)
	t.Cleanup(func() {
		srv.Drain()
		conn.Close()
		h.grpc.Stop()
		<-served
		if err := srv.Wait(context.Background()); err != nil {
			t.Errorf("Wait: %v", err)
		}
		if held, orphans := srv.Held(); orphans == 0 && held != 0 {
			t.Errorf("got %d bytes in hand at the end, want 0", held)
		}
	})
	return h
}

func (h *harness) connect(t testing.TB, options ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	options = append(options, grpc.WithContextDialer(h.dial), grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient("passthrough:///server", options...)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

type sending = grpc.ClientStreamingClient[destinationsv1.SendS3Request, destinationsv1.SendS3Response]

func (h *harness) open(t testing.TB) sending {
	t.Helper()
	stream, err := h.client.SendS3(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// send sends requests; a stream that has ended early is for the receiving side.
func send(t testing.TB, stream sending, requests ...*destinationsv1.SendS3Request) {
	t.Helper()
	for _, r := range requests {
		if stream.Send(r) != nil {
			return
		}
	}
}

// sendAll opens a stream, sends, half-closes and returns the answer.
func (h *harness) sendAll(t testing.TB, requests ...*destinationsv1.SendS3Request) (*destinationsv1.SendS3Response, error) {
	t.Helper()
	stream := h.open(t)
	send(t, stream, requests...)
	return stream.CloseAndRecv()
}

func mustAnswer(t testing.TB, r *destinationsv1.SendS3Response, err error) *destinationsv1.SendS3Response {
	t.Helper()
	if err != nil {
		t.Fatalf("got %v, want a response", err)
	}
	return r
}

// request makes a request to bucket "demo" with an event for each payload.
func request(prefix string, payloads ...string) *destinationsv1.SendS3Request {
	r := &destinationsv1.SendS3Request{Bucket: "demo", Prefix: prefix}
	for _, p := range payloads {
		r.Events = append(r.Events, &destinationsv1.S3Event{Payload: []byte(p)})
	}
	return r
}

// numbered gives a request its sequence.
func numbered(sequence uint64, r *destinationsv1.SendS3Request) *destinationsv1.SendS3Request {
	r.Sequence = sequence
	return r
}

// wantStatus checks the whole status of a call; durable "" = a call without it.
func wantStatus(t testing.TB, err error, code codes.Code, reason, durable string) {
	t.Helper()
	st := status.Convert(err)
	info, retry := detailsOf(st)
	if st.Code() != code || info.GetReason() != reason || info.GetMetadata()["durable_sequence"] != durable {
		t.Fatalf("got %v, reason %q, durable_sequence %q, %q; want %v, %q, %q",
			st.Code(), info.GetReason(), info.GetMetadata()["durable_sequence"], st.Message(), code, reason, durable)
	}
	if reason != "" && info.GetDomain() != "destinations" {
		t.Errorf("got domain %q, want destinations", info.GetDomain())
	}
	if want := slices.Contains([]string{"JOURNAL_FULL", "MEMORY_FULL", "RATE_EXCEEDED", "SHUTTING_DOWN", "STREAM_AGE", "CHALLENGE_NOT_WRITTEN", "CONFIRMED_NOT_KEPT", "REQUEST_INCOMPLETE"}, reason); retry != want {
		t.Errorf("got RetryInfo %v, want %v", retry, want)
	}
}

// detailsOf is what a status says beside its code, and whether it says when to come again.
func detailsOf(st *status.Status) (info *errdetails.ErrorInfo, retry bool) {
	for _, d := range st.Details() {
		switch d := d.(type) {
		case *errdetails.ErrorInfo:
			info = d
		case *errdetails.RetryInfo:
			retry = d.GetRetryDelay().AsDuration() > 0
		}
	}
	return info, retry
}

// all reads a call to its end.
func all[M any](t testing.TB, call grpc.ServerStreamingClient[M], err error) ([]*M, error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var got []*M
	for {
		m, err := call.Recv()
		if errors.Is(err, io.EOF) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		got = append(got, m)
	}
}
