package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a journal on a disk, whose control log the test writes, and the ledger that follows it.
type world struct {
	t       *testing.T
	dir     string
	config  ledger.Config
	journal *journal.Journal
	ledger  *ledger.Ledger
	log     *syncBuffer
	owner   []byte // incarnation in force
	closed  int64  // close time of the last Seal
}

// syncBuffer takes a log while it is read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func digestOf(tenant, bucket, prefix string) [ledger.DigestBytes]byte {
	sum := sha256.Sum256([]byte(tenant + "\x00" + bucket + "\x00" + prefix))
	return [ledger.DigestBytes]byte(sum[:])
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: t.TempDir(), config: ledger.DefaultConfig(), log: &syncBuffer{}, closed: time.Now().UnixNano()}
	w.openJournal()
	w.open()
	w.takeOver("a")
	t.Cleanup(w.close)
	return w
}

func (w *world) openJournal() {
	w.t.Helper()
	config := journal.DefaultConfig()
	config.Dir, config.Partitions, config.SegmentBytes, config.ControlSegmentBytes = w.dir, 1, 64<<10, 1<<20
	config.Log = slog.New(slog.DiscardHandler)
	var err error
	if w.journal, err = journal.Open(config); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) open() {
	w.t.Helper()
	var err error
	w.ledger, err = ledger.Open(ledger.Params{
		Config: w.config, Dir: w.dir, Journal: w.journal, DigestOf: digestOf, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Incarnation: func(*journal.Partition) ([]byte, error) { return w.owner, nil },
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	if w.ledger != nil {
		if err := w.ledger.Close(); err != nil {
			w.t.Error(err)
		}
	}
	w.ledger = nil
	if w.journal != nil {
		if err := w.journal.Close(); err != nil {
			w.t.Error(err)
		}
	}
	w.journal = nil
}

// restart closes everything, lets between do something to the folder, and opens it again.
func (w *world) restart(between func()) {
	w.t.Helper()
	w.close()
	if between != nil {
		between()
	}
	w.openJournal()
	w.open()
}

func (w *world) file() string { return filepath.Join(w.dir, ledger.FileName) }

// append appends decisions of an incarnation.
func (w *world) append(who []byte, decisions ...*journalv1.Decision) {
	w.t.Helper()
	rec, err := proto.Marshal(&journalv1.Control{Incarnation: who, Decisions: decisions})
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.journal.Partition(0).Control().Append(rec)
	<-a.Done()
	if a.Err() != nil {
		w.t.Fatal(a.Err())
	}
}

// takeOver appends an Opened.
func (w *world) takeOver(who string) {
	w.t.Helper()
	w.owner = []byte(fmt.Sprintf("%-16s", who))
	w.append(w.owner, &journalv1.Decision{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{
		OpenedUnixNanos: time.Now().UnixNano(), EventsOffset: proto.Uint64(w.journal.Partition(0).Events().Committed()),
	}}})
}

// events appends n records of an event each, which is as large as it is said; 0 is small.
func (w *world) events(n, size int) (first, last ledger.Place) {
	w.t.Helper()
	log := w.journal.Partition(0).Events()
	first = ledger.Place{Offset: log.Committed()}
	for range n {
		a := log.Append(make([]byte, max(size, 1)))
		<-a.Done()
		if a.Err() != nil {
			w.t.Fatal(a.Err())
		}
	}
	return first, ledger.Place{Offset: log.Committed() - 1}
}

// batch is a Seal of a destination's events.
func (w *world) batch(bucket, prefix string, first, last ledger.Place) *journalv1.Seal {
	w.closed += int64(time.Millisecond)
	id := sha256.Sum256([]byte(fmt.Sprint(bucket, prefix, first)))
	return &journalv1.Seal{
		Id: id[:16], Destination: &journalv1.Destination{Tenant: "default", Bucket: bucket, Prefix: prefix},
		First: positionOf(first), Last: positionOf(last), Through: &journalv1.Position{Offset: last.Offset, Index: last.Index + 1},
		Events: last.Offset - first.Offset + 1, RawBytes: 100, ClosedUnixNanos: w.closed, Key: fmt.Sprintf("%s%d.gz", prefix, first.Offset),
		FirstReceivedUnixNanos: 5, LastReceivedUnixNanos: 6,
	}
}

func positionOf(p ledger.Place) *journalv1.Position {
	return &journalv1.Position{Offset: p.Offset, Index: p.Index}
}

func sealed(s *journalv1.Seal) *journalv1.Decision {
	return &journalv1.Decision{Kind: &journalv1.Decision_Seal{Seal: s}}
}

func parked(s *journalv1.Seal) *journalv1.Decision {
	return &journalv1.Decision{Kind: &journalv1.Decision_Parked{Parked: &journalv1.Parked{Seal: s, LastReceivedUnixNanos: 7}}}
}

func dead(s *journalv1.Seal) *journalv1.Decision {
	return &journalv1.Decision{Kind: &journalv1.Decision_Dead{Dead: &journalv1.Dead{Id: s.GetId(), Destination: s.GetDestination(), Reason: "refused", SinceUnixNanos: 8}}}
}

// setAside sets the event at a place aside.
func (w *world) setAside(bucket string, at ledger.Place) *journalv1.Decision {
	s := w.batch(bucket, "", at, at)
	s.Through, s.Reason = nil, journalv1.SealReason_SEAL_REASON_CRASH
	return &journalv1.Decision{Kind: &journalv1.Decision_SetAside{SetAside: &journalv1.SetAside{
		Parked: &journalv1.Parked{Seal: s}, Dead: &journalv1.Dead{Id: s.GetId(), Destination: s.GetDestination(), Reason: "crashed", SinceUnixNanos: 8},
	}}}
}

func redriven(s *journalv1.Seal) *journalv1.Decision {
	return &journalv1.Decision{Kind: &journalv1.Decision_Redriven{Redriven: &journalv1.Redriven{Id: s.GetId(), Destination: s.GetDestination()}}}
}

func discarded(s *journalv1.Seal) *journalv1.Decision {
	return &journalv1.Decision{Kind: &journalv1.Decision_Discarded{Discarded: &journalv1.Discarded{Id: s.GetId(), Destination: s.GetDestination()}}}
}

func delivered(s *journalv1.Seal) *journalv1.Decision {
	return deliveredAt(s, time.Now())
}

func deliveredAt(s *journalv1.Seal, at time.Time) *journalv1.Decision {
	return &journalv1.Decision{Kind: &journalv1.Decision_Delivered{Delivered: &journalv1.Delivered{
		Seal: s, Etag: `"e"`, Size: 50, Attempts: 2, DeliveredUnixNanos: at.UnixNano(), LastError: "SlowDown: later",
	}}}
}

// written waits until the ledger has written all that stands in the control log.
func (w *world) written() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	if !w.ledger.Await(ctx, 0, w.journal.Partition(0).Control().Committed()) {
		w.t.Fatalf("the ledger does not get to the end of the log\n%s", w.log)
	}
}

// states are the batches that the ledger has, by key.
func (w *world) states(of ledger.Filter) map[string]ledger.RowState {
	w.t.Helper()
	found := map[string]ledger.RowState{}
	for after := ""; ; {
		rows, next, err := w.ledger.List(w.t.Context(), of, 3, after)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, r := range rows {
			if _, twice := found[r.Key]; twice {
				w.t.Errorf("%s is listed twice", r.Key)
			}
			found[r.Key] = r.State
		}
		if next == "" {
			return found
		}
		after = next
	}
}

// eventually asks until ok, at most twenty seconds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("not within twenty seconds: %s", what)
		}
	}
}

// fakeShards answers for spans by a function; nil: nothing is undelivered.
type fakeShards struct {
	world *world
	tell  func(ledger.Span) ledger.Undelivered
	err   error
	asked int
}

func (f *fakeShards) Undelivered(_ context.Context, _ int, spans []ledger.Span) ([]ledger.Undelivered, uint64, error) {
	f.asked += len(spans)
	if f.err != nil {
		return nil, 0, f.err
	}
	answers := make([]ledger.Undelivered, len(spans))
	for i, s := range spans {
		if f.tell != nil {
			answers[i] = f.tell(s)
		}
	}
	return answers, f.world.journal.Partition(0).Control().Committed(), nil
}

func (f *fakeShards) Destination(context.Context, string, string, string) (ledger.Health, error) {
	return ledger.Health{}, errors.New("not asked here")
}

// receipt is one of a destination's events, received now.
func receipt(bucket, prefix string, first, last ledger.Place) ledger.Receipt {
	return ledger.Receipt{Span: ledger.Span{Digest: digestOf("default", bucket, prefix), First: first, Last: last}, Received: time.Now()}
}

// delivery is what is said of one receipt.
func (w *world) delivery(shards *fakeShards, of ledger.Receipt) ledger.Delivery {
	w.t.Helper()
	shards.world = w
	answers, err := ledger.NewDesk(w.ledger, shards).Deliveries(w.t.Context(), []ledger.Receipt{of})
	if err != nil {
		w.t.Fatal(err)
	}
	return answers[0]
}
