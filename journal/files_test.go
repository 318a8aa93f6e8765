package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

func TestFilesAreThereAfterReopen(t *testing.T) {
	real := small(journal.OS())
	real.Dir = t.TempDir()
	for name, cfg := range map[string]journal.Config{"memory": small(journaltest.NewFS()), "folder": real} {
		t.Run(name, func(t *testing.T) {
			j := open(t, cfg)
			p := j.Partition(0)
			want := map[string][]byte{"empty": {}, "state-1": []byte("first"), "big": bytes.Repeat([]byte("z"), 3<<20)}
			for name, data := range want {
				if err := p.WriteFile(name, data); err != nil {
					t.Fatal(err)
				}
			}
			if err := errors.Join(p.WriteFile("state-1", []byte("second")), p.WriteFile("gone", nil),
				p.RemoveFile("gone"), p.RemoveFile("gone")); err != nil {
				t.Fatal(err)
			}
			want["state-1"] = []byte("second")
			j.Close()
			p = open(t, cfg).Partition(0)
			for name, data := range want {
				if got, err := p.ReadFile(name); err != nil || !bytes.Equal(got, data) {
					t.Fatalf("%s: got %.20q, %v", name, got, err)
				}
			}
			if got, err := p.Files(); err != nil || !slices.Equal(got, []string{"big", "empty", "state-1"}) {
				t.Fatalf("got %q, %v", got, err)
			}
			if _, err := p.ReadFile("gone"); !errors.Is(err, fs.ErrNotExist) || p.Err() != nil {
				t.Fatalf("got %v, want that it does not exist", err)
			}
		})
	}
}

func TestFileNames(t *testing.T) {
	p := open(t, small(journaltest.NewFS())).Partition(0)
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a b", "start", "parked", "x.tmp", "x.seg", "x.spare", "é", strings.Repeat("x", 201)} {
		_, read := p.ReadFile(name)
		_, create := p.CreateSpool(name)
		_, openErr := p.OpenSpool(name)
		for _, err := range []error{p.WriteFile(name, nil), read, p.RemoveFile(name), create, openErr, p.RemoveSpool(name)} {
			if err == nil {
				t.Fatalf("%q is taken for a name", name)
			}
		}
	}
	if err := p.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestEffectsOfFilesInOrder(t *testing.T) {
	fsys, cfg := fixed(t)
	p := open(t, cfg).Partition(0)
	var trace []string
	fsys.Trace = func(op string) { trace = append(trace, op) }
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"write a file", func() error { return p.WriteFile("state-1", []byte("one")) }},
		{"write one that is larger than the spare", func() error { return p.WriteFile("state-2", make([]byte, 5000)) }},
		{"write one on a full disk", func() error {
			fsys.SetCapacity(fsys.Used())
			return p.WriteFile("state-3", []byte("three"))
		}},
		{"remove it", func() error { return p.RemoveFile("state-3") }},
		{"write a spool", func() error {
			fsys.SetCapacity(-1)
			return writeSpool(p, "batch-1", "what", true)
		}},
		{"write another and give it up", func() error { return writeSpool(p, "batch-2", "what", false) }},
		{"remove the first", func() error { return p.RemoveSpool("batch-1") }},
	} {
		trace = append(trace, "# "+step.name)
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
	}
	golden(t, "effects-files", strings.Join(trace, "\n")+"\n")
}

func TestFullDiskStopsEventsBeforeFiles(t *testing.T) {
	fsys := journaltest.NewFS()
	cfg := small(fsys)
	p := open(t, cfg).Partition(0)
	appendAll(t, p.Events(), 100)
	if err := p.WriteFile("state-0", make([]byte, 20_000)); err != nil { // the spare is made larger
		t.Fatal(err)
	}
	fsys.SetCapacity(fsys.Used())
	fill(t, p.Events())
	// What the first one does not need of the spare makes the second one's.
	if err := errors.Join(p.WriteFile("state-1", make([]byte, 20_000)), p.WriteFile("state-2", make([]byte, 20_000))); err != nil {
		t.Fatalf("files on a full disk: %v", err)
	}
	if err := p.WriteFile("state-3", make([]byte, 20_000)); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("the third file on a full disk: got %v, want ErrFull", err)
	}
	// Room for a segment, but not for the spare, which comes first.
	fsys.SetCapacity(fsys.Used() + 8192)
	if _, err := p.Events().Append(record(p.Events().Committed())).Wait(t.Context()); !errors.Is(err, journal.ErrFull) {
		t.Fatalf("append without a spare: got %v, want ErrFull", err)
	}
	if err := p.WriteFile("small", []byte("fits")); err != nil {
		t.Fatal(err)
	}
	if err := p.Release(journal.Start{Events: 80}); err != nil {
		t.Fatal(err)
	}
	if err := p.RemoveFile("state-0"); err != nil {
		t.Fatal(err)
	}
	appendAll(t, p.Events(), 5)
	if err := p.WriteFile("state-3", make([]byte, 20_000)); err != nil {
		t.Fatalf("with space again: %v", err)
	}
	if names, err := p.Files(); err != nil || !slices.Equal(names, []string{"small", "state-1", "state-2", "state-3"}) {
		t.Fatalf("got %q, %v", names, err)
	}
}

func TestDamagedFileClosesThePartition(t *testing.T) {
	for name, edit := range map[string]func(b []byte) []byte{
		"data":      func(b []byte) []byte { b[2] ^= 1; return b },
		"trailer":   func(b []byte) []byte { b[len(b)-10] ^= 1; return b },
		"magic":     func(b []byte) []byte { b[len(b)-28] ^= 1; return b },
		"cut":       func(b []byte) []byte { return b[:len(b)-1] },
		"cut short": func(b []byte) []byte { return b[:5] },
		"longer":    func(b []byte) []byte { return append(b, 0) },
		"doubled":   func(b []byte) []byte { return append(b, b...) },
		"empty":     func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			fsys := journaltest.NewFS()
			cfg := small(fsys)
			cfg.Partitions = 2
			j := open(t, cfg)
			p, other := j.Partition(0), j.Partition(1)
			if err := errors.Join(p.WriteFile("state-1", []byte("state")), other.WriteFile("state-1", []byte("state"))); err != nil {
				t.Fatal(err)
			}
			fsys.WriteFile("/data/0000/state-1", edit(fsys.ReadFile("/data/0000/state-1")))
			if _, err := p.PeekFile("state-1"); err == nil || p.Err() != nil {
				t.Fatalf("PeekFile: got %v, want an error that closes nothing: %v", err, p.Err())
			}
			_, err := p.ReadFile("state-1")
			requireDamage(t, p, err, "/data/0000/state-1")
			if got, err := other.ReadFile("state-1"); err != nil || string(got) != "state" {
				t.Fatalf("other partition: got %q, %v", got, err)
			}
		})
	}
}

// requireDamage checks that err is damage of that file, and has closed p.
func requireDamage(t *testing.T, p *journal.Partition, err error, name string) {
	t.Helper()
	var damage *journal.CorruptError
	if !errors.As(err, &damage) || damage.File != name {
		t.Fatalf("got %v, want damage of %s", err, name)
	}
	_, files := p.Files()
	_, spool := p.CreateSpool("x")
	_, appended := p.Events().Append(nil).Wait(t.Context())
	for _, err := range []error{p.Err(), p.WriteFile("x", nil), p.RemoveFile("x"), p.RemoveSpool("x"), files, spool, appended} {
		if !errors.Is(err, damage) {
			t.Fatalf("the partition goes on: got %v, want %v", err, damage)
		}
	}
}

func TestFileOfAnotherPlaceDoesNotVerify(t *testing.T) {
	for name, to := range map[string]string{"other name": "/data/0000/state-2", "other partition": "/data/0001/state-1"} {
		t.Run(name, func(t *testing.T) {
			fsys := journaltest.NewFS()
			cfg := small(fsys)
			cfg.Partitions = 2
			j := open(t, cfg)
			if err := j.Partition(0).WriteFile("state-1", []byte("state")); err != nil {
				t.Fatal(err)
			}
			fsys.WriteFile(to, fsys.ReadFile("/data/0000/state-1"))
			p := j.Partition(strings.Count(to, "0001"))
			_, err := p.ReadFile(to[len(to)-len("state-1"):])
			requireDamage(t, p, err, to)
		})
	}
}

func TestFilesAfterCloseAndAfterAFailedSync(t *testing.T) {
	fsys := journaltest.NewFS()
	cfg := small(fsys)
	j := open(t, cfg)
	p := j.Partition(0)
	failSyncs(fsys, "state-")
	if err := p.WriteFile("state-1", nil); !errors.Is(err, journal.ErrBroken) {
		t.Fatalf("got %v, want ErrBroken", err)
	}
	<-j.Failed()
	if err := p.WriteFile("other", nil); !errors.Is(err, journal.ErrBroken) {
		t.Fatalf("after a failed sync: got %v, want ErrBroken", err)
	}
	j.Close()
	cfg.FS = fsys.AfterRestart()
	j = open(t, cfg)
	p = j.Partition(0)
	spool, err := p.CreateSpool("left")
	if err != nil {
		t.Fatal(err)
	}
	j.Close()
	_, read := p.ReadFile("x")
	_, list := p.Files()
	_, write := spool.Write(nil)
	_, spools := p.Spools()
	for _, err := range []error{p.WriteFile("x", nil), read, list, write, spool.Commit(), spools, p.RemoveSpool("x")} {
		if !errors.Is(err, journal.ErrClosed) {
			t.Fatalf("got %v, want ErrClosed", err)
		}
	}
	if err := spool.Abort(); err != nil {
		t.Fatal(err)
	}
	open(t, cfg).Close()
	if names, err := cfg.FS.List("/data/0000/parked"); err != nil || len(names) != 0 {
		t.Fatalf("an unfinished spool is left: %q, %v", names, err)
	}
}

func TestCloseWaitsForAFile(t *testing.T) {
	fsys := journaltest.NewFS()
	j := open(t, small(fsys))
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	fsys.Fail(func(op journaltest.Op) error {
		if op.Kind == journaltest.Sync && strings.Contains(op.Name, "state-1") {
			once.Do(func() { close(entered); <-release })
		}
		return nil
	})
	written, closed := make(chan error, 1), make(chan error, 1)
	go func() { written <- j.Partition(0).WriteFile("state-1", []byte("state")) }()
	<-entered
	go func() { closed <- j.Close() }()
	select {
	case <-closed:
		t.Fatal("Close did not wait")
	default:
	}
	close(release)
	if err := errors.Join(<-written, <-closed); err != nil {
		t.Fatal(err)
	}
}

func TestUnreadableFileIsDamageAndWantOfDescriptorsIsNot(t *testing.T) {
	fsys := journaltest.NewFS()
	p := open(t, small(fsys)).Partition(0)
	if err := p.WriteFile("state-1", []byte("state")); err != nil {
		t.Fatal(err)
	}
	fsys.Fail(failOnly(journaltest.Open, errNoDescriptor))
	if _, err := p.ReadFile("state-1"); !errors.Is(err, journal.ErrFull) || p.Err() != nil {
		t.Fatalf("got %v, %v; want ErrFull alone", err, p.Err())
	}
	fsys.Fail(failOnly(journaltest.Read, errDisk))
	_, err := p.ReadFile("state-1")
	requireDamage(t, p, err, "/data/0000/state-1")
}
