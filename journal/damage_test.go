package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

const records = 12 // in the log that the tests below damage

// blocks returns where the blocks of a segment begin, and where the last ends.
func blocks(t *testing.T, seg []byte) []int64 {
	t.Helper()
	h, err := journal.DecodeSegmentHeader(seg)
	if err != nil {
		t.Fatal(err)
	}
	at := []int64{journal.SegmentHeaderSize}
	for {
		pos := at[len(at)-1]
		if pos+journal.BlockHeaderSize > int64(len(seg)) {
			return at
		}
		b, err := journal.DecodeBlockHeader(seg[pos:], h.Salt())
		if err != nil {
			return at
		}
		at = append(at, pos+b.Size())
	}
}

// lastSegment returns the path of the newest segment of a log.
func lastSegment(t *testing.T, fs *journaltest.FS, dir, log string) string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(n string) bool {
		ok, _ := filepath.Match(log+"-*.seg", n)
		return !ok
	})
	return filepath.Join(dir, names[len(names)-1])
}

// twelve returns a file system with two partitions of one record a block, whose
// process was killed, or had closed the journal.
func twelve(t *testing.T, closed bool) (*journaltest.FS, journal.Config) {
	t.Helper()
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.Partitions, cfg.ProofDelay = 2, time.Hour
	j := open(t, cfg)
	for p := range 2 {
		appendAll(t, j.Partition(p).Events(), records)
		appendAll(t, j.Partition(p).Control(), records)
	}
	if closed {
		j.Close()
	}
	fs = fs.AfterRestart()
	cfg.FS = fs
	return fs, cfg
}

func flip(at int64) func([]byte, []int64) []byte {
	return func(b []byte, _ []int64) []byte { b[at] ^= 0x10; return b }
}

// tails are ways in which the end of a segment may be found. at has the
// boundaries of its blocks; block i lies in at[i]:at[i+1].
var tails = []struct {
	name string
	edit func(b []byte, at []int64) []byte
	want int // records that are left; -1: damage
	at   int // block at which the damage is reported; -1: the segment header
}{
	{"untouched", func(b []byte, at []int64) []byte { return b }, 12, 0},
	{"last block half zero", func(b []byte, at []int64) []byte { clear(b[at[11]+50 : at[12]]); return b }, 11, 0},
	{"last block zero", func(b []byte, at []int64) []byte { clear(b[at[11]:at[12]]); return b }, 11, 0},
	{"last header torn", func(b []byte, at []int64) []byte { clear(b[at[11]+20 : at[12]]); return b }, 11, 0},
	{"last magic zero", func(b []byte, at []int64) []byte { clear(b[at[11] : at[11]+4]); return b }, 11, 0},
	{"bit in last records", func(b []byte, at []int64) []byte { b[at[12]-9] ^= 1; return b }, 11, 0},
	{"bit in last padding", func(b []byte, at []int64) []byte { b[at[12]-1] ^= 1; return b }, 11, 0},
	{"last length huge", func(b []byte, at []int64) []byte {
		binary.LittleEndian.PutUint32(b[at[11]+4:], 1<<31)
		return b
	}, 11, 0},
	{"cut in last block", func(b []byte, at []int64) []byte { return b[:at[11]+60] }, -1, 11},
	{"cut in last header", func(b []byte, at []int64) []byte { return b[:at[11]+20] }, -1, 11},
	{"cut in a block between", func(b []byte, at []int64) []byte { return b[:at[5]+60] }, -1, 5},
	{"cut in the first block", func(b []byte, at []int64) []byte { return b[:at[0]+60] }, -1, 0},
	{"cut behind last block", func(b []byte, at []int64) []byte { return b[:at[12]] }, 12, 0},
	{"noise behind", func(b []byte, at []int64) []byte { copy(b[at[12]:], bytes.Repeat([]byte{0xa5}, 300)); return b }, 12, 0},
	{"old block again behind", func(b []byte, at []int64) []byte { copy(b[at[12]:], b[at[3]:at[4]]); return b }, 12, 0},
	{"last two swapped", func(b []byte, at []int64) []byte {
		s := slices.Concat(b[at[11]:at[12]], b[at[10]:at[11]])
		copy(b[at[10]:], s)
		return b
	}, -1, 10},
	{"bit in proven records", func(b []byte, at []int64) []byte { b[at[11]-9] ^= 1; return b }, -1, 10},
	{"proven block zero", func(b []byte, at []int64) []byte { clear(b[at[5]:at[6]]); return b }, -1, 5},
	{"first block's header", func(b []byte, at []int64) []byte { b[at[0]+17] ^= 4; return b }, -1, 0},
	{"segment header", flip(50), -1, -1},
	{"segment magic", flip(0), -1, -1},
	{"empty file", func(b []byte, _ []int64) []byte { return nil }, -1, -1},
}

func TestTailAfterKill(t *testing.T) {
	for _, log := range []string{"events", "control"} {
		for _, tc := range tails {
			t.Run(log+"/"+tc.name, func(t *testing.T) {
				fs, cfg := twelve(t, false)
				name := lastSegment(t, fs, "/data/0000", log)
				seg := fs.ReadFile(name)
				at := blocks(t, seg)
				fs.WriteFile(name, tc.edit(seg, at))
				if tc.want < 0 {
					pos := int64(0)
					if tc.at >= 0 {
						pos = at[tc.at]
					}
					requireClosed(t, fs, cfg, name, pos)
					return
				}
				for range 2 {
					j := open(t, cfg)
					l := j.Partition(0).Events()
					if log == "control" {
						l = j.Partition(0).Control()
					}
					if got := readAll(t, l, 0); got != tc.want {
						t.Fatalf("got %d records, want %d", got, tc.want)
					}
					appendAll(t, l, 1)
					tc.want++
					j.Close()
				}
			})
		}
	}
}

// requireClosed opens a folder of which partition 0 is damaged at that place,
// and finds that partition closed and untouched, and the other one serving.
func requireClosed(t *testing.T, fs *journaltest.FS, cfg journal.Config, name string, pos int64) {
	t.Helper()
	before := files(t, fs, "/data/0000")
	j := open(t, cfg)
	p := j.Partition(0)
	var damage *journal.CorruptError
	if err := p.Err(); !errors.As(err, &damage) || damage.File != name || damage.Offset != pos {
		t.Fatalf("got %v, want damage in %s at byte %d", err, name, pos)
	}
	for _, l := range []*journal.Log{p.Events(), p.Control()} {
		if _, err := l.Append([]byte("x")).Wait(t.Context()); !errors.Is(err, damage) {
			t.Fatalf("append: got %v, want %v", err, damage)
		}
		if _, err := l.NewReader(0); !errors.Is(err, damage) {
			t.Fatalf("reader: got %v, want %v", err, damage)
		}
	}
	if err := p.Release(journal.Start{}); !errors.Is(err, damage) {
		t.Fatalf("release: got %v, want %v", err, damage)
	}
	other := j.Partition(1).Events()
	if got := readAll(t, other, 0); got != records {
		t.Fatalf("other partition: got %d records, want %d", got, records)
	}
	appendAll(t, other, 3)
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	for name, b := range files(t, fs, "/data/0000") {
		if !bytes.Equal(b, before[name]) {
			t.Fatalf("%s was changed", name)
		}
		delete(before, name)
	}
	if len(before) > 0 {
		t.Fatalf("%d files were removed", len(before))
	}
}

func files(t *testing.T, fs *journaltest.FS, dir string) map[string][]byte {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string][]byte{}
	for _, n := range names {
		m[n] = fs.ReadFile(filepath.Join(dir, n))
	}
	return m
}

// Holds invariant 2 of ARCHITECTURE.md.
func TestProofMakesDamageOfTheLastBlockKnown(t *testing.T) {
	fs, cfg := twelve(t, true)
	name := lastSegment(t, fs, "/data/0000", "events")
	seg := fs.ReadFile(name)
	at := blocks(t, seg)
	if len(at) != records+2 {
		t.Fatalf("got %d blocks, want %d and the proof", len(at)-1, records)
	}
	seg[at[12]-9] ^= 1
	fs.WriteFile(name, seg)
	requireClosed(t, fs, cfg, name, at[11])
}

// Holds invariants 2 and 3 of ARCHITECTURE.md.
func TestDamageOfASegmentWithASuccessor(t *testing.T) {
	fs, cfg := twelve(t, true)
	name := lastSegment(t, fs, "/data/0000", "events")
	open(t, cfg).Close() // begins the next segment and removes none
	j := open(t, cfg)
	appendAll(t, j.Partition(0).Events(), 1)
	j.Close()
	seg := fs.ReadFile(name)
	at := blocks(t, seg)
	seg[at[12]-9] ^= 1
	fs.WriteFile(name, seg)
	j = open(t, cfg)
	requireBrokenOff(t, j.Partition(0), records-1, name, at[11])
	if got := readAll(t, j.Partition(1).Events(), 0); got != records {
		t.Fatalf("other partition: got %d records, want %d", got, records)
	}
}

// requireBrokenOff reads the events of a partition up to damage at that place, and
// finds that it closes the partition.
func requireBrokenOff(t *testing.T, p *journal.Partition, want int, name string, pos int64) {
	t.Helper()
	r, err := p.Events().NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	n := 0
	for ; err == nil; n++ {
		_, _, err = r.Next()
	}
	var damage *journal.CorruptError
	if n--; n != want || !errors.As(err, &damage) || damage.File != name || damage.Offset != pos {
		t.Fatalf("got %d records, then %v; want %d, then damage in %s at byte %d", n, err, want, name, pos)
	}
	for _, l := range []*journal.Log{p.Events(), p.Control()} {
		if _, err := l.Append(nil).Wait(t.Context()); !errors.Is(err, damage) {
			t.Fatalf("append: got %v, want %v", err, damage)
		}
	}
	if _, _, err := r.Next(); errors.Is(err, io.EOF) || err == nil {
		t.Fatalf("a reader of a closed partition goes on: %v", err)
	}
}

func TestMissingPartsCloseThePartition(t *testing.T) {
	for _, tc := range []struct{ name, file, reported string }{
		{"start", "/data/0000/start", "/data/0000/start"},
		{"only events segment", "events", "/data/0000"},
		{"only control segment", "control", "/data/0000"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			fs, cfg := twelve(t, true)
			if tc.file[0] != '/' {
				tc.file = lastSegment(t, fs, "/data/0000", tc.file)
			}
			if err := fs.Remove(tc.file); err != nil {
				t.Fatal(err)
			}
			requireClosed(t, fs, cfg, tc.reported, 0)
		})
	}
}

func TestSegmentInTheMiddleMissing(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	j := open(t, cfg)
	appendAll(t, j.Partition(0).Events(), 100)
	j.Close()
	names, err := fs.List("/data/0000")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(names, func(n string) bool { ok, _ := filepath.Match("events-*.seg", n); return ok })
	if err := fs.Remove(filepath.Join("/data/0000", names[i+1])); err != nil {
		t.Fatal(err)
	}
	broken := filepath.Join("/data/0000", names[i])
	at := blocks(t, fs.ReadFile(broken))
	requireBrokenOff(t, open(t, cfg).Partition(0), 20, broken, at[len(at)-1])
}

func TestOneTornStartSlotLeavesTheOther(t *testing.T) {
	for _, tc := range []struct {
		name   string
		offs   []int
		closed bool
	}{{"one", []int{20}, false}, {"the other", []int{journal.StartSlot + 20}, false}, {"both", []int{20, journal.StartSlot + 20}, true}} {
		t.Run(tc.name, func(t *testing.T) {
			fs, cfg := twelve(t, true)
			c := fs.ReadFile("/data/0000/start")
			for _, off := range tc.offs {
				c[off] ^= 1
			}
			fs.WriteFile("/data/0000/start", c)
			if tc.closed {
				requireClosed(t, fs, cfg, "/data/0000/start", 0)
				return
			}
			open(t, cfg).Close()
		})
	}
}

func TestDamageFoundByAReaderClosesThePartition(t *testing.T) {
	fs, cfg := twelve(t, true)
	j := open(t, cfg)
	p := j.Partition(0)
	name := filepath.Join("/data/0000", "events-00000000000000000002.seg")
	seg := fs.ReadFile(name)
	at := blocks(t, seg)
	seg[at[4]+50] ^= 1
	fs.WriteFile(name, seg)
	requireBrokenOff(t, p, 4, name, at[4])
	if got := readAll(t, j.Partition(1).Events(), 0); got != records {
		t.Fatalf("other partition: got %d records, want %d", got, records)
	}
}
