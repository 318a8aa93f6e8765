package journal_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// fuzzed are the files that FuzzRecovery puts arbitrary bytes into.
var fuzzed = []string{
	"/data/0000/events-00000000000000000002.seg",
	"/data/0000/events-00000000000000000003.seg",
	"/data/0000/control-00000000000000000002.seg",
	"/data/0000/start",
	"/data/IDENTITY",
	"/data/0000/control.spare",
}

// victim returns a killed journal of a known id with two event segments that
// hold records 0 to 7 and 8 up to its end.
func victim(t testing.TB) (*journaltest.FS, journal.Config) {
	t.Helper()
	fs, cfg := fixed(t)
	j := open(t, cfg)
	appendAll(t, j.Partition(0).Events(), 8)
	appendAll(t, j.Partition(0).Control(), 4)
	j.Close()
	j = open(t, cfg)
	appendAll(t, j.Partition(0).Events(), 8)
	cfg.FS = fs.AfterRestart()
	j.Close()
	return cfg.FS.(*journaltest.FS), cfg
}

func FuzzRecovery(f *testing.F) {
	fs, _ := victim(f)
	for i, name := range fuzzed {
		b := fs.ReadFile(name)
		if b == nil {
			f.Fatalf("no file %s", name)
		}
		b = bytes.TrimRight(b, "\x00")
		f.Add(uint8(i), uint16(0), b)
		f.Add(uint8(i), uint16(len(b)/2), []byte("noise"))
		f.Add(uint8(i), uint16(len(b)), b)
	}
	f.Fuzz(func(t *testing.T, which uint8, at uint16, with []byte) {
		fs, cfg := victim(t)
		name := fuzzed[int(which)%len(fuzzed)]
		whole := fs.ReadFile(name)
		at = min(at, uint16(len(whole)))
		// The first bytes of the file are valid, the others arbitrary.
		fs.WriteFile(name, append(whole[:at:at], with...))
		intact := 0 // records of the events log that lie in valid bytes
		if filepath.Base(name) == filepath.Base(fuzzed[1]) {
			intact = 8
			for _, end := range blocks(t, whole)[1:] {
				if end <= int64(at) {
					intact++
				}
			}
		}
		j, err := journal.Open(cfg)
		if err != nil {
			return // refused, which is right for an identity and never wrong
		}
		defer j.Close()
		p := j.Partition(0)
		got := readSome(t, p.Events())
		readSome(t, p.Control())
		if p.Err() == nil && got < intact {
			t.Fatalf("got %d records of %d that are intact, and no error", got, intact)
		}
		if p.Err() == nil {
			for _, l := range []*journal.Log{p.Events(), p.Control()} {
				if _, err := l.Append([]byte("goes on")).Wait(t.Context()); err != nil {
					t.Fatalf("append: %v", err)
				}
			}
		}
	})
}

// readSome reads a log from its start as far as it goes; records from before
// the change must be the ones of their offsets.
func readSome(t *testing.T, l *journal.Log) int {
	t.Helper()
	r, err := l.NewReader(0)
	if err != nil {
		return 0
	}
	defer r.Close()
	for {
		rec, offset, err := r.Next()
		if errors.Is(err, io.EOF) {
			return int(r.Offset())
		}
		if err != nil {
			return 0
		}
		if offset < 8 && !bytes.Equal(rec, record(offset)) {
			t.Fatalf("offset %d holds %q", offset, rec)
		}
	}
}
