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

// FuzzMend has a survey and recovery agree on any bytes, and a mended folder open with
// all that was not lost.
func FuzzMend(f *testing.F) {
	original, cfg, start := built(f)
	names := []string{"events-00000000000000000003.seg", "events-00000000000000000004.seg",
		"control-00000000000000000003.seg", lastOf(f, original, "events"), lastOf(f, original, "control"), "start"}
	f.Add(uint8(0), uint16(70), []byte{0xff})
	f.Add(uint8(1), uint16(0), []byte("noise in a header"))
	f.Add(uint8(3), uint16(500), bytes.Repeat([]byte{0}, 300))
	f.Add(uint8(4), uint16(200), bytes.Repeat([]byte{0xa1, 0x5e, 0x0c, 0xb1}, 20))
	f.Add(uint8(5), uint16(16), []byte{1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, which uint8, at uint16, with []byte) {
		fs := original.AfterRestart()
		name := filepath.Join("/data/0000", names[int(which)%len(names)])
		b := fs.ReadFile(name)
		copy(b[min(int(at), len(b)):], with)
		fs.WriteFile(name, b)
		cure(t, fs, cfg, start, name)
	})
}

// FuzzFile has any bytes under the name of a small file: it reads back as it was
// written, or the partition is closed.
func FuzzFile(f *testing.F) {
	original, cfg, _ := built(f)
	whole := original.ReadFile("/data/0000/state-1")
	f.Add(uint16(0), []byte{0xff})
	f.Add(uint16(len(whole)), []byte("behind"))
	f.Add(uint16(5), []byte("DSTFILE\x01\x01"))
	f.Add(uint16(0), whole)
	f.Add(uint16(0), []byte{})
	f.Fuzz(func(t *testing.T, at uint16, with []byte) {
		fs, cfg := original.AfterRestart(), cfg
		edited := append(bytes.Clone(whole[:min(int(at), len(whole))]), with...)
		fs.WriteFile("/data/0000/state-1", edited)
		cfg.FS = fs
		p := open(t, cfg).Partition(0)
		data, err := p.ReadFile("state-1")
		switch {
		case err == nil && string(data) != "state":
			t.Fatalf("got %q", data)
		case (err == nil) != bytes.Equal(edited, whole), (err == nil) != (p.Err() == nil):
			t.Fatalf("got %v, partition %v", err, p.Err())
		}
	})
}

func lastOf(f *testing.F, fs *journaltest.FS, log string) string {
	names, err := fs.List("/data/0000")
	if err != nil {
		f.Fatal(err)
	}
	last := ""
	for _, name := range names {
		if ok, _ := filepath.Match(log+"-*.seg", name); ok {
			last = name
		}
	}
	return last
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
