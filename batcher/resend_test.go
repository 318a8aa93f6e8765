package batcher_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// numbered is a request of a sender, or a part of it, as it stands in a record of
// partition 0.
type numbered struct {
	sender            byte // 0 = none
	sequence, settled uint64
	first             uint32 // place of the first event in the request
	lines             []string
	id                string // of each event
}

// put appends a record of events for one destination; the lines tell which events
// are the same.
func (w *world) put(d dest, r numbered) error {
	w.t.Helper()
	rec := &journalv1.Events{
		ReceivedUnixNanos: time.Now().UnixNano(), Sequence: r.sequence, Settled: r.settled,
		Destinations: []*journalv1.Destination{{Tenant: w.tenant(d), Bucket: d.bucket, Prefix: d.prefix}},
	}
	if r.sender != 0 {
		rec.SenderId = []byte{15: r.sender}
	}
	for i, line := range r.lines {
		e := &journalv1.Event{Index: r.first + uint32(i), Id: r.id, Payload: []byte(line)}
		if w.traced {
			e.TraceContext = append(bytes.Repeat([]byte{1}, 24), 1)
		}
		rec.Events = append(rec.Events, e)
		if !slices.Contains(w.sent[d], line) {
			w.sent[d] = append(w.sent[d], line)
		}
	}
	b, err := proto.Marshal(rec)
	if err != nil {
		w.t.Fatal(err)
	}
	a := w.journal.Partition(0).Events().Append(b)
	// After a crowd's commit the next one waits a little. Who sends on without his answer,
	// and loses this one to a crash, is promised no order.
	pass(journal.DefaultConfig().CommitInterval)
	synctest.Wait()
	select {
	case <-a.Done():
	default:
		return errors.New("no answer")
	}
	if a.Err() == nil {
		for _, line := range r.lines {
			w.acked[line] = true
		}
	}
	return a.Err()
}

// lines makes n lines that nobody else has.
func (w *world) lines(n int) (made []string) {
	for range n {
		made = append(made, short(w.next)+strings.Repeat(" ", 500))
		w.next++
	}
	return made
}

func onePartition(w *world) { w.jcfg.Partitions = 1 }

// bubble runs a test on a world of one partition.
func bubble(t *testing.T, change func(*world), test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) {
			onePartition(w)
			if change != nil {
				change(w)
			}
		})
		test(w)
		w.settle()
		w.stop()
		w.check()
	})
}

func TestWhatIsSentAgainIsDeliveredOnce(t *testing.T) {
	bubble(t, nil, func(w *world) {
		a, b, c := w.lines(3), w.lines(3), w.lines(3)
		w.put(one, numbered{sender: 1, sequence: 1, lines: a})
		w.put(one, numbered{sender: 1, sequence: 2, lines: b})
		pass(2 * time.Minute)
		// Nothing of it was answered. It comes again over two streams, in another order.
		w.put(one, numbered{sender: 1, sequence: 2, lines: b})
		w.put(one, numbered{sender: 1, sequence: 3, lines: c})
		w.put(one, numbered{sender: 1, sequence: 1, lines: a})
		w.put(one, numbered{sender: 1, sequence: 3, lines: c})
		pass(2 * time.Minute)
		w.put(one, numbered{sender: 1, sequence: 4, settled: 3, lines: w.lines(1)})
		w.put(one, numbered{sender: 1, sequence: 2, lines: b})
		pass(time.Second)
		if got, want := w.batcher.Counts(), (batcher.Counts{DuplicatesBySender: 12, Delivered: 2}); got != want {
			w.t.Errorf("got counts %+v, want %+v", got, want)
		}
	})
}

func TestRejectionsMayChangeBetweenTwoSends(t *testing.T) {
	bubble(t, nil, func(w *world) {
		lines := w.lines(4)
		w.put(one, numbered{sender: 1, sequence: 1, first: 1, lines: lines[1:3]}) // 0 and 3 were rejected
		w.put(one, numbered{sender: 1, sequence: 1, first: 2, lines: lines[2:4]}) // 0 and 1 are
		pass(2 * time.Minute)
		w.put(one, numbered{sender: 1, sequence: 1, first: 1, lines: lines[1:]})
		w.sent[one] = lines[1:]
	})
}

func TestARequestMayStandInTwoRecords(t *testing.T) {
	bubble(t, nil, func(w *world) {
		lines := w.lines(4)
		for range 2 {
			w.put(one, numbered{sender: 1, sequence: 1, lines: lines[:2]})
			w.put(one, numbered{sender: 1, sequence: 1, first: 2, lines: lines[2:]})
			pass(2 * time.Minute)
		}
	})
}

// The append of a request fails and the one behind it lands: a high-water mark would
// take the first for a duplicate when it is sent again.
func TestAnAppendFailsAndTheNextOneLands(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.put(one, numbered{sender: 1, sequence: 1, lines: w.lines(1)})
		lines := w.lines(3)
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Write && strings.Contains(op.Name, "events-") {
				return syscall.ENOSPC
			}
			return nil
		})
		if err := w.put(one, numbered{sender: 1, sequence: 2, settled: 1, lines: lines[:1]}); err == nil {
			w.t.Fatal("the append did not fail: the test shows nothing")
		}
		w.disk.Fail(nil)
		w.put(one, numbered{sender: 1, sequence: 3, settled: 1, lines: lines[1:2]})
		pass(2 * time.Minute)
		w.put(one, numbered{sender: 1, sequence: 2, settled: 1, lines: lines[:1]})
		w.put(one, numbered{sender: 1, sequence: 3, settled: 1, lines: lines[1:2]})
		w.sent[one] = []string{w.sent[one][0], lines[1], lines[0]} // the order in which they landed
	})
}

// A record of duplicates alone leaves no trace but in the counts.
func TestDuplicatesAloneMakeNoObject(t *testing.T) {
	bubble(t, nil, func(w *world) {
		lines := w.lines(2)
		w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
		pass(10 * time.Minute) // the destination is forgotten
		for range 3 {
			w.put(one, numbered{sender: 1, sequence: 1, lines: lines})
			pass(10 * time.Minute)
		}
		if w.store.mu.puts != 1 {
			w.t.Errorf("got %d PUTs, want 1", w.store.mu.puts)
		}
	})
}

// The tables outlive the segments that they were made of, and the process.
func TestDuplicatesOfReleasedEvents(t *testing.T) {
	for _, later := range []time.Duration{0, 23 * time.Hour} {
		t.Run(later.String(), func(t *testing.T) {
			bubble(t, func(w *world) { w.cfg.DedupeWindow = 24 * time.Hour }, func(w *world) {
				a, b, c, late := w.lines(3), w.lines(3), w.lines(1), w.lines(1)
				w.put(one, numbered{sender: 1, sequence: 1, lines: a})
				w.put(one, numbered{sender: 1, sequence: 3, lines: b[:2]}) // the third was rejected
				w.put(one, numbered{lines: c, id: "an id"})
				w.fill(3, one)
				pass(2 * time.Minute)
				if w.start0() < 4 {
					t.Fatal("nothing was released: the test shows nothing")
				}
				w.stop()
				pass(later)
				w.start()
				for range 2 {
					w.put(one, numbered{sender: 1, sequence: 3, lines: b})
					w.put(one, numbered{sender: 1, sequence: 1, lines: a})
					w.put(one, numbered{lines: c, id: "an id"})
					w.put(one, numbered{sender: 1, sequence: 2, lines: late})
					pass(2 * time.Minute)
					w.crash()
				}
			})
		})
	}
}

// A backlog is read a day after it was accepted: what counts is when that was.
func TestABacklogIsJudgedByItsOwnTime(t *testing.T) {
	bubble(t, nil, func(w *world) {
		lines := w.lines(2)
		w.put(one, numbered{lines: lines[:1], id: "x"})
		pass(9 * time.Minute)
		w.put(one, numbered{lines: lines[:1], id: "x"})
		pass(2 * time.Minute)
		w.put(one, numbered{lines: lines[1:], id: "x"}) // eleven minutes behind the first
		w.crash()
		pass(24 * time.Hour)
		w.crash()
	})
}

// What a Seal has left out stays left out, also if the next process remembers less.
func TestSealedDuplicatesStayDuplicates(t *testing.T) {
	bubble(t, nil, func(w *world) {
		w.store.set(func() { w.store.mu.refuse[one.bucket] = errors.New("503") })
		first, all := w.lines(1), w.lines(8)
		w.put(one, numbered{lines: first, id: "x"})
		for _, line := range all {
			w.put(one, numbered{lines: first, id: "x"})
			w.put(one, numbered{lines: first, id: "x"})
			w.put(one, numbered{lines: []string{line}})
		}
		w.put(one, numbered{lines: first, id: "x"})
		if _, err := w.batcher.Flush(w.t.Context(), true, "", "", ""); err != nil {
			w.t.Fatal(err)
		}
		w.cfg.DedupeIDs, w.cfg.DedupeSenders = 0, 0
		w.crash()
		pass(10 * time.Minute)
		w.crash()
	})
}

// A batch closes when what it leaves out gets too long for its Seal; its Seal and
// those of others do not go into one record.
func TestManyDuplicatesInABatchCloseIt(t *testing.T) {
	bubble(t, func(w *world) { w.jcfg.ControlSegmentBytes = 1 << 20 }, func(w *world) {
		first := w.lines(1)
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		runs := func(n int) {
			for sequence := range uint64(n) {
				w.put(one, numbered{sender: 1, sequence: 1, lines: first})
				w.put(one, numbered{sender: 1, sequence: sequence + 2, lines: []string{short(w.next)}})
				w.next++
			}
		}
		runs(4095)
		w.put(one, numbered{sender: 1, sequence: 1, lines: first})
		pass(time.Second)
		if n := w.store.count(); n != 1 {
			w.t.Errorf("%d objects, want 1, of the batch that was closed by 4,096 runs of duplicates", n)
		}
		w.crash()
	})
}
