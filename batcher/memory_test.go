package batcher

import (
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

func TestMemoryWakesHoweverItComesFree(t *testing.T) {
	woken := 0
	m := &memory{limit: 100, wake: func() { woken++ }}
	m.charge(100, shareOpen)
	m.starve() // wakes those who may hold what is waited for
	m.charge(-5, shareOpen)
	if woken != 1 || !m.short() || m.resume() {
		t.Errorf("at 95 of 100: woken %d times, short %v, resume %v; want 1, true, false", woken, m.short(), m.resume())
	}
	m.charge(-6, shareOpen)
	if woken != 2 || m.short() || !m.resume() {
		t.Errorf("at 89 of 100: woken %d times, short %v, resume %v; want 2, false, true", woken, m.short(), m.resume())
	}
	m.feed()
	m.charge(9, shareOpen)
	if m.short() {
		t.Error("at 98 of 100 with nobody waiting: short")
	}
}

// Closing does not free memory, delivering does: while enough is on its way nothing
// more is closed, or a shard that is short of memory would make an object of each
// event.
func TestMemoryWantsClosingUntilEnoughIsOnItsWay(t *testing.T) {
	woken := 0
	m := &memory{limit: 100, wake: func() { woken++ }}
	m.charge(120, shareOpen)
	if !m.wantsClosing() {
		t.Error("nothing is closed, and nothing wants to be")
	}
	m.move(10, shareOpen, shareClosed) // a batch of 10 is closed
	if m.closedEnough() {
		t.Error("10 of 100 are closed, and that is enough")
	}
	m.move(20, shareOpen, shareClosed)
	if !m.closedEnough() {
		t.Error("30 of 100 are closed, and that is not enough")
	}
	m.charge(-20, shareClosed)
	if m.wantsClosing() || woken != 0 {
		t.Errorf("10 of 100 on their way: wants closing %v, woken %d times; want false, 0", m.wantsClosing(), woken)
	}
	m.charge(-10, shareClosed)
	if !m.wantsClosing() || woken != 2 || m.used.Load() != 90 || m.parts[shareClosed].Load() != 0 {
		t.Errorf("delivered: wants closing %v, woken %d times, used %d, closed %d; want true, 2, 90, 0", m.wantsClosing(), woken, m.used.Load(), m.parts[shareClosed].Load())
	}
}

// What S3 does not take is not on its way: it may not keep the shards from closing
// what others would be delivered of, and closing more behind it frees nothing.
func TestMemoryComesFreeBesideADestinationThatFails(t *testing.T) {
	cfg := DefaultConfig()
	s := &shard{
		cfg: &cfg, log: slog.New(slog.DiscardHandler), opened: true, atSet: true, uploadPool: newLanes(0, nil, nil), retryPool: newLanes(0, nil, nil),
		shared: &shared{memory: &memory{limit: 100 << 10, wake: func() {}}, conditions: newConditions(&cfg, nil, func(string) bool { return false }, func() {})}, dests: map[string]*destination{},
	}
	open := func(bucket string, bytes int64) *destination {
		d := s.destination(&journalv1.Destination{Bucket: bucket})
		d.open = &batch{dest: d}
		d.open.sha = sha256.New()
		s.charge(d.open, bytes)
		return d
	}
	failing := open("failing", 30<<10)
	failed := failing.open
	s.close(failing, journalv1.SealReason_SEAL_REASON_MEMORY, position{1, 0})
	failing.closing, failing.queue, failed.state = nil, []*batch{failed}, batchSealed // its Seal has been read back
	if s.memory.wantsClosing() {
		t.Error("30 of 100 are on their way, and more wants to be closed")
	}
	s.failedUpload(failed, errors.New("refused"), &Try{}, time.Now())
	if !s.memory.wantsClosing() {
		t.Error("S3 does not take what is closed, and nothing else wants to be closed")
	}
	behind, other := open("failing", 40<<10), open("other", 30<<10)
	s.closeLargest()
	if behind.open == nil || other.open != nil {
		t.Errorf("open behind the failed batch: %v, of the other destination: %v; want true, false", behind.open != nil, other.open != nil)
	}
	on := s.memory.parts[shareClosed].Load()
	failing.retryAt = time.Time{}
	s.upload(failing) // the next try
	if after := s.memory.parts[shareClosed].Load(); after != on || s.memory.parts[shareFailed].Load() != 30<<10 {
		t.Errorf("%d on their way while the next try waits for its turn, %d before: it need not come through either", after, on)
	}
	s.close(failing, journalv1.SealReason_SEAL_REASON_SIZE, position{2, 0})
	if after := s.memory.parts[shareClosed].Load(); after != on {
		t.Errorf("%d on their way after a batch was closed behind the failed one, %d before", after, on)
	}
	failing.works()
	s.rechargeClosed(failing)
	if n := s.memory.parts[shareFailed].Load(); n != 0 {
		t.Errorf("%d of a destination that works are not on their way", n)
	}
}

// Close times are compared by the wall clock, which can be set back while the
// service runs (invariant 12 of ARCHITECTURE.md).
func TestCloseTimesDoNotGoBack(t *testing.T) {
	cfg := DefaultConfig()
	s := &shard{cfg: &cfg, log: slog.New(slog.DiscardHandler), shared: &shared{memory: &memory{limit: 1 << 30, wake: func() {}}}, dests: map[string]*destination{}}
	d := s.destination(&journalv1.Destination{Bucket: "bucket"})
	var last int64
	for i := range 3 {
		d.open = &batch{dest: d}
		s.close(d, journalv1.SealReason_SEAL_REASON_WINDOW, position{uint64(i + 1), 0})
		closed := d.closing[i].seal.GetClosedUnixNanos()
		if closed < last {
			t.Errorf("batch %d closed at %v, the one before it at %v", i, time.Unix(0, closed), time.Unix(0, last))
		}
		if strings.Contains(d.lastClose.String(), " m=") {
			t.Errorf("the close time %v has a monotonic reading, which would be compared instead of the clock's", d.lastClose)
		}
		d.lastClose = d.lastClose.Add(time.Hour) // as if the clock had been set back by an hour since
		last = d.lastClose.UnixNano()
	}
}

// Tables do not come free by delivering, so they must not take what delivering needs.
func TestTablesLeaveAQuarterOfTheMemoryToBatches(t *testing.T) {
	woken := 0
	m := &memory{limit: 100, wake: func() { woken++ }}
	m.charge(90, shareTables)
	m.charge(24, shareOpen)
	if m.short() {
		t.Error("with 24 of 100 for batches and 90 of tables: short")
	}
	m.charge(1, shareOpen)
	if !m.short() {
		t.Error("with 25 of 100 for batches and 90 of tables: not short")
	}
	m.starve()
	m.charge(-50, shareTables)
	if woken < 2 || m.short() {
		t.Errorf("with 25 of 100 for batches and 40 of tables: woken %d times, short %v; want 2, false", woken, m.short())
	}
}

// Nobody can wait for tables: they leave less for batches, but never nothing, and
// whoever waits looks again when they shrink.
func TestTablesMakeTheRoomForBatchesSmaller(t *testing.T) {
	woken := 0
	m := &memory{limit: 100, wake: func() { woken++ }}
	m.charge(60, shareOpen)
	m.chargeTables(50)
	if !m.short() || m.room() != 50 {
		t.Errorf("60 of batches beside 50 of tables: short %v, room %d; want true, 50", m.short(), m.room())
	}
	m.starve()
	woken = 0
	m.chargeTables(-20)
	if woken != 1 || !m.resume() {
		t.Errorf("30 of tables: woken %d times, resume %v; want 1, true", woken, m.resume())
	}
	m.chargeTables(1000)
	if m.room() != 25 {
		t.Errorf("tables of everything leave %d for batches, want 25", m.room())
	}
}
