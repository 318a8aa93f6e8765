package batcher

import (
	"bytes"
	"errors"
	"log/slog"
	"math"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// shardOfNothing is a shard of an empty partition. What it hands to its pools is not done.
func shardOfNothing(t *testing.T) *shard {
	t.Helper()
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.Partitions, cfg.FS, cfg.Log = "data", 1, journaltest.NewFS(), slog.New(slog.DiscardHandler)
	j, err := journal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	p := Params{Config: DefaultConfig(), Journal: j, Log: cfg.Log}
	common := &shared{memory: &memory{limit: 1 << 30, wake: func() {}}, counts: &counters{}, conditions: newConditions(&p.Config, nil, p.ownCredentials, func() {}), journal: j, tell: func(any) {}}
	s, err := newShard(&p, 0, common)
	if err != nil {
		t.Fatal(err)
	}
	s.uploadPool, s.retryPool, s.probePool = newLanes(0, nil, nil), newLanes(0, nil, nil), newLanes(0, nil, nil)
	s.filePool, s.spoolPool = newPool[struct{}](nil), newPool[struct{}](nil)
	t.Cleanup(func() {
		if err := errors.Join(s.closeReaders(), j.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func parkedBatch(sums int) *journalv1.Parked {
	seal := &journalv1.Seal{
		Id: bytes.Repeat([]byte{1}, batchIDBytes), Destination: &journalv1.Destination{Tenant: "default", Bucket: "bucket"},
		First: &journalv1.Position{}, Last: &journalv1.Position{Index: 3}, Through: &journalv1.Position{Index: 4}, Events: 4, RawBytes: 80, Key: "2000/x.gz",
	}
	return &journalv1.Parked{Seal: seal, File: spoolName(seal), Size: 40, Sha256: make([]byte, sums), RawSha256: make([]byte, sums)}
}

// What a Parked says is used as it stands much later, by goroutines that have no partition
// to close.
func TestAParkedWithoutChecksumsIsDamage(t *testing.T) {
	s := shardOfNothing(t)
	if err := checkParkedRecord(parkedBatch(32)); err != nil {
		t.Errorf("a sound one: %v", err)
	}
	short := parkedBatch(31)
	if err := s.loadControl(&journalv1.State{Parked: []*journalv1.ParkedState{{Parked: short}}}); err == nil {
		t.Error("a State with it is loaded")
	}
	err := s.apply(0, &journalv1.Control{Decisions: []*journalv1.Decision{{Kind: &journalv1.Decision_Parked{Parked: short}}}})
	if !isDamage(err) || !strings.Contains(err.Error(), "checksums of 31 and 31") {
		t.Errorf("got %v, want damage", err)
	}
}

// FuzzControl applies a State and a control record of any content, as they may stand in a
// folder that is damaged or comes from elsewhere: they count, or the partition is closed.
func FuzzControl(f *testing.F) {
	dest := parkedBatch(32).GetSeal().GetDestination()
	id := parkedBatch(32).GetSeal().GetId()
	dead := &journalv1.Dead{Id: id, Destination: dest, Reason: "refused"}
	state := &journalv1.State{
		Blocked:        []*journalv1.Blocked{{Destination: dest, Code: "AccessDenied", SinceUnixNanos: math.MinInt64}},
		Parked:         []*journalv1.ParkedState{{Parked: parkedBatch(32), Dead: dead}},
		WrittenBuckets: []string{"bucket", "bucket"}, Leftovers: []*journalv1.Leftover{{Tenant: "acme", Bucket: "bucket", Key: "key"}},
	}
	control := &journalv1.Control{Decisions: []*journalv1.Decision{
		{Kind: &journalv1.Decision_Seal{Seal: parkedBatch(32).GetSeal()}},
		{Kind: &journalv1.Decision_Parked{Parked: parkedBatch(32)}},
		{Kind: &journalv1.Decision_Dead{Dead: dead}},
		{Kind: &journalv1.Decision_Blocked{Blocked: state.GetBlocked()[0]}},
		{Kind: &journalv1.Decision_Freed{Freed: &journalv1.Freed{Destination: dest}}},
		{Kind: &journalv1.Decision_Redriven{Redriven: &journalv1.Redriven{Id: id, Destination: dest}}},
		{Kind: &journalv1.Decision_Discarded{Discarded: &journalv1.Discarded{Id: id, Destination: dest}}},
		{Kind: &journalv1.Decision_Delivered{Delivered: &journalv1.Delivered{Seal: parkedBatch(32).GetSeal(), Attempts: 2}}},
		{Kind: &journalv1.Decision_Snapshot{Snapshot: &journalv1.Snapshot{EventsOffset: 1, ControlOffset: 1}}},
		{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}},
	}}
	for i := range control.Decisions {
		f.Add(encode(f, state), encode(f, &journalv1.Control{Decisions: control.Decisions[:i+1]}))
		f.Add([]byte{}, encode(f, &journalv1.Control{Decisions: control.Decisions[i:]}))
	}
	f.Add([]byte{}, encode(f, &journalv1.Control{Decisions: []*journalv1.Decision{{Kind: &journalv1.Decision_Parked{Parked: parkedBatch(3)}}}}))
	f.Add(encode(f, &journalv1.State{SetAside: []*journalv1.Position{{Offset: 1}}}), encode(f, &journalv1.Control{Decisions: []*journalv1.Decision{
		{Kind: &journalv1.Decision_SetAside{SetAside: &journalv1.SetAside{Parked: parkedBatch(32), Dead: dead}}},
		{Kind: &journalv1.Decision_SetAside{SetAside: &journalv1.SetAside{Parked: parkedBatch(3)}}},
	}}))
	f.Fuzz(func(t *testing.T, stateData, controlData []byte) {
		var state journalv1.State
		var control journalv1.Control
		if proto.Unmarshal(stateData, &state) != nil || proto.Unmarshal(controlData, &control) != nil {
			return
		}
		s := shardOfNothing(t)
		err := s.loadControl(&state)
		if err == nil {
			err = s.apply(0, &control)
		}
		if err == nil {
			err = s.checkDecided()
		}
		if err == nil { // it goes on with that
			err = s.apply(1, &journalv1.Control{Incarnation: s.incarnation, Decisions: []*journalv1.Decision{{Kind: &journalv1.Decision_Opened{}}}})
		}
		for _, d := range s.dests {
			d.listDead()
		}
		if err == nil {
			s.encodeState(snapshot{events: 1, control: 1})
		}
	})
}

func encode(t testing.TB, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A State of a few bytes may speak of any number of places: what is not to be remembered takes no
// memory, and what was known of others stays as it would have.
func TestAStateAsksForNoMoreThanThereIs(t *testing.T) {
	sender := func(id byte, runs ...uint32) *journalv1.SenderState {
		return &journalv1.SenderState{SenderId: bytes.Repeat([]byte{id}, 16), UsedUnixNanos: int64(id), Taken: []*journalv1.TakenState{{Sequence: 1, Indexes: runs}}}
	}
	state := &journalv1.State{LogTimeUnixNanos: 9, Senders: []*journalv1.SenderState{sender(1, 0, 9), sender(2, 0, math.MaxUint32), sender(3, 0, 9)}}
	s := shardOfNothing(t)
	load := func() (allocated uint64, err error) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s.dedupe = newDedupe(s.cfg, s.journalID, 1, s.counts)
		err = s.dedupe.load(state)
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc, err
	}
	most := 2 * uint64(s.dedupe.senders.mostBytes)
	if allocated, err := load(); err != nil || allocated > most {
		t.Errorf("got %v, and %d bytes were asked for", err, allocated)
	}
	if known := s.dedupe.senders; len(known.known) != 1 || known.bytes > 1000 || known.list.next.used != 3 {
		t.Errorf("%d senders are known, %d bytes, the oldest of %d", len(known.known), known.bytes, known.list.next.used)
	}
	many := &journalv1.SenderState{SenderId: bytes.Repeat([]byte{4}, 16), UsedUnixNanos: 4}
	for n := range uint64(5000) { // each less than there is, all together more
		many.Taken = append(many.Taken, &journalv1.TakenState{Sequence: n + 1, Indexes: []uint32{0, 4_000_000}})
	}
	state.Senders = append(state.Senders, many)
	if allocated, err := load(); err != nil || allocated > 4*most || len(s.dedupe.senders.known) != 0 || s.dedupe.senders.bytes != 0 {
		t.Errorf("got %v, %d senders, %d bytes; %d bytes were asked for", err, len(s.dedupe.senders.known), s.dedupe.senders.bytes, allocated)
	}
}

// A Snapshot names where the log will start. One that no shard makes closes the partition, and does
// not end the service when the log is to be released to it.
func TestASnapshotThatNoShardMakesIsDamage(t *testing.T) {
	for name, at := range map[string]*journalv1.Snapshot{
		"beyond the control log":      {EventsOffset: 0, ControlOffset: 9},
		"beyond the events log":       {EventsOffset: 9, ControlOffset: 1},
		"before the one that is read": {EventsOffset: 0, ControlOffset: 1},
	} {
		s := shardOfNothing(t)
		s.snapshots.usable = []snapshot{{events: 0, control: 2}}
		err := s.apply(3, &journalv1.Control{Incarnation: s.epoch, Decisions: []*journalv1.Decision{{Kind: &journalv1.Decision_Snapshot{Snapshot: at}}}})
		if !isDamage(err) {
			t.Errorf("%s: got %v, want damage", name, err)
		}
	}
}

// A start that lies beyond the end of a log is damage, too.
func TestAStartBeyondTheLogIsDamage(t *testing.T) {
	c := newCrasher(t, func(*shard) {})
	synctest.Test(t, func(t *testing.T) {
		c.t = t
		c.start()
		c.sendPoison("")
		c.runs(time.Minute)
		if err := c.journal.Partition(0).Release(journal.Start{Events: 1, Control: c.journal.Partition(0).Control().Committed()}); err != nil {
			t.Fatal(err)
		}
		c.end(c.disk.AfterRestart())
		names, err := c.disk.List("data/0000")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasPrefix(name, "control-") {
				if err := c.disk.Remove("data/0000/" + name); err != nil {
					t.Fatal(err)
				}
			}
		}
		c.start()
		if err := c.journal.Partition(0).Err(); !isDamage(err) {
			t.Errorf("got %v, want damage", err)
		}
		c.end(c.disk)
	})
}
