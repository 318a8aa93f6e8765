package batcher

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/google/go-cmp/cmp"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// known are tables with something of everything in them.
func known(seed uint64) *tables {
	random := rand.New(rand.NewPCG(seed, 1))
	d := newTables(nil)
	for range 300 {
		r := request{sender: byte(random.IntN(5)), principal: []string{"", "someone"}[random.IntN(2)], sequence: 1 + random.Uint64N(100)}
		r.settled = random.Uint64N(r.sequence)
		for i := range random.Uint32N(200) {
			if random.IntN(3) > 0 {
				r.indexes, r.ids = append(r.indexes, i), append(r.ids, []string{"", fmt.Sprint(random.IntN(1000))}[random.IntN(2)])
			}
		}
		d.clock = d.clock.Add(time.Second)
		d.send(r)
	}
	return d
}

// state is what the tables are as a message.
func (t *tables) state(test *testing.T) *journalv1.State {
	test.Helper()
	var state journalv1.State
	if err := proto.Unmarshal(t.appendState(nil), &state); err != nil {
		test.Fatal(err)
	}
	state.LogTimeUnixNanos = t.time
	return &state
}

func TestStatesAreLoadedAsTheyWere(t *testing.T) {
	for seed := range uint64(20) {
		d := known(seed)
		want := d.state(t)
		loaded := newTables(nil)
		if err := loaded.load(want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, loaded.state(t), protocmp.Transform()); diff != "" {
			t.Fatalf("seed %d: what was loaded is not what was saved:\n%s", seed, diff)
		}
		checkCharge(t, loaded)
		// From here on both say the same.
		loaded.clock, loaded.at = d.clock, d.at
		for sequence := range uint64(100) {
			for s := range byte(5) {
				r := request{sender: s, sequence: sequence, indexes: []uint32{0, 1, 7, 100}, ids: []string{"1", "2", "", fmt.Sprint(sequence)}}
				loaded.check(t, r, d.send(r)...)
			}
		}
	}
}

// The encoder by hand writes what protobuf would: every field of the messages.
func TestStatesAreWrittenAsProtobufWould(t *testing.T) {
	d := known(1)
	b := d.appendState(nil)
	state := d.state(t)
	state.LogTimeUnixNanos = 0
	want, err := proto.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if len(state.GetSenders()) < 8 || len(state.GetIds()) < 100 {
		t.Fatalf("%d senders, %d ids: the test shows little", len(state.GetSenders()), len(state.GetIds()))
	}
	var unknown int
	for _, s := range state.GetSenders() {
		unknown += len(s.ProtoReflect().GetUnknown())
	}
	if len(b) < len(want) || unknown > 0 { // zeros are written out
		t.Errorf("%d bytes with %d unknown, protobuf makes %d", len(b), unknown, len(want))
	}
	if n := d.stateBytes(); n < len(b)/2 {
		t.Errorf("a state of %d bytes is made in room for %d", len(b), n)
	}
}

func TestStatesOfMoreThanTheBoundsLoseTheOldest(t *testing.T) {
	d := newTables(nil)
	for n := range 20 {
		d.clock = d.clock.Add(time.Second)
		d.send(request{sender: byte(n + 1), sequence: 1, indexes: []uint32{0}, ids: []string{fmt.Sprint(n)}})
	}
	loaded := newTables(func(c *Config) { c.DedupeSenders, c.DedupeIDs = 5, 7 })
	if err := loaded.load(d.state(t)); err != nil {
		t.Fatal(err)
	}
	if n := loaded.counts.sendersEarly.Load(); n != 15 || len(loaded.senders.known) != 5 {
		t.Errorf("%d senders are known, %d forgotten early, want 5, 15", len(loaded.senders.known), n)
	}
	if n := loaded.counts.idsEarly.Load(); n != 13 || loaded.ids.len() != 7 {
		t.Errorf("%d ids are known, %d forgotten early, want 7, 13", loaded.ids.len(), n)
	}
	loaded.clock = d.clock
	for n := 15; n < 20; n++ {
		loaded.check(t, request{sender: byte(n + 1), sequence: 1, indexes: []uint32{0}, ids: []string{fmt.Sprint(n)}})
	}
	none := newTables(func(c *Config) { c.DedupeSenders, c.DedupeIDs = 0, 0 })
	if err := none.load(d.state(t)); err != nil || none.bytes() != 0 {
		t.Errorf("without room: %v, %d bytes", err, none.bytes())
	}
}

// FuzzLoadState loads whatever verifies as a State.
func FuzzLoadState(f *testing.F) {
	d := known(1)
	whole := d.appendState(nil)
	f.Add(whole[:200])
	f.Add(whole[len(whole)-100:])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var state journalv1.State
		if proto.Unmarshal(b, &state) != nil {
			return
		}
		for _, s := range state.GetSenders() {
			for _, taken := range s.GetTaken() {
				for _, place := range taken.GetIndexes() {
					if place > 1<<20 {
						return // such a run was taken if it stands there, and takes its memory
					}
				}
			}
		}
		loaded := newTables(nil)
		if loaded.load(&state) != nil {
			return
		}
		checkCharge(t, loaded)
		again := newTables(nil)
		if err := again.load(loaded.state(t)); err != nil {
			t.Errorf("what was loaded and saved can't be loaded: %v", err)
		}
	})
}

func TestControlRecordsAreBoundedInBytes(t *testing.T) {
	seal := func(runs int) *journalv1.Decision {
		s := &journalv1.Seal{Excluded: make([]*journalv1.Run, runs)}
		for i := range s.Excluded {
			at := &journalv1.Position{Offset: 1 << 40, Index: uint32(i)}
			s.Excluded[i] = &journalv1.Run{First: at, Last: at}
		}
		return &journalv1.Decision{Kind: &journalv1.Decision_Seal{Seal: s}}
	}
	many := func(n, runs int) (made []*journalv1.Decision) {
		for range n {
			made = append(made, seal(runs))
		}
		return made
	}
	for _, test := range []struct {
		decisions []*journalv1.Decision
		want      int
	}{
		{many(1, 0), 1},
		{many(1000, 0), 1000},
		{many(1001, 0), 1000},
		{many(1, 20000), 1}, // alone it has to go
		{many(2, 20000), 1},
		{append(many(3, 0), seal(20000)), 3},
		{many(100, 100), 100},
	} {
		if got := atOnce(test.decisions, bytesAtOnce); got != test.want {
			t.Errorf("%d decisions of %d bytes: %d go at once, want %d", len(test.decisions), proto.Size(test.decisions[0]), got, test.want)
		}
	}
}

// BenchmarkEncodeState encodes the tables of a shard with as many ids as it keeps
// and 10,000 senders: so long it stands still at a snapshot.
func BenchmarkEncodeState(b *testing.B) {
	d := newTables(func(c *Config) { c.MemoryBytes = 1 << 30 })
	for n := range uint64(10_000) {
		rec := eventsRecord{senderID: binary.BigEndian.AppendUint64(make([]byte, 8), n), sequence: 10, settled: 5, received: d.clock.UnixNano()}
		for i := range uint32(100) {
			rec.events = append(rec.events, eventRecord{index: i})
		}
		d.begin(&rec, d.clock)
		for i := range rec.events {
			d.take(&rec.events[i], "d", position{n, uint32(i)})
		}
		d.end(&rec)
	}
	for n := range uint64(125_000) {
		d.ids.add(idEntry{hash: idHash(binary.BigEndian.AppendUint64(make([]byte, 8), n)), at: position{n + 1<<30, 50}, seen: d.clock.UnixNano()})
	}
	for b.Loop() {
		state := d.appendState(make([]byte, 0, d.stateBytes()))
		b.SetBytes(int64(len(state)))
	}
}
