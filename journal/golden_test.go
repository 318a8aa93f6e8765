package journal_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file under testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// fixed returns a file system on which Open makes a journal of a known id.
func fixed(t testing.TB) (*journaltest.FS, journal.Config) {
	t.Helper()
	fs := journaltest.NewFS()
	if err := fs.MkdirAll("/data"); err != nil {
		t.Fatal(err)
	}
	fs.WriteFile("/data/IDENTITY", journal.Identity([16]byte([]byte("a journal's id..")), 1))
	cfg := small(fs)
	cfg.ProofDelay = time.Hour
	return fs, cfg
}

// dissect writes a segment down as a tree.
func dissect(t *testing.T, name string, b []byte) string {
	t.Helper()
	h, err := journal.DecodeSegmentHeader(b)
	if err != nil {
		t.Fatal(err)
	}
	var s strings.Builder
	fmt.Fprintf(&s, "%s  %d bytes\n", filepath.Base(name), len(b))
	fmt.Fprintf(&s, "  0: segment %x\n", b[:journal.SegmentHeaderSize])
	fmt.Fprintf(&s, "     kind %s, partition %d, journal %x, number %d, base %d, seed %08x\n",
		h.Kind, h.Partition, h.Journal, h.Number, h.Base, h.Seed)
	at := blocks(t, b)
	for _, pos := range at[:len(at)-1] {
		k, _ := journal.DecodeBlockHeader(b[pos:], h.Salt())
		fmt.Fprintf(&s, "  %d: block %x\n", pos, b[pos:pos+journal.BlockHeaderSize])
		fmt.Fprintf(&s, "     length %d, count %d, attempt %d, first %d, synced %d, prev %08x, body %08x, sum %08x\n",
			k.Length, k.Count, k.Attempt, k.First, k.Synced, k.Prev, k.Body, k.Sum)
		recs := b[pos+journal.BlockHeaderSize:][:k.Length]
		for i := range k.Count {
			var rec []byte
			if rec, recs, err = journal.NextRecord(recs); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&s, "     record %d: %q\n", k.First+uint64(i), rec)
		}
	}
	end := at[len(at)-1]
	fmt.Fprintf(&s, "  %d: end, %d bytes of zeros\n", end, strings.Count(string(b[end:]), "\x00"))
	return s.String()
}

func dissectAll(t *testing.T, fs *journaltest.FS) string {
	t.Helper()
	var s strings.Builder
	fmt.Fprintf(&s, "%s\n", fs.ReadFile("/data/IDENTITY"))
	names, err := fs.List("/data/0000")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b := fs.ReadFile(filepath.Join("/data/0000", name))
		switch {
		case strings.HasSuffix(name, ".seg"):
			s.WriteString(dissect(t, name, b))
		case name == "start":
			for slot := 0; slot < len(b); slot += journal.StartSlot {
				rec, err := journal.DecodeStart(b[slot:])
				if err != nil {
					fmt.Fprintf(&s, "start  slot at %d: %v\n", slot, err)
					continue
				}
				fmt.Fprintf(&s, "start  slot at %d: partition %d, journal %x, sequence %d, %+v\n",
					slot, rec.Partition, rec.Journal, rec.Sequence, rec.Start)
			}
		default:
			fmt.Fprintf(&s, "%s  %d bytes\n", name, len(b))
		}
	}
	return s.String()
}

func TestBytesOnDisk(t *testing.T) {
	fs, cfg := fixed(t)
	j := open(t, cfg)
	events := j.Partition(0).Events()
	entered, release := gate(fs, nil)
	first := events.Append([]byte("first"))
	<-entered
	batch := []*journal.Append{events.Append([]byte("second")), events.Append(nil), events.Append([]byte("fourth"))}
	close(release)
	for _, a := range append(batch, first) {
		if _, err := a.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := j.Partition(0).Control().Append([]byte("control")).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	killed := fs.AfterRestart()
	j.Close()
	golden(t, "closed", dissectAll(t, fs))

	cfg.FS = killed
	j = open(t, cfg)
	if err := j.Partition(0).Release(journal.Start{Events: 1}); err != nil {
		t.Fatal(err)
	}
	golden(t, "recovered", dissectAll(t, killed))
}

func TestEffectsInOrder(t *testing.T) {
	fs, cfg := fixed(t)
	var trace []string
	step := func(name string) { trace = append(trace, "# "+name) }
	// Only one log has something to do at a time, and each step is waited
	// for, so the order is always the same.
	fs.Trace = func(op string) { trace = append(trace, op) }
	step("open, new folder")
	j := open(t, cfg)
	events, control := j.Partition(0).Events(), j.Partition(0).Control()
	step("append an event")
	appendAll(t, events, 1)
	step("append a control record")
	appendAll(t, control, 1)
	step("append events until the segment rolls")
	big := make([]byte, events.Limit())
	if _, err := events.Append(big).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	step("append control records until the segment rolls")
	for range 2 {
		if _, err := control.Append(big).Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	appends := slices.Clone(trace)
	killed := fs.AfterRestart()
	step("close")
	j.Close()
	golden(t, "effects-close", strings.Join(trace[len(appends):], "\n")+"\n")
	golden(t, "effects", strings.Join(appends, "\n")+"\n")

	trace = nil
	killed.Trace = func(op string) { trace = append(trace, op) }
	cfg.FS = killed
	step("open after a kill")
	j = open(t, cfg)
	step("release")
	if err := j.Partition(0).Release(journal.Start{Events: 2, Control: 2}); err != nil {
		t.Fatal(err)
	}
	recovered := slices.Clone(trace)
	j.Close()
	golden(t, "effects-recovery", strings.Join(recovered, "\n")+"\n")
}
