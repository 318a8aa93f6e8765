package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// crashNote is the name of the file that says where a partition's shard has crashed.
const crashNote = "crash"

// noted leaves the note of a crash behind, of another build: it says nothing to this one.
func (w *folderWorld) noted() {
	w.t.Helper()
	note, err := proto.Marshal(&journalv1.Crash{At: eventAt{0, 0}.proto(), Times: 1, Cause: "a long story", Build: "another"})
	if err != nil {
		w.t.Fatal(err)
	}
	w.open(func(p *journal.Partition) error { return p.WriteFile(crashNote, note) })
}

// open opens the journal alone.
func (w *folderWorld) open(use func(*journal.Partition) error) {
	w.t.Helper()
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.Partitions, cfg.SegmentBytes, cfg.ControlSegmentBytes = w.dir, 1, 8<<10, 8<<10
	j, err := journal.Open(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := errors.Join(use(j.Partition(0)), j.Close()); err != nil {
		w.t.Fatal(err)
	}
}

// setAside sets the last event that was sent aside, as a process does that has crashed over
// it twice: nothing has decided of it yet.
func (w *folderWorld) setAside() {
	w.t.Helper()
	last := w.sent[len(w.sent)-1]
	index := uint32(0)
	for _, l := range w.sent[:len(w.sent)-1] {
		if l.offset == last.offset {
			index++
		}
	}
	line, at := []byte(last.line+"\n"), eventAt{last.offset, index}.proto()
	raw := sha256.Sum256(line)
	id, now := bytes.Repeat([]byte{7}, 16), time.Now()
	to := &journalv1.Destination{Tenant: "default", Bucket: last.bucket, Prefix: "p/"}
	w.open(func(p *journal.Partition) error {
		body := uploader.NewBody([][]byte{uploader.StoredRun(line)}, crc32.ChecksumIEEE(line), uint64(len(line)))
		object, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
		if err != nil {
			return err
		}
		stored := sha256.Sum256(object)
		seal := &journalv1.Seal{Id: id, Destination: to, First: at, Last: at, Events: 1, RawBytes: uint64(len(line)), Level: 1,
			ClosedUnixNanos: now.UnixNano(), Reason: journalv1.SealReason_SEAL_REASON_CRASH,
			Key: uploader.Key("p/", now, uploader.Identifier(uploader.KeyParams{FirstOffset: last.offset, FirstIndex: index, Tenant: "default",
				Bucket: last.bucket, Prefix: "p/", Nonce: [16]byte(id)}))}
		parked := &journalv1.Parked{Seal: seal, File: hex.EncodeToString(id) + ".gz", Size: uint64(len(object)), Sha256: stored[:], RawSha256: raw[:]}
		rec, err := proto.Marshal(&journalv1.Control{Incarnation: bytes.Repeat([]byte{9}, 16), Decisions: []*journalv1.Decision{
			{Kind: &journalv1.Decision_Opened{Opened: &journalv1.Opened{}}},
			{Kind: &journalv1.Decision_SetAside{SetAside: &journalv1.SetAside{Parked: parked, Dead: &journalv1.Dead{Id: id, Destination: to, Reason: "crashed"}}}},
		}})
		if err != nil {
			return err
		}
		spool, err := p.CreateSpool(parked.GetFile())
		if err != nil {
			return err
		}
		_, err = spool.Write(object)
		if err = errors.Join(err, spool.Commit()); err != nil {
			return err
		}
		_, err = p.Control().Append(rec).Wait(w.t.Context())
		return err
	})
}

// The note of a crash is of no use but to the build that has crashed: without it that tries
// once more.
func TestRepairOfTheNoteOfACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.store.set(true, false)
		w.seal()
		w.stop()
		w.noted()
		if code, out, errs := w.command("verify"); code != exitOK {
			t.Fatalf("verify of a sound folder: %s%s", out, errs)
		}
		w.flip(w.files(crashNote)[0], 5)
		code, said, _ := w.command("repair")
		if code != exitFailed || !strings.Contains(said, "crash is removed: at a place where the service has crashed it tries again") || strings.Contains(said, "LOST") {
			t.Errorf("repair without --yes: %d, %s", code, said)
		}
		w.exactlyOnce()
		if left := w.files(crashNote); len(left) > 0 {
			t.Errorf("left: %q", left)
		}
	})
}

// A service closes the partition of a damaged note, and touches nothing.
func TestADamagedNoteOfACrashClosesItsPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.seal()
		w.stop()
		w.noted()
		w.flip(w.files(crashNote)[0], 5)
		w.start()
		if err := w.journal.Partition(0).Err(); err == nil || !strings.Contains(err.Error(), crashNote) {
			t.Errorf("the partition: %v", err)
		}
		w.stop()
	})
}

// An event that was set aside is a dead batch like others: verify knows its file, and it can
// be redriven.
func TestVerifyOfAnEventThatWasSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.store.set(true, false)
		w.send("works")
		w.stop()
		w.setAside()
		if code, out, errs := w.command("verify"); code != exitOK {
			t.Fatalf("verify: %s%s", out, errs)
		}
		w.store.set(false, false)
		w.start()
		wait(time.Minute)
		if _, err := w.batcher.Redrive(t.Context(), true, "", "", ""); err != nil {
			t.Fatal(err)
		}
		wait(time.Minute)
		w.stop()
		for _, l := range w.sent {
			if n := w.store.counts()[l.line]; n != 1 {
				t.Errorf("%q is there %d times", l.line, n)
			}
		}
	})
}

// Its file is damaged, or gone. The event still stands in the log, and nothing has passed it by:
// it is not lost.
func TestRepairOfAnEventThatWasSetAside(t *testing.T) {
	for name, harm := range map[string]func(w *folderWorld, file string){
		"damaged": func(w *folderWorld, file string) { w.flip(file, 20) },
		"gone": func(w *folderWorld, file string) {
			if err := os.Remove(file); err != nil {
				w.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newFolderWorld(t, 1)
				w.store.set(true, false)
				w.send("works")
				w.send("works")
				w.stop()
				w.setAside()
				harm(w, w.files("parked/*.gz")[0])
				if _, said, _ := w.command("repair"); !strings.Contains(said, "is taken from the log again") || strings.Contains(said, "LOST") {
					t.Errorf("repair says %s", said)
				}
				w.exactlyOnce()
			})
		})
	}
}

// A batch of later events has passed it by, so it is lost with its file, alone.
func TestRepairOfAnEventThatWasSetAsideAndPassedBy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.store.set(true, false)
		w.send("works")
		w.stop()
		w.setAside()
		lost := len(w.sent) - 1
		w.start()
		w.seal()
		w.stop()
		w.flip(w.files("parked/*.gz")[0], 20)
		code, said, errs := w.command("repair", "--yes")
		if code != exitOK || strings.Count(said, "LOST") != 1 || !strings.Contains(said, "LOST: 1 event of batch p/") {
			t.Errorf("repair: %d, %s%s", code, said, errs)
		}
		w.deliver()
		for i, l := range w.sent {
			want := 1
			if i == lost {
				want = 0
			}
			if n := w.store.counts()[l.line]; n != want {
				t.Errorf("line %d of %d is there %d times, want %d", i, len(w.sent), n, want)
			}
		}
	})
}
