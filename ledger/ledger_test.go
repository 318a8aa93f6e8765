package ledger_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ledger"
)

// states of batches, by key.
type states = map[string]ledger.RowState

func requireStates(t *testing.T, got, want states) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestRowsObeyTheRulesOfTheLog(t *testing.T) {
	w := newWorld(t)
	seals := make([]*journalv1.Seal, 7)
	for i := range seals {
		first, last := w.events(2, 0)
		seals[i] = w.batch("bucket", fmt.Sprintf("%d/", i), first, last)
	}
	zombie := w.owner
	w.append(w.owner, sealed(seals[0]), sealed(seals[1]), sealed(seals[2]), sealed(seals[3]))
	w.append(w.owner, delivered(seals[0]), parked(seals[1]), parked(seals[2]), dead(seals[2]), parked(seals[3]), dead(seals[3]))
	w.takeOver("b")
	w.append(zombie, sealed(seals[4]), parked(seals[0]), dead(seals[1]), discarded(seals[3]), delivered(seals[5])) // only the last one counts
	w.append(w.owner, redriven(seals[2]), sealed(seals[6]))
	w.written()
	want := states{"0/0.gz": ledger.RowDelivered, "1/2.gz": ledger.RowParked, "2/4.gz": ledger.RowParked, "3/6.gz": ledger.RowDead,
		"5/10.gz": ledger.RowDelivered, "6/12.gz": ledger.RowSealed}
	requireStates(t, w.states(ledger.Filter{}), want)
	w.append(w.owner, discarded(seals[3]), delivered(seals[2]), delivered(seals[6]))
	w.written()
	want["2/4.gz"], want["3/6.gz"], want["6/12.gz"] = ledger.RowDelivered, ledger.RowDiscarded, ledger.RowDelivered
	requireStates(t, w.states(ledger.Filter{}), want)

	rows, _, err := w.ledger.List(t.Context(), ledger.Filter{Tenant: "default", Bucket: "bucket", Prefix: ptr("6/")}, 10, "")
	if err != nil || len(rows) != 1 {
		t.Fatalf("got %v, %v", rows, err)
	}
	r := rows[0]
	if r.ETag != `"e"` || r.Size != 50 || r.Events != 2 || r.RawBytes != 100 || r.Attempts != 2 || r.LastError != "SlowDown: later" ||
		r.FirstReceived.UnixNano() != 5 || r.LastReceived.UnixNano() != 6 || r.Sealed.UnixNano() != seals[6].GetClosedUnixNanos() || r.Ended.IsZero() {
		t.Errorf("got %+v", r)
	}
}

func ptr[T any](v T) *T { return &v }

// Whatever moment a crash brings back of the database, and whatever of the log it has read by
// then, the rows become those of the log: places and rows are of one transaction.
func TestRowsAreThoseOfTheLogAfterAnyCrash(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	w := newWorld(t)
	want := states{}
	var open []*journalv1.Seal
	copied := filepath.Join(t.TempDir(), "copy")
	for i := range 60 {
		switch n := random.IntN(10); {
		case n < 4:
			first, last := w.events(1, 0)
			seal := w.batch("bucket", "", first, last)
			open = append(open, seal)
			w.append(w.owner, sealed(seal))
			want[seal.GetKey()] = ledger.RowSealed
		case n < 7 && len(open) > 0:
			w.append(w.owner, delivered(open[0]))
			want[open[0].GetKey()] = ledger.RowDelivered
			open = open[1:]
		case n == 7:
			w.written()
			w.restart(func() { copyDatabase(t, w.file(), copied) })
		case n == 8 && i > 30:
			w.restart(func() { copyDatabase(t, copied, w.file()) })
			w.takeOver(fmt.Sprint(i))
		}
	}
	w.written()
	requireStates(t, w.states(ledger.Filter{}), want)
	if c := w.ledger.Counts(); c.SetAside != 0 || c.LeftBehind != 0 {
		t.Errorf("got %+v, want nothing set aside or left behind", c)
	}
}

// copyDatabase copies a database that nobody has open.
func copyDatabase(t *testing.T, from, to string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		b, err := os.ReadFile(from + suffix)
		if os.IsNotExist(err) {
			os.Remove(to + suffix)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to+suffix, b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// A database that is lost or damaged is set aside, and the ledger begins where the journal does.
func TestLedgerBeginsAgainWithoutItsDatabase(t *testing.T) {
	for name, harm := range map[string]func(t *testing.T, file string){
		"deleted":   func(t *testing.T, file string) { check(t, os.Remove(file)) },
		"emptied":   func(t *testing.T, file string) { check(t, os.Truncate(file, 0)) },
		"truncated": func(t *testing.T, file string) { check(t, os.Truncate(file, 10_000)) },
		"cut short": func(t *testing.T, file string) { check(t, os.Truncate(file, 50)) },
		"garbage":   func(t *testing.T, file string) { check(t, os.WriteFile(file, make([]byte, 100_000), 0o644)) },
		"scribbled": func(t *testing.T, file string) {
			f, err := os.OpenFile(file, os.O_RDWR, 0)
			check(t, err)
			for at := int64(4096); at < 100_000; at += 4096 {
				_, err = f.WriteAt([]byte("scribbled scribbled scribbled"), at)
				check(t, err)
			}
			check(t, f.Close())
		},
		"not ours": func(t *testing.T, file string) {
			other := newWorld(t)
			other.written()
			other.close()
			copyDatabase(t, other.file(), file)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			first, last := w.events(1, 0)
			old := w.batch("bucket", "", first, last)
			w.append(w.owner, sealed(old), delivered(old))
			w.written()
			w.restart(func() { harm(t, w.file()) })
			w.takeOver("b")
			first, last = w.events(1, 0)
			seal := w.batch("bucket", "", first, last)
			w.append(w.owner, sealed(seal), delivered(seal))
			eventually(t, "everything in the journal is there again", func() bool {
				w.written()
				rows, _, err := w.ledger.List(t.Context(), ledger.Filter{}, 10, "")
				return err == nil && len(rows) == 2
			})
			if got := w.delivery(&fakeShards{}, receipt("bucket", "", first, last)); got.State != ledger.StateDelivered || len(got.Objects) != 1 || got.DetailsExpired {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A file that somebody removes while it is in use would take what is written to its grave.
func TestDatabaseThatIsRemovedWhileItIsUsedIsBegunAnew(t *testing.T) {
	w := newWorld(t)
	w.written()
	check(t, os.Remove(w.file()))
	first, last := w.events(1, 0)
	seal := w.batch("bucket", "", first, last)
	w.append(w.owner, sealed(seal))
	eventually(t, "there is another file", func() bool {
		_, err := os.Stat(w.file())
		return err == nil && w.ledger.Counts().SetAside == 1
	})
	w.written()
	requireStates(t, w.states(ledger.Filter{}), states{"0.gz": ledger.RowSealed})
}

// Segments go when the ledger has passed them, not before; if it can't be written it holds them
// until they are too many, and says that it was left behind.
func TestLedgerThatCannotBeWrittenIsLeftBehind(t *testing.T) {
	w := newWorld(t)
	w.ledger.Close()
	w.config.HeldBytes = 100 << 10
	w.open()
	w.written()
	end := w.journal.Partition(0).Control().Committed()
	if got := w.ledger.Passed(0, 1<<40); got != end {
		t.Errorf("got %d passed while all is well, want %d", got, end)
	}
	w.ledger.RefusesMore(t, true)
	var seals []*journalv1.Seal
	for range 300 { // more than fits into pages that are there
		first, last := w.events(1, 0)
		seal := w.batch("bucket", "", first, last)
		seal.Key += strings.Repeat("k", 900)
		seals = append(seals, seal)
		w.append(w.owner, sealed(seal), delivered(seal))
	}
	eventually(t, "the ledger can't be written", func() bool { return w.ledger.Counts().Failures > 0 })
	if got := w.ledger.Passed(0, 100<<10); got > w.journal.Partition(0).Control().Committed() {
		t.Errorf("got %d passed while it holds no more than it may", got)
	}
	if got := w.ledger.Passed(0, 100<<10+1); got != math.MaxUint64 {
		t.Errorf("got %d passed while it holds too much, want everything", got)
	}
	if !strings.Contains(w.log.String(), "left behind") || w.ledger.Counts().LeftBehind != 1 {
		t.Errorf("got %+v and the log\n%s", w.ledger.Counts(), w.log)
	}
	// The journal goes on without it.
	part := w.journal.Partition(0)
	check(t, part.Release(journal.Start{Events: part.Events().Committed(), Control: part.Control().Committed()}))
	w.takeOver("b")
	w.ledger.RefusesMore(t, false)
	eventually(t, "it can be written again", func() bool {
		return w.ledger.Await(t.Context(), 0, part.Control().Committed())
	})
	lost := receipt("bucket", "", placeOf(seals[250].GetFirst()), placeOf(seals[250].GetLast()))
	got := w.delivery(&fakeShards{}, lost)
	if got.State != ledger.StateDelivered || !got.DetailsExpired && len(got.Objects) == 0 {
		t.Errorf("got %+v, want it delivered, and details expired if there are none", got)
	}
	first, last := w.events(1, 0)
	seal := w.batch("bucket", "", first, last)
	w.append(w.owner, sealed(seal), delivered(seal))
	w.written()
	if got := w.delivery(&fakeShards{}, receipt("bucket", "", first, last)); len(got.Objects) != 1 || got.DetailsExpired {
		t.Errorf("got %+v once it can be written again", got)
	}
}

func placeOf(p *journalv1.Position) ledger.Place {
	return ledger.Place{Offset: p.GetOffset(), Index: p.GetIndex()}
}

// It names tenants, buckets and keys, which are nobody's business on a machine that is shared.
func TestDatabaseIsForTheServiceAlone(t *testing.T) {
	w := newWorld(t)
	w.written()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(w.file() + suffix)
		check(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", info.Name(), info.Mode())
		}
	}
}

// Where the database can't be made, as on a full disk, the service starts all the same; the
// ledger begins when it can.
func TestLedgerBeginsWhenItsDatabaseCanBeMade(t *testing.T) {
	w := newWorld(t)
	w.restart(func() {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			os.Remove(w.file() + suffix) // as far as they are there
		}
		check(t, os.Mkdir(w.file()+"-wal", 0o755)) // no log, no database
	})
	first, last := w.events(1, 0)
	seal := w.batch("bucket", "", first, last)
	w.append(w.owner, sealed(seal))
	if _, _, err := w.ledger.List(t.Context(), ledger.Filter{}, 1, ""); !errors.Is(err, ledger.ErrFailed) {
		t.Errorf("got %v, want ErrFailed", err)
	}
	if got := w.ledger.Passed(0, 0); got != 0 {
		t.Errorf("got %d passed, want nothing", got)
	}
	check(t, os.Remove(w.file()+"-wal"))
	eventually(t, "it is begun", func() bool { return w.ledger.Await(t.Context(), 0, w.journal.Partition(0).Control().Committed()) })
	requireStates(t, w.states(ledger.Filter{}), states{"0.gz": ledger.RowSealed})
}

// What has been kept for long enough goes, and the place up to which that may be so is kept; what is
// not delivered stays.
func TestOldDeliveriesAreForgotten(t *testing.T) {
	w := newWorld(t)
	at := func(age time.Duration) (*journalv1.Seal, *journalv1.Decision) {
		first, last := w.events(1, 0)
		seal := w.batch("bucket", "", first, last)
		return seal, deliveredAt(seal, time.Now().Add(-age))
	}
	old, gone := at(8 * 24 * time.Hour)
	stays, _ := at(0)
	recent, kept := at(6 * 24 * time.Hour)
	w.append(w.owner, sealed(old), sealed(stays), sealed(recent), gone, kept)
	w.written()
	w.ledger.Tend()
	eventually(t, "one is forgotten", func() bool { return w.ledger.Counts().Forgotten == 1 })
	requireStates(t, w.states(ledger.Filter{}), states{stays.GetKey(): ledger.RowSealed, recent.GetKey(): ledger.RowDelivered})
	for seal, expired := range map[*journalv1.Seal]bool{old: true, recent: false} {
		of := receipt("bucket", "", placeOf(seal.GetFirst()), placeOf(seal.GetLast()))
		if got := w.delivery(&fakeShards{}, of); got.State != ledger.StateDelivered || got.DetailsExpired != expired || (len(got.Objects) == 0) != expired {
			t.Errorf("%s: got %+v, want details expired %v", seal.GetKey(), got, expired)
		}
	}
}

// The file is no larger than it may be, and what went first is the oldest.
func TestSizeIsBounded(t *testing.T) {
	w := newWorld(t)
	w.ledger.Close()
	w.config.SizeBytes = 16 << 20
	w.open()
	pad := strings.Repeat("k", 900)
	var last *journalv1.Seal
	at := time.Now().Add(365 * 24 * time.Hour) // the clock was ahead
	for range 80 {
		var all []*journalv1.Decision
		first, _ := w.events(1, 0)
		for i := range 200 {
			place := ledger.Place{Offset: first.Offset, Index: uint32(i)}
			last = w.batch("bucket", "", place, place)
			last.Key = fmt.Sprintf("%d/%d/%s", place.Offset, place.Index, pad)
			all = append(all, deliveredAt(last, at))
		}
		w.append(w.owner, all...)
		at = time.Now()
	}
	w.written()
	largest := int64(0)
	eventually(t, "the file has shrunk", func() bool {
		w.ledger.Tend()
		info, err := os.Stat(w.file())
		check(t, err)
		largest = max(largest, info.Size())
		return info.Size() <= w.config.SizeBytes && w.ledger.Counts().Forgotten > 0
	})
	t.Logf("at most %d bytes, %d forgotten", largest, w.ledger.Counts().Forgotten)
	if got := w.delivery(&fakeShards{}, receipt("bucket", "", placeOf(last.GetFirst()), placeOf(last.GetLast()))); len(got.Objects) != 1 || got.DetailsExpired {
		t.Errorf("the newest: got %+v", got)
	}
	if got := w.delivery(&fakeShards{}, receipt("bucket", "", ledger.Place{}, ledger.Place{})); got.State != ledger.StateDelivered || !got.DetailsExpired {
		t.Errorf("the oldest: got %+v, want details expired", got)
	}
}
