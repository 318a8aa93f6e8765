package journal_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// small is a configuration with segments that fill up quickly.
func small(fs journal.FS) journal.Config {
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.FS, cfg.Partitions = "/data", fs, 1
	cfg.SegmentBytes, cfg.ControlSegmentBytes, cfg.QuotaBytes = 4096, 4096, 0
	return cfg
}

func open(t testing.TB, cfg journal.Config) *journal.Journal {
	t.Helper()
	j, err := journal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

// appendAll appends n records one after the other and waits for each.
func appendAll(t testing.TB, l *journal.Log, n int) {
	t.Helper()
	for range n {
		want := l.Committed()
		got, err := l.Append(record(want)).Wait(context.Background())
		if err != nil || got != want {
			t.Fatalf("append: got offset %d, %v; want %d", got, err, want)
		}
	}
}

// record is the record that tests put at an offset: 1 to 300 bytes.
func record(offset uint64) []byte {
	rec := fmt.Appendf(nil, "record %d ", offset)
	for i := range offset * 37 % 280 {
		rec = append(rec, byte('a'+i%26))
	}
	return rec
}

// readAll reads a log from an offset to its commit point, checks that every
// record is the one of its offset, and returns how many there were.
func readAll(t testing.TB, l *journal.Log, from uint64) int {
	t.Helper()
	r, err := l.NewReader(from)
	if err != nil {
		t.Fatalf("reader at %d: %v", from, err)
	}
	defer r.Close()
	for n := 0; ; n++ {
		rec, offset, err := r.Next()
		if errors.Is(err, io.EOF) {
			if r.Offset() != l.Committed() {
				t.Fatalf("read up to %d, committed %d", r.Offset(), l.Committed())
			}
			return n
		}
		if err != nil {
			t.Fatalf("read %d: %v", r.Offset(), err)
		}
		if offset != from+uint64(n) || string(rec) != string(record(offset)) {
			t.Fatalf("got offset %d, %q; want %d, %q", offset, rec, from+uint64(n), record(from+uint64(n)))
		}
	}
}

func TestReadBackAfterReopen(t *testing.T) {
	for _, tc := range []struct {
		name string
		cfg  journal.Config
	}{
		{"memory", small(journaltest.NewFS())},
		{"folder", func() journal.Config {
			cfg := small(journal.OS())
			cfg.Dir = t.TempDir()
			return cfg
		}()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var id [16]byte
			for round := range 4 {
				j := open(t, tc.cfg)
				if round == 0 {
					id = j.ID()
				}
				if j.ID() != id {
					t.Fatalf("id changed from %x to %x", id, j.ID())
				}
				for _, l := range []*journal.Log{j.Partition(0).Events(), j.Partition(0).Control()} {
					if got := readAll(t, l, 0); got != 50*round {
						t.Fatalf("round %d: read %d records, want %d", round, got, 50*round)
					}
					appendAll(t, l, 50)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// A replay and a catch-up pass cost the disk what they read, so blocks that lie across
// two reads are not read twice.
func TestAReaderReadsEachByteOnce(t *testing.T) {
	fs := journaltest.NewFS()
	cfg := small(fs)
	cfg.SegmentBytes = 8 << 20
	l := open(t, cfg).Partition(0).Events()
	const records = 60 // of 100 KB: most blocks lie across two windows
	for range records {
		if _, err := l.Append(make([]byte, 100_000)).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	read := int64(0)
	fs.Fail(func(op journaltest.Op) error {
		if op.Kind == journaltest.Read {
			read += op.Len
		}
		return nil
	})
	r, err := l.NewReader(0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for err == nil {
		_, _, err = r.Next()
	}
	fs.Fail(nil)
	if most := int64(records * 100_100); !errors.Is(err, io.EOF) || r.Offset() != records || read > most {
		t.Fatalf("read %d bytes up to record %d, %v; want at most %d up to %d", read, r.Offset(), err, most, records)
	}
}
