package batcher

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestIndexesAreASet(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		var x indexes
		want := map[uint32]bool{}
		most := 1 + random.Uint32N(500)
		for range random.IntN(300) {
			i := random.Uint32N(most)
			if random.IntN(50) == 0 {
				i = 1<<32 - 1 - i // the last word is one, too
			}
			if x.take(i) == want[i] {
				t.Fatalf("seed %d: take(%d) says that it is new: %v", seed, i, want[i])
			}
			want[i] = true
		}
		var again indexes
		next := uint64(0)
		x.runs(func(first, last uint32) {
			if last < first || uint64(first) < next {
				t.Errorf("seed %d: run %d to %d, the one before ends at %d", seed, first, last, next)
			}
			next = uint64(last) + 2 // else the two were one
			for i := uint64(first); i <= uint64(last); i++ {
				if !want[uint32(i)] {
					t.Errorf("seed %d: %d is in a run and was not taken", seed, i)
				}
				delete(want, uint32(i))
			}
			again.takeRun(first, last)
		})
		if len(want) > 0 || !slices.Equal(x, again) {
			t.Errorf("seed %d: %d are in no run; made from the runs: %v, want %v", seed, len(want), again, x)
		}
	}
}

func TestRunsOfIndexes(t *testing.T) {
	for _, runs := range [][]uint32{
		nil, {0, 0}, {63, 64}, {0, 63}, {0, 127}, {5, 200}, {0, 0, 2, 2}, {0, 62, 64, 128}, {1<<32 - 1, 1<<32 - 1}, {1<<32 - 200, 1<<32 - 1},
	} {
		var x indexes
		for i := 0; i < len(runs); i += 2 {
			x.takeRun(runs[i], runs[i+1])
		}
		var got []uint32
		x.runs(func(first, last uint32) { got = append(got, first, last) })
		if !slices.Equal(got, runs) {
			t.Errorf("got %v, want %v", got, runs)
		}
	}
}

// tables is a dedupe and its counts.
type tables struct {
	*dedupe
	counts counters
	at     position
	clock  time.Time
}

func newTables(change func(*Config)) *tables {
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	t := &tables{clock: time.Unix(1_558_800_898, 0)}
	t.dedupe = newDedupe(&cfg, [16]byte{1}, 1, &t.counts)
	return t
}

// request is what stands in a record: the events of the given places.
type request struct {
	sender            byte // 0 = none
	principal         string
	sequence, settled uint64
	indexes           []uint32
	ids               []string // of those events, as far as there are
}

// send lets the tables decide a record, and returns the indexes that they take.
func (t *tables) send(r request) (taken []uint32) {
	rec := eventsRecord{received: t.clock.UnixNano(), sequence: r.sequence, settled: r.settled, principal: []byte(r.principal)}
	if r.sender != 0 {
		rec.senderID = []byte{15: r.sender}
	}
	for i, index := range r.indexes {
		e := eventRecord{index: index}
		if i < len(r.ids) {
			e.id = []byte(r.ids[i])
		}
		rec.events = append(rec.events, e)
	}
	t.begin(&rec, t.clock)
	for i := range rec.events {
		t.at = position{t.at.offset + 1, 0}
		if t.take(&rec.events[i], "destination", t.at) == fresh {
			taken = append(taken, rec.events[i].index)
		}
	}
	t.end(&rec)
	return taken
}

func (t *tables) check(test *testing.T, r request, want ...uint32) {
	test.Helper()
	if got := t.send(r); !slices.Equal(got, want) {
		test.Errorf("%+v: %v are taken, want %v", r, got, want)
	}
}

func TestSendersWhateverTheOrder(t *testing.T) {
	d := newTables(nil)
	d.check(t, request{sender: 1, sequence: 2, indexes: []uint32{0, 1}}, 0, 1)
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}}, 0) // another stream of the same sender
	d.check(t, request{sender: 1, sequence: 2, indexes: []uint32{0, 1}})
	d.check(t, request{sender: 2, sequence: 2, indexes: []uint32{0, 1}}, 0, 1)
	d.check(t, request{sender: 1, principal: "other", sequence: 2, indexes: []uint32{0, 1}}, 0, 1)
	// Event 2 was rejected, is accepted when it is sent again; and the other way round.
	d.check(t, request{sender: 1, sequence: 2, indexes: []uint32{1, 2}}, 2)
	d.check(t, request{sender: 1, sequence: 2, indexes: []uint32{0, 1, 2}})
	// The append of 3 has failed, 4 has landed.
	d.check(t, request{sender: 1, sequence: 4, settled: 1, indexes: []uint32{0}}, 0)
	d.check(t, request{sender: 1, sequence: 3, settled: 2, indexes: []uint32{0}}, 0)
	d.check(t, request{sender: 1, sequence: 4, settled: 2, indexes: []uint32{0}})
	// A request in two records.
	d.check(t, request{sender: 1, sequence: 5, settled: 2, indexes: []uint32{0, 1, 2}}, 0, 1, 2)
	d.check(t, request{sender: 1, sequence: 5, settled: 2, indexes: []uint32{3, 4}}, 3, 4)
	// What is settled never comes again, whatever it is.
	d.check(t, request{sender: 1, sequence: 6, settled: 5, indexes: []uint32{0}}, 0)
	d.check(t, request{sender: 1, sequence: 5, settled: 2, indexes: []uint32{7}})
	d.check(t, request{sender: 1, sequence: 6, settled: 1, indexes: []uint32{0}}) // settled only grows
	d.check(t, request{sender: 1, sequence: 4, settled: 1, indexes: []uint32{9}})
	// Without a sender, or a number, everything is new.
	d.check(t, request{sequence: 6, indexes: []uint32{0}}, 0)
	d.check(t, request{sender: 1, indexes: []uint32{0}}, 0)
	d.check(t, request{sender: 1, indexes: []uint32{0}}, 0)
}

// TestSendersAgainstPlainSets holds the tables against maps that keep everything.
func TestSendersAgainstPlainSets(t *testing.T) {
	for seed := range uint64(30) {
		random := rand.New(rand.NewPCG(seed, 1))
		d := newTables(nil)
		taken := map[[3]uint64]bool{}
		settled := map[byte]uint64{}
		top := map[byte]uint64{}
		for range 2000 {
			s := byte(1 + random.IntN(3))
			r := request{sender: s, settled: settled[s]}
			r.sequence = settled[s] + 1 + random.Uint64N(40)
			if random.IntN(5) == 0 {
				r.sequence = 1 + random.Uint64N(settled[s]+20)
				r.settled = random.Uint64N(r.sequence)
			}
			var want []uint32
			for i := range uint32(1 + random.IntN(200)) {
				if random.IntN(3) > 0 {
					continue
				}
				r.indexes = append(r.indexes, i)
				key := [3]uint64{uint64(s), r.sequence, uint64(i)}
				if r.sequence > top[s] && !taken[key] {
					want = append(want, i)
					taken[key] = true
				}
			}
			d.check(t, r, want...)
			top[s] = max(top[s], r.settled)
			if random.IntN(3) == 0 {
				settled[s] += random.Uint64N(20)
			}
		}
		checkCharge(t, d)
	}
}

// checkCharge holds the running sum of what is charged against the tables.
func checkCharge(t *testing.T, d *tables) {
	t.Helper()
	var want int64
	n := 0
	for s := d.senders.list.next; s != &d.senders.list; s = s.next {
		want += s.bytes()
		for _, r := range s.requests[s.head:] {
			want += r.bytes()
		}
		n++
	}
	if d.senders.bytes != want || n != len(d.senders.known) {
		t.Errorf("%d bytes are charged for %d senders, want %d for %d", d.senders.bytes, len(d.senders.known), want, n)
	}
}

func TestSendersAreForgottenInTheOrderOfTheirLastUse(t *testing.T) {
	d := newTables(func(c *Config) { c.DedupeSenders = 3 })
	for s := range byte(3) {
		d.send(request{sender: s + 1, sequence: 1, indexes: []uint32{0}})
	}
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}}) // is used again
	d.send(request{sender: 4, sequence: 1, indexes: []uint32{0}})
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}})
	d.check(t, request{sender: 3, sequence: 1, indexes: []uint32{0}})
	if n := d.counts.sendersEarly.Load(); n != 1 {
		t.Errorf("%d were forgotten early, want 1", n)
	}
	d.check(t, request{sender: 2, sequence: 1, indexes: []uint32{0}}, 0) // was forgotten
	checkCharge(t, d)
}

func TestSendersAreForgottenADayAfterTheirLastUse(t *testing.T) {
	d := newTables(nil)
	d.send(request{sender: 1, sequence: 1, indexes: []uint32{0}})
	d.clock = d.clock.Add(24 * time.Hour)
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}})
	d.clock = d.clock.Add(24 * time.Hour)
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}})
	d.clock = d.clock.Add(24*time.Hour + time.Second)
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}}, 0)
	if n := d.counts.sendersEarly.Load(); n != 0 || len(d.senders.known) != 1 {
		t.Errorf("%d were forgotten early, %d are known, want 0, 1", n, len(d.senders.known))
	}
	checkCharge(t, d)
}

// A sender that settles nothing can't take more than the share of the tables.
func TestSendersKeepToTheirShareOfTheMemory(t *testing.T) {
	d := newTables(func(c *Config) { c.MemoryBytes = 8 << 20 })
	var wide []uint32
	for i := range uint32(1000) {
		wide = append(wide, i*64)
	}
	for n := range uint64(1000) {
		d.send(request{sender: 1, sequence: n + 1, indexes: wide})
		d.send(request{sender: 2, sequence: n + 1, settled: n, indexes: []uint32{0}})
		if d.bytes() > 4<<20 {
			t.Fatalf("after %d requests: %d bytes, want at most half of 8 MiB", n, d.bytes())
		}
	}
	if d.counts.sendersEarly.Load() == 0 {
		t.Error("nothing was forgotten: the test shows nothing")
	}
	checkCharge(t, d)
}

// A sender with many requests under way, and then none, gives the memory back.
func TestSettledRequestsTakeNoMemory(t *testing.T) {
	d := newTables(nil)
	for n := range uint64(1 << 16) {
		d.send(request{sender: 1, sequence: n + 1, indexes: []uint32{0, 100}})
	}
	d.check(t, request{sender: 1, sequence: 1 << 15, indexes: []uint32{0, 1, 100}}, 1)
	d.send(request{sender: 1, sequence: 1<<16 + 1, settled: 1 << 16, indexes: []uint32{0}})
	s := d.senders.list.next
	if len(s.requests)-s.head != 1 || cap(s.requests) > 100 {
		t.Errorf("%d requests are known in room for %d, want 1 in little", len(s.requests)-s.head, cap(s.requests))
	}
	checkCharge(t, d)
}

func TestIDsWithinTheirWindow(t *testing.T) {
	d := newTables(nil)
	with := func(ids ...string) request { return request{indexes: []uint32{0, 1, 2}[:len(ids)], ids: ids} }
	d.check(t, with("a", "b", "a"), 0, 1)
	d.clock = d.clock.Add(10 * time.Minute)
	d.check(t, with("a"))
	d.clock = d.clock.Add(time.Second) // ten minutes after the first, not after the last
	d.check(t, with("a"), 0)
	d.check(t, with("a"))
	d.check(t, with("", ""), 0, 1) // no id
	if n := d.counts.idsEarly.Load(); n != 0 || d.ids.len() != 1 {
		t.Errorf("%d were forgotten early, %d are known, want 0, 1", n, d.ids.len())
	}
}

func TestIDsOfDifferentDestinationsDiffer(t *testing.T) {
	a, b := newTables(nil).ids, newTables(nil).ids
	if a.hash(name("t", "b", "p"), []byte("x")) != b.hash(name("t", "b", "p"), []byte("x")) {
		t.Error("the hash is not the same after a restart")
	}
	if a.hash(name("t", "b", "p"), []byte("x")) == a.hash(name("t", "b", "px"), nil) {
		t.Error("ids of two destinations have one hash")
	}
	other := newIDs(1, time.Minute, [16]byte{2}, nil)
	if a.hash("d", []byte("x")) == other.hash("d", []byte("x")) {
		t.Error("ids of two journals have one hash")
	}
}

func TestIDsAreForgottenOldestFirst(t *testing.T) {
	d := newTables(func(c *Config) { c.DedupeIDs = 100 })
	with := func(n int) request { return request{indexes: []uint32{0}, ids: []string{fmt.Sprint(n)}} }
	for n := range 1000 {
		d.clock = d.clock.Add(time.Second)
		d.check(t, with(n), 0)
		d.check(t, with(max(0, n-99)))
	}
	if n := d.counts.idsEarly.Load(); n != 900 || d.ids.len() != 100 || len(d.ids.known) != 100 {
		t.Errorf("%d were forgotten early, %d and %d are known, want 900, 100, 100", n, d.ids.len(), len(d.ids.known))
	}
	if len(d.ids.ring) != 128 {
		t.Errorf("room for %d, want 128", len(d.ids.ring))
	}
}

// An event that an id has made a duplicate does not become new when the id is
// forgotten and its sender sends it again.
func TestDuplicatesByIDAreTakenOfTheirSender(t *testing.T) {
	d := newTables(nil)
	d.check(t, request{sender: 1, sequence: 1, indexes: []uint32{0}, ids: []string{"x"}}, 0)
	again := request{sender: 1, sequence: 2, indexes: []uint32{0}, ids: []string{"x"}}
	d.check(t, again)
	d.clock = d.clock.Add(time.Hour)
	d.check(t, again)
}

// Log time is that of the records: when they are read does not matter, unless they
// come from the future.
func TestLogTime(t *testing.T) {
	d := newTables(nil)
	minute := func(n int) int64 { return d.clock.Add(time.Duration(n) * time.Minute).UnixNano() }
	for _, step := range []struct{ received, want int64 }{
		{minute(-60), minute(-60)}, // a day of backlog is read at once
		{minute(-30), minute(-30)},
		{minute(-40), minute(-30)}, // a stream that was slower
		{minute(1), minute(1)},
		{minute(2), minute(1)}, // the clock was set back since
	} {
		d.begin(&eventsRecord{received: step.received}, d.clock)
		if d.time != step.want {
			t.Errorf("received at %v: log time %v, want %v", time.Unix(0, step.received), time.Unix(0, d.time), time.Unix(0, step.want))
		}
	}
}

func TestNothingIsRememberedWithoutRoom(t *testing.T) {
	d := newTables(func(c *Config) { c.DedupeSenders, c.DedupeIDs = 0, 0 })
	r := request{sender: 1, sequence: 1, indexes: []uint32{0}, ids: []string{"x"}}
	d.check(t, r, 0)
	d.check(t, r, 0)
	if d.bytes() != 0 || d.counts.sendersEarly.Load() != 0 || d.counts.idsEarly.Load() != 0 {
		t.Errorf("%d bytes are charged, %d and %d forgotten early, want 0", d.bytes(), d.counts.sendersEarly.Load(), d.counts.idsEarly.Load())
	}
}

func TestSendersInOrderCostNoAllocation(t *testing.T) {
	d := newTables(nil)
	var rec eventsRecord
	rec.senderID = make([]byte, 16)
	for i := range uint32(100) {
		rec.events = append(rec.events, eventRecord{index: i})
	}
	send := func() {
		rec.sequence++
		rec.settled = rec.sequence - min(rec.sequence, 32)
		d.begin(&rec, d.clock)
		for i := range rec.events {
			if d.take(&rec.events[i], "d", position{rec.sequence, uint32(i)}) != fresh {
				t.Fatal("a duplicate")
			}
		}
		d.end(&rec)
	}
	for range 200 {
		send()
	}
	if n := testing.AllocsPerRun(1000, send); n != 0 {
		t.Errorf("%v allocations a record of 100 events, want 0", n)
	}
}
