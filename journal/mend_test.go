package journal_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// built is a folder whose first partition has several segments in each log, a
// start above 0, small files and spools; the second one is to stay as it is.
func built(t testing.TB) (*journaltest.FS, journal.Config, journal.Start) {
	t.Helper()
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.Partitions, cfg.ProofDelay = 2, time.Hour
	start := journal.Start{Events: 45, Control: 9}
	for range 2 {
		j := open(t, cfg)
		for i := range 2 {
			p := j.Partition(i)
			for range 20 {
				group(t, p.Events(), 4)
				group(t, p.Control(), 2)
			}
			if err := errors.Join(p.Release(start), p.WriteFile("state-1", []byte("state")), writeSpool(p, "batch-1", "spool", true)); err != nil {
				t.Fatal(err)
			}
		}
		j.Close()
	}
	return fs.AfterCrash(1), cfg, start
}

// group appends n records which get into one block if they are quick enough.
func group(t testing.TB, l *journal.Log, n int) {
	t.Helper()
	var under []*journal.Append
	first := l.Committed()
	for i := range uint64(n) {
		under = append(under, l.Append(record(first+i)))
	}
	for _, a := range under {
		if _, err := a.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// flipIn flips bits in a file of partition 0.
func flipIn(fs *journaltest.FS, name string, at ...int) {
	name = filepath.Join("/data/0000", name)
	b := fs.ReadFile(name)
	for _, at := range at {
		b[at] ^= 1
	}
	fs.WriteFile(name, b)
}

// harm damages files of partition 0 at random, and says what it did. It spares the
// small files and spools, of which recovery knows nothing.
func harm(r *rand.Rand, fs *journaltest.FS) (what []string) {
	for range 1 + r.IntN(3) {
		names, _ := fs.List("/data/0000")
		names = slices.DeleteFunc(names, func(n string) bool { return !strings.HasSuffix(n, ".seg") && n != "start" })
		if len(names) == 0 {
			return what
		}
		name := filepath.Join("/data/0000", names[r.IntN(len(names))])
		b := fs.ReadFile(name)
		at := r.IntN(len(b))
		if r.IntN(3) == 0 {
			at = r.IntN(min(len(b), 200)) // headers
		}
		n := min(1+r.IntN(1+r.IntN(1500)), len(b)-at)
		switch kind := r.IntN(8); kind {
		case 0:
			clear(b[at : at+n])
			what = append(what, fmt.Sprintf("%d zeros at %d of %s", n, at, name))
		case 1:
			for i := range n {
				b[at+i] = byte(r.Uint32())
			}
			what = append(what, fmt.Sprintf("%d bytes of noise at %d of %s", n, at, name))
		case 2:
			b = b[:at]
			what = append(what, fmt.Sprintf("%s cut at %d", name, at))
		case 3:
			if r.IntN(4) > 0 {
				continue
			}
			fs.Remove(name)
			what = append(what, name+" removed")
			continue
		default:
			b[at] ^= 1 << r.IntN(8)
			what = append(what, fmt.Sprintf("a bit at %d of %s", at, name))
		}
		fs.WriteFile(name, b)
	}
	return what
}

func claim(t testing.TB, fs journal.FS) *journal.Folder {
	t.Helper()
	f, err := journal.Claim("/data", fs)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// survey looks at partition 0; the start is used if that is damaged.
func survey(t testing.TB, f *journal.Folder, start journal.Start) *journal.Survey {
	t.Helper()
	s, err := f.Survey(0, nil)
	if err == nil && !s.Known {
		if err := f.Mend(s, journal.Mending{Dropped: "dropped"}); err == nil {
			t.Fatal("mended without a start")
		}
		s, err = f.Survey(0, &start)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// logDamage is what a survey has found in the logs and in the start.
func logDamage(s *journal.Survey) (n int) {
	if s.StartErr != nil {
		n++
	}
	for _, l := range []journal.LogSurvey{s.Events, s.Control} {
		if n += len(l.Lost); l.Err != nil {
			n++
		}
	}
	return n
}

// readThrough reads both logs from the start on, and returns what has closed the
// partition: Open itself, or one of the readers.
func readThrough(p *journal.Partition) error {
	for _, l := range []struct {
		log  *journal.Log
		from uint64
	}{{p.Events(), p.Start().Events}, {p.Control(), p.Start().Control}} {
		r, err := l.log.NewReader(l.from)
		if err != nil {
			continue // closed already
		}
		for err == nil {
			_, _, err = r.Next()
		}
		r.Close()
	}
	return p.Err()
}

// cure mends what was harmed, and checks that recovery and survey agree before, and
// that afterwards all is there that the survey had not found lost.
func cure(t *testing.T, fs *journaltest.FS, cfg journal.Config, start journal.Start, what string) (damaged bool) {
	t.Helper()
	cfg.FS = fs.AfterRestart()
	j, err := journal.Open(cfg)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	damage := readThrough(j.Partition(0))
	j.Close()

	f := claim(t, fs)
	s := survey(t, f, start)
	if (logDamage(s) > 0) != (damage != nil) {
		t.Fatalf("%s: recovery says %v, the survey %v", what, damage, s.Damage())
	}
	if s.Events.Err != nil || s.Control.Err != nil {
		if err := f.Mend(s, journal.Mending{Dropped: "dropped"}); err == nil {
			t.Fatalf("%s: mended although %v", what, s.Damage())
		}
		f.Close()
		return true
	}
	if err := f.Mend(s, journal.Mending{Dropped: "dropped"}); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	again := survey(t, f, start)
	if d := again.Damage(); len(d) > 0 {
		t.Fatalf("%s: mended, and then %v", what, d)
	}
	f.Close()
	cfg.FS = fs
	j = open(t, cfg)
	p := j.Partition(0)
	if err := p.Err(); err != nil {
		t.Fatalf("%s: mended, and then %v", what, err)
	}
	for _, l := range []struct {
		log   *journal.Log
		found journal.LogSurvey
		start uint64
	}{{p.Events(), s.Events, p.Start().Events}, {p.Control(), s.Control, p.Start().Control}} {
		requireMended(t, l.log, l.found, l.start, what)
		group(t, l.log, 3)
	}
	if got := readAll(t, j.Partition(1).Events(), start.Events); got == 0 {
		t.Fatal("the other partition is gone")
	}
	j.Close()
	return logDamage(s) > 0
}

// requireMended reads a log: what was lost is empty, everything else as it was.
func requireMended(t *testing.T, l *journal.Log, found journal.LogSurvey, start uint64, what string) {
	t.Helper()
	r, err := l.NewReader(start)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, offset, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		want := record(offset)
		for _, lost := range found.Lost {
			if lost.From <= offset && offset < lost.To {
				want = nil
			}
		}
		if !bytes.Equal(rec, want) {
			t.Fatalf("%s: offset %d holds %q, want %q", what, offset, rec, want)
		}
	}
	if r.Offset() != max(found.To, start) {
		t.Fatalf("%s: the log ends at %d, the survey said %d", what, r.Offset(), found.To)
	}
}

func TestMendKeepsWhatCanBeRead(t *testing.T) {
	seed, cases, damaged := drawn(t), powerLosses/5, 0
	if testing.Short() {
		cases = min(cases, 200)
	}
	original, cfg, start := built(t)
	for i := range cases {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		fs := original.AfterRestart()
		what := strings.Join(harm(r, fs), "; ")
		if cure(t, fs, cfg, start, fmt.Sprintf("case %d: %s", i, what)) {
			damaged++
		}
	}
	t.Logf("%d cases, %d of them damage", cases, damaged)
	if damaged < cases/2 || damaged == cases {
		t.Errorf("%d of %d cases were damage", damaged, cases)
	}
}

func TestOneFlippedBitCostsOneBlock(t *testing.T) {
	fs, cfg, start := built(t)
	name := "/data/0000/events-00000000000000000004.seg"
	whole := fs.ReadFile(name)
	at := blocks(t, whole)
	for i, pos := range at[:len(at)-1] {
		for _, off := range []int64{20, journal.BlockHeaderSize + 3} {
			if off+pos >= at[i+1] {
				continue // a block without records
			}
			fs := fs.AfterRestart()
			b := bytes.Clone(whole)
			b[pos+off] ^= 8
			fs.WriteFile(name, b)
			f := claim(t, fs)
			s := survey(t, f, start)
			f.Close()
			h, _ := journal.DecodeSegmentHeader(b)
			k, err := journal.DecodeBlockHeader(whole[pos:], h.Salt())
			if err != nil || len(s.Events.Lost) != 1 || len(s.Control.Lost) > 0 || s.Events.Lost[0].Damage.Offset != pos ||
				s.Events.Lost[0].To-s.Events.Lost[0].From != uint64(k.Count) {
				t.Fatalf("block at %d: %v", pos, s.Damage())
			}
			cure(t, fs, cfg, start, name)
		}
	}
}

func TestMendFromACrashAtEveryOperation(t *testing.T) {
	original, cfg, start := built(t)
	damage := func() *journaltest.FS {
		fs := original.AfterRestart()
		flipIn(fs, "events-00000000000000000003.seg", 2)
		flipIn(fs, "events-00000000000000000004.seg", 70)
		flipIn(fs, "control-00000000000000000004.seg", 200)
		flipIn(fs, "start", 20, journal.StartSlot+20)
		if err := errors.Join(fs.Remove("/data/0000/events-00000000000000000006.seg"), fs.SyncDir("/data/0000")); err != nil {
			t.Fatal(err)
		}
		return fs
	}
	mend := func(fs *journaltest.FS) error {
		f, err := journal.Claim("/data", fs)
		if err != nil {
			return err
		}
		defer f.Close()
		s, err := f.Survey(0, &start)
		if err != nil {
			return err
		}
		return f.Mend(s, journal.Mending{Dropped: "dropped", Write: map[string][]byte{"state-1": []byte("anew")},
			Remove: []string{"state-2"}, RemoveSpools: []string{"batch-1"},
			Events: journal.LogMending{UpTo: 170, Records: map[uint64][]byte{47: []byte("instead"), 150: []byte("another")}}})
	}
	want, damaged := damage(), files(t, damage(), "/data/0000")
	if err := mend(want); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, fs *journaltest.FS) {
		t.Helper()
		for name, b := range files(t, want, "/data/0000") {
			if got := fs.ReadFile(filepath.Join("/data/0000", name)); !bytes.Equal(got, b) {
				t.Fatalf("%s differs", name)
			}
		}
		for name, b := range files(t, want, "/data/dropped/0000") {
			if !bytes.Equal(fs.ReadFile(filepath.Join("/data/dropped/0000", name)), b) || name != "parked" && !bytes.Equal(b, damaged[name]) {
				t.Fatalf("the copy of %s differs", name)
			}
		}
	}
	for seed := range uint64(20) {
		check(t, want.AfterCrash(seed)) // it is durable when Mend returns
	}
	sweep(t, func(t *testing.T, i int) bool {
		fs := damage()
		fs.StopAt(fs.Ops() + i)
		err := mend(fs)
		for n := range uint64(crashSeeds) {
			seed := (uint64(i) + n) % 4
			fs := fs.AfterCrash(seed)
			if err := mend(fs); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			check(t, fs)
			cfg := cfg
			cfg.FS = fs
			j := open(t, cfg)
			if err := j.Partition(0).Err(); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			j.Close()
		}
		return err != nil
	})
}

func TestMendCopiesWhatItChanges(t *testing.T) {
	fs, cfg, start := built(t)
	flipIn(fs, "events-00000000000000000004.seg", 70)
	flipIn(fs, "start", 20, journal.StartSlot+20)
	before := files(t, fs, "/data/0000")
	cure(t, fs, cfg, start, "")
	dropped := files(t, fs, "/data/dropped/0000")
	if got := slices.Sorted(maps.Keys(dropped)); !slices.Equal(got, []string{"events-00000000000000000004.seg", "start"}) {
		t.Fatalf("dropped %q", got)
	}
	for name, b := range dropped {
		if !bytes.Equal(b, before[name]) {
			t.Fatalf("the copy of %s is none", name)
		}
	}
}
