package batcher_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
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

var (
	works   = dest{"works", ""}
	invalid = refusal("InvalidRequest", 400)
)

// smallQuota is a journal in which much is parked.
func smallQuota(w *world) {
	onePartition(w)
	w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes, w.jcfg.QuotaBytes = 8<<10, 8<<10, 128<<10
	w.cfg.Window, w.cfg.ProbeMax = time.Second, 2*time.Second
}

// spools are the files of partition 0 that batches are parked in.
func (w *world) spools() []string {
	w.t.Helper()
	names, err := w.journal.Partition(0).Spools()
	if err != nil {
		w.t.Fatal(err)
	}
	return names
}

// manifests are the small files beside them.
func (w *world) manifests() (names []string) {
	return slices.DeleteFunc(w.states(), func(name string) bool { return !strings.HasSuffix(name, ".json") })
}

// parkSome sends to a blocked destination until some of it is parked.
func (w *world) parkSome(d dest) {
	w.t.Helper()
	w.refuse(d.bucket, denied)
	for n := 0; w.batcher.Counts().Parked < 2; n++ {
		if n == 40 {
			w.t.Fatal("nothing was parked: the test shows nothing")
		}
		w.put(d, numbered{lines: w.kilobytes(2)})
		w.put(works, numbered{lines: w.lines(1)})
		pass(time.Second)
	}
	pass(5 * time.Second)
	synctest.Wait()
}

// What the log keeps for blocked destinations alone goes into files, from which it is
// delivered, in order.
func TestBlockedDestinationsAreParked(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		w.parkSome(one)
		if n := len(w.spools()); n < 2 || len(w.manifests()) != n {
			w.t.Errorf("%d files and %d manifests, want at least 2 of each", n, len(w.manifests()))
		}
		if w.start0() == 0 {
			w.t.Error("nothing was released")
		}
		if got, want := w.delivered(works), len(w.sent[works]); got < want-1 {
			w.t.Errorf("%d of %d delivered of the destination that works", got, want)
		}
		if n := w.delivered(one); n != 0 {
			w.t.Errorf("%d delivered of the blocked one", n)
		}
		w.crash()
		w.put(one, numbered{lines: w.kilobytes(1)})
		w.refuse(one.bucket, nil)
		w.settle()
		if got, want := w.delivered(one), len(w.sent[one]); got != want {
			w.t.Errorf("%d of %d delivered", got, want)
		}
		if len(w.spools()) != 0 || len(w.manifests()) != 0 {
			w.t.Errorf("files %v and %v stay", w.spools(), w.manifests())
		}
	})
}

// A log that is far larger than its quota for a blocked destination serves the others all
// the time.
func TestParkingKeepsTheJournalOpen(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		w.refuse(one.bucket, denied)
		refused := 0
		for range 200 { // about 400 KiB that compress well, in 128
			if err := w.put(one, numbered{lines: w.lines(4)}); err != nil {
				refused++
			}
			if err := w.put(works, numbered{lines: w.lines(1)}); err != nil {
				refused++
			}
			pass(2 * time.Second)
		}
		if refused > 0 {
			w.t.Errorf("%d sends were refused", refused)
		}
		w.refuse(one.bucket, nil)
	})
}

// In a replay a pass that parks may meet the shard inside of a batch. The next one reads
// that batch from its beginning.
func TestABatchThatAReplayHasHalfReadIsParkedWhole(t *testing.T) {
	bubble(t, func(w *world) { smallQuota(w); w.cfg.Window = time.Hour }, func(w *world) {
		for range 12 {
			w.put(one, numbered{lines: w.kilobytes(6)})
		}
		w.refuse(one.bucket, denied)
		w.flush()
		w.stop()
		w.openJournal()
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Open && strings.HasSuffix(op.Name, "00009.seg") {
				return syscall.EMFILE
			}
			return nil
		})
		w.startBatcher()
		pass(10 * time.Second)
		if n := w.batcher.Counts().Passes; n == 0 {
			w.t.Error("no pass has met the shard in the replay: the test shows nothing")
		}
		w.disk.Fail(nil)
		pass(10 * time.Second)
		if err := w.journal.Partition(0).Err(); err != nil {
			w.t.Errorf("the partition was closed: %v", err)
		}
		if n := w.batcher.Counts().Parked; n == 0 {
			w.t.Error("nothing was parked: the test shows nothing")
		}
	})
}

func TestManifestSaysWhatIsParked(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		w.parkSome(one)
		events := 0
		for _, name := range w.manifests() {
			b, err := w.journal.Partition(0).ReadFile(name)
			if err != nil {
				w.t.Fatal(err)
			}
			var m struct {
				Key, Bucket, Tenant, First, Last, Reason, SHA256 string
				Events                                           int
			}
			if err := json.Unmarshal(b, &m); err != nil || bytes.Count(b, []byte("\n")) != 1 {
				w.t.Errorf("%s is no line of JSON: %v", name, err)
			}
			if m.Bucket != one.bucket || m.Tenant != "default" || !strings.HasPrefix(m.Key, one.prefix) || m.Events == 0 ||
				m.First == "" || m.Last == "" || m.Reason != "blocked: AccessDenied" || len(m.SHA256) != 64 {
				w.t.Errorf("%s says %+v", name, m)
			}
			events += m.Events
		}
		if want := len(w.sent[one]); events == 0 || events > want {
			w.t.Errorf("%d events in manifests, %d were sent", events, want)
		}
	})
}

// While the disk is full nothing is parked, and nothing waits for it.
func TestParkingOnAFullDisk(t *testing.T) {
	for _, kind := range []journaltest.Kind{journaltest.Allocate, journaltest.Truncate} { // at a file's begin, and at its end
		t.Run(string(kind), func(t *testing.T) { parkOnAFullDisk(t, kind) })
	}
}

func parkOnAFullDisk(t *testing.T, kind journaltest.Kind) {
	bubble(t, func(w *world) { smallQuota(w); w.jcfg.QuotaBytes = 192 << 10 }, func(w *world) {
		w.refuse(one.bucket, denied)
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == kind && strings.Contains(op.Name, "/parked/") {
				return errNoSpace
			}
			return nil
		})
		for range 12 {
			w.put(one, numbered{lines: w.kilobytes(4)})
			w.put(works, numbered{lines: w.lines(1)})
			pass(2 * time.Second)
		}
		synctest.Wait()
		if c := w.batcher.Counts(); c.Parked != 0 {
			w.t.Errorf("%d batches parked on a full disk", c.Parked)
		}
		if batches, _, _ := w.batcher.Memory(); batches != 0 {
			w.t.Errorf("%d bytes of memory are held", batches)
		}
		if got, want := w.delivered(works), len(w.sent[works]); got < want-1 {
			w.t.Errorf("%d of %d delivered of the destination that works", got, want)
		}
		w.disk.Fail(nil)
		pass(time.Minute)
		if c := w.batcher.Counts(); c.Parked == 0 || w.start0() == 0 {
			w.t.Errorf("%d batches parked, start at %d when there is room again", c.Parked, w.start0())
		}
		w.refuse(one.bucket, nil)
	})
}

// A batch that S3 refuses alone, and for whose file there is no room, leaves the memory to
// others, and so does what comes behind it.
func TestARefusedBatchOnAFullDiskHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, func(w *world) { onePartition(w); littleMemory(time.Minute)(w); w.cfg.MaxObjectSize = 1 << 20 })
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Allocate && strings.Contains(op.Name, "/parked/") {
				return errNoSpace
			}
			return nil
		})
		w.refuse(one.bucket, invalid)
		for range 30 {
			w.put(one, numbered{lines: w.kilobytes(400)})
			w.put(works, numbered{lines: w.kilobytes(1)})
			pass(time.Minute)
		}
		pass(2 * time.Minute)
		synctest.Wait()
		if got, want := w.delivered(works), len(w.sent[works]); got != want {
			t.Errorf("%d of %d delivered of the destination that works", got, want)
		}
		if batches, _, _ := w.batcher.Memory(); batches > 4<<20 {
			t.Errorf("%d bytes of memory are held", batches)
		}
		w.disk.Fail(nil)
		w.refuse(one.bucket, nil)
		pass(20 * time.Minute)
		w.redrive()
		w.settle()
		w.stop()
		w.check2()
	})
}

// The log keeps its events until their Parked is durable.
func TestNothingIsReleasedBeforeItsParkedIsDurable(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		w.refuse(one.bucket, denied)
		written := false
		w.disk.Fail(func(op journaltest.Op) error {
			written = written || op.Kind == journaltest.Rename && strings.Contains(op.Name, "/parked/")
			if written && op.Kind == journaltest.Write && strings.Contains(op.Name, "control-") {
				return errNoSpace
			}
			return nil
		})
		for range 12 { // the first batch takes several segments
			w.put(one, numbered{lines: w.kilobytes(2)})
		}
		for n := 0; len(w.spools()) == 0; n++ {
			if n == 40 {
				w.t.Fatal("nothing was written into a file: the test shows nothing")
			}
			w.put(one, numbered{lines: w.kilobytes(2)})
			pass(time.Second)
		}
		pass(10 * time.Second)
		if w.start0() != 0 || w.batcher.Counts().Parked != 0 {
			w.t.Errorf("released up to %d, %d parked, before a Parked is durable", w.start0(), w.batcher.Counts().Parked)
		}
		w.disk.Fail(nil)
		w.crash()
		pass(20 * time.Second)
	})
}

// Without its file, or with one of another size, a parked batch closes its partition:
// nothing else has its events.
func TestWithoutItsParkedFilesAPartitionIsClosed(t *testing.T) {
	for _, test := range []struct {
		name string
		harm func(w *world, path string)
	}{
		{"missing", func(w *world, path string) {
			if err := w.disk.Remove(path); err != nil {
				w.t.Fatal(err)
			}
		}},
		{"shorter", func(w *world, path string) {
			b := slices.Clone(w.disk.ReadFile(path))
			w.disk.WriteFile(path, b[:len(b)-1])
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1, smallQuota)
				w.parkSome(one)
				path := "data/0000/parked/" + w.spools()[0]
				w.stop()
				test.harm(w, path)
				w.start()
				if err := w.journal.Partition(0).Err(); !isDamage(err) || !strings.Contains(err.Error(), "parked") {
					t.Errorf("got %v, want damage", err)
				}
				w.stop()
			})
		})
	}
}

// A file whose bytes have changed is never sent. Its batch is dead, the next ones go on.
func TestDamagedFileIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, smallQuota)
		w.parkSome(one)
		path := "data/0000/parked/" + w.spools()[0]
		w.stop()
		good := slices.Clone(w.disk.ReadFile(path))
		bad := slices.Clone(good)
		bad[len(bad)/2] ^= 1
		w.disk.WriteFile(path, bad)
		w.start()
		w.refuse(one.bucket, nil)
		w.settle()
		dead := w.dead()
		if len(dead) != 1 || !strings.Contains(dead[0].Reason, "damaged") {
			t.Fatalf("got dead %+v, want the damaged one", dead)
		}
		if got, want := w.delivered(one), len(w.sent[one])-int(dead[0].Events); got != want {
			t.Errorf("%d delivered, want the other %d", got, want)
		}
		if _, err := w.batcher.OpenDead(t.Context(), one.bucket, dead[0].Key); !errors.Is(err, batcher.ErrBatchDamaged) || !strings.Contains(err.Error(), strings.TrimPrefix(path, "data/0000/parked/")) {
			t.Errorf("opening it gives %v", err)
		}
		w.redrive()
		w.settle()
		if len(w.dead()) != 1 {
			t.Error("it was delivered all the same")
		}
		w.disk.WriteFile(path, good)
		w.redrive()
		w.settle()
		w.stop()
		w.check2()
	})
}

// Files that no record speaks of are removed at the start.
func TestOrphansAreRemoved(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		w.parkSome(one)
		kept, beside := w.spools(), w.manifests()
		part := w.journal.Partition(0)
		spool, err := part.CreateSpool(strings.Repeat("ab", 16) + ".gz")
		if err != nil {
			w.t.Fatal(err)
		}
		spool.Write([]byte("x"))
		if err := errors.Join(spool.Commit(), part.WriteFile(strings.Repeat("ab", 16)+".json", []byte("{}\n"))); err != nil {
			w.t.Fatal(err)
		}
		w.stop()
		w.start()
		pass(time.Second)
		if got := w.spools(); !slices.Equal(got, kept) {
			w.t.Errorf("got files %v, want %v", got, kept)
		}
		if got := w.manifests(); !slices.Equal(got, beside) {
			w.t.Errorf("got manifests %v, want %v", got, beside)
		}
		w.refuse(one.bucket, nil)
	})
}

// A file is the last copy until its Delivered is durable: a record that was lost must
// find it again, or the partition could not be opened.
func TestFilesStayUntilTheirDeliveryIsDurable(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		w.parkSome(one)
		before := len(w.spools())
		w.refuse(one.bucket, nil)
		w.disk.Fail(func(op journaltest.Op) error {
			if op.Kind == journaltest.Write && strings.Contains(op.Name, "control-") && w.delivered(one) > 0 {
				return errNoSpace
			}
			return nil
		})
		for n := 0; w.delivered(one) == 0; n++ {
			if n > 600 {
				w.t.Fatal("nothing was delivered: the test shows nothing")
			}
			pass(100 * time.Millisecond)
		}
		pass(time.Second)
		if got := len(w.spools()); got != before {
			w.t.Errorf("%d of %d files are left although no delivery is durable", got, before)
		}
		w.disk.Fail(nil)
		w.crash()
	})
}

// TestStateSaysWhatWasParked holds every state against the control log below it: it
// is what was read back there, whatever is on its way.
func TestStateSaysWhatWasParked(t *testing.T) {
	bubble(t, smallQuota, func(w *world) {
		r, err := w.journal.Partition(0).Control().NewReader(0)
		if err != nil {
			w.t.Fatal(err)
		}
		defer r.Close()
		log := &controlLog{Reader: r}
		checked := map[string]int{}
		for n := range 60 {
			if n%10 == 0 {
				w.refuse(one.bucket, []error{denied, nil}[n/10%2])
			}
			w.put(one, numbered{lines: w.kilobytes(6)})
			w.put(works, numbered{lines: w.lines(1)})
			for range 20 { // before a release takes it away
				pass(50 * time.Millisecond)
				log.readOn(w)
			}
			for _, name := range w.states() {
				if _, ok := checked[name]; !ok && strings.HasPrefix(name, "state-") {
					checked[name] = w.checkState(name, log)
				}
			}
		}
		some := 0
		for _, parked := range checked {
			some += parked
		}
		if len(checked) < 10 || some < 5 {
			w.t.Errorf("%d states with %d parked: the test shows nothing", len(checked), some)
		}
	})
}

// controlLog is what was read of a control log.
type controlLog struct {
	*journal.Reader
	records []*journalv1.Control // by offset
}

func (l *controlLog) readOn(w *world) {
	w.t.Helper()
	for {
		rec, _, err := l.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		c := &journalv1.Control{}
		if err := errors.Join(err, proto.Unmarshal(rec, c)); err != nil {
			w.t.Fatal(err)
		}
		l.records = append(l.records, c)
	}
}

// checkState returns how many batches a state says are parked.
func (w *world) checkState(name string, log *controlLog) int {
	w.t.Helper()
	b, err := w.journal.Partition(0).ReadFile(name)
	var state journalv1.State
	if err := errors.Join(err, proto.Unmarshal(b, &state)); err != nil {
		w.t.Fatal(err)
	}
	want := map[string]bool{}
	for _, c := range log.records[:state.GetControlOffset()] {
		for _, d := range c.GetDecisions() {
			if m := d.GetParked(); m != nil {
				want[m.GetSeal().GetKey()] = true
			}
			delete(want, d.GetDelivered().GetSeal().GetKey())
		}
	}
	got := map[string]bool{}
	for _, p := range state.GetParked() {
		got[p.GetParked().GetSeal().GetKey()] = true
	}
	if !maps.Equal(got, want) {
		w.t.Errorf("%s has %d parked, the control log below it %d", name, len(got), len(want))
	}
	return len(want)
}

// linesOf reads an object as its reader would.
func linesOf(t *testing.T, r io.Reader) (lines []string) {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(z)
	scan.Buffer(nil, 1<<20)
	for scan.Scan() {
		lines = append(lines, scan.Text())
	}
	if scan.Err() != nil {
		t.Fatal(scan.Err())
	}
	return lines
}
