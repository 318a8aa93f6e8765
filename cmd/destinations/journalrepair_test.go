package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal"
)

// damage is a kind of damage.
type damage struct {
	name      string
	do        func(w *folderWorld) bool // false: there is nothing to be damaged
	mayRepeat bool                      // some lines may be there twice
}

var damages = []damage{
	{"a bit of an events segment", func(w *folderWorld) bool { return w.flipIn("events-*.seg") }, false},
	{"a bit of a control segment", func(w *folderWorld) bool { return w.flipIn("control-*.seg") }, true},
	{"both slots of the start", func(w *folderWorld) bool {
		w.flip(w.files("start")[0], 20)
		w.flip(w.files("start")[0], 4096+20)
		return true
	}, false},
	{"the state of the start", func(w *folderWorld) bool {
		names := w.files("state-*")
		if len(names) == 0 {
			return false
		}
		w.flip(names[0], 5)
		return true
	}, true},
	{"another state", func(w *folderWorld) bool {
		names := w.files("state-*")
		if len(names) < 2 {
			return false
		}
		w.flip(names[len(names)-1], 5)
		return true
	}, false},
	{"a missing events segment", func(w *folderWorld) bool { return w.removeOne("events-*.seg") }, false},
	{"a missing control segment", func(w *folderWorld) bool { return w.removeOne("control-*.seg") }, true},
	{"a parked file", func(w *folderWorld) bool {
		names := w.files("parked/*.gz")
		if len(names) == 0 {
			return false
		}
		w.flip(names[w.rand.IntN(len(names))], 20)
		return true
	}, false},
	{"a manifest", func(w *folderWorld) bool {
		names := w.files("*.json")
		if len(names) == 0 {
			return false
		}
		w.flip(names[0], 5)
		return true
	}, false},
}

// flipIn flips bits of one of the files, where something stands.
func (w *folderWorld) flipIn(pattern string) bool {
	names := w.files(pattern)
	name := names[w.rand.IntN(len(names))]
	for range 1 + w.rand.IntN(3) {
		w.flip(name, w.rand.IntN(used(w.t, name)))
	}
	return true
}

// removeOne removes one of several files, but not the last.
func (w *folderWorld) removeOne(pattern string) bool {
	names := w.files(pattern)
	if len(names) < 3 {
		return false
	}
	return os.Remove(names[w.rand.IntN(len(names)-1)]) == nil
}

// severalAtOnce does some of the damage, one after the other.
func severalAtOnce(w *folderWorld) bool {
	done := false
	for range 3 {
		if damages[w.rand.IntN(len(damages))].do(w) {
			done = true
		}
	}
	return done
}

func TestRepairLosesNothingSilently(t *testing.T) {
	seeds := uint64(2)
	if testing.Short() {
		seeds = 1
	}
	all := append(slices.Clone(damages), damage{"several at once", severalAtOnce, true})
	for _, damage := range all {
		t.Run(damage.name, func(t *testing.T) {
			tried := 0
			for seed := range seeds {
				t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						w := newFolderWorld(t, seed)
						w.use()
						if code, out, errs := w.command("verify"); code != exitOK {
							t.Fatalf("before: %s%s", out, errs)
						}
						if damage.do(w) {
							tried++
							w.repairAndCheck(damage.mayRepeat)
						}
					})
				})
			}
			if tried == 0 {
				t.Error("nothing was damaged: the test shows nothing")
			}
		})
	}
}

// repairAndCheck repairs, lets the service deliver, and compares what is missing and
// what is there twice with what the repair has said.
func (w *folderWorld) repairAndCheck(mayRepeat bool) {
	w.t.Helper()
	code, verified, errs := w.command("verify")
	lostRecords, end := w.lostRecords()
	if code != exitOK && code != exitFailed || (code == exitOK) != !strings.Contains(verified, "DAMAGED") {
		w.t.Fatalf("verify: %d, %s%s", code, verified, errs)
	}
	plan, said := "", ""
	if code == exitFailed {
		if code, plan, _ = w.command("repair"); code != exitFailed {
			w.t.Fatalf("repair without --yes ends with %d: %s", code, plan)
		}
		if _, again, _ := w.command("verify"); again != verified {
			w.t.Fatalf("repair without --yes has changed the folder:\n%s\n%s", verified, again)
		}
		code, said, errs = w.command("repair", "--yes")
		if strings.Contains(errs, "cannot be repaired") && strings.Contains(verified, "/start at byte") && strings.Count(verified, "DAMAGED") > 1 {
			if _, again, _ := w.command("verify"); again != verified {
				w.t.Fatalf("what cannot be repaired was changed:\n%s\n%s", verified, again)
			}
			return // without the start and what would tell it
		}
		if code != exitOK {
			w.t.Fatalf("repair --yes ends with %d: %s%s", code, said, errs)
		}
		wantPrivate(w.t, w.dir)
		if code, out, errs := w.command("verify"); code != exitOK {
			w.t.Fatalf("verify after the repair: %s%s\n%s", out, errs, said)
		}
	}
	w.deliver()
	lost, twice := w.outcome()
	unsaid := 0
	for _, l := range lost {
		if !lostRecords[l.offset] && l.offset < end && !strings.Contains(said, "whose file is damaged") && !strings.Contains(said, "is no longer known") {
			unsaid++
		}
	}
	if strings.Contains(said, "if there were segments before that") && strings.Count(verified, "DAMAGED") > 1 {
		unsaid = 0 // the first segments and the start at once
	}
	if unsaid > 0 || len(lost) > 0 && !strings.Contains(said, "lost") && !strings.Contains(said, "LOST") {
		w.t.Errorf("%d of %d lines are lost that were not said to be:\n%s%s", unsaid, len(lost), verified, said)
	}
	if len(twice) > 0 && (!mayRepeat || !strings.Contains(said, "arrive twice")) {
		w.t.Errorf("%d lines are there twice:\n%s%s", len(twice), verified, said)
	}
}

// lostRecords are the offsets of events records that a survey finds lost, and where
// the log ends: several bits in its end may make it end earlier.
func (w *folderWorld) lostRecords() (lost map[uint64]bool, end uint64) {
	w.t.Helper()
	folder, err := journal.Claim(w.dir, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer folder.Close()
	found, err := inspect(folder, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	lost = map[uint64]bool{}
	for _, l := range found.survey.Events.Lost {
		for offset := l.From; offset < l.To; offset++ {
			lost[offset] = true
		}
	}
	return lost, found.survey.Events.To
}

// exactlyOnce repairs, lets the service deliver, and finds every line there once, but
// those of the record at lost.
func (w *folderWorld) exactlyOnce(lost ...uint64) {
	w.t.Helper()
	if code, out, _ := w.command("verify"); code != exitFailed {
		w.t.Fatalf("verify ends with %d: %s", code, out)
	}
	code, said, errs := w.command("repair", "--yes")
	if code != exitOK {
		w.t.Fatalf("repair ends with %d: %s%s", code, said, errs)
	}
	w.deliver()
	counts := w.store.counts()
	for _, l := range w.sent {
		want := 1
		if slices.Contains(lost, l.offset) {
			want = 0
		}
		if counts[l.line] != want {
			w.t.Errorf("a line of record %d is there %d times, want %d:\n%s", l.offset, counts[l.line], want, said)
		}
	}
}

// A lost Seal whose batch was not delivered: the Seals behind it count its events as
// decided, so without one of their own they would be delivered by nobody.
func TestRepairOfALostSeal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.store.set(true, false)
		for range 4 {
			w.seal()
		}
		w.stop()
		w.lose(journal.ControlLog, decides(1, isSeal))
		w.exactlyOnce()
	})
}

// A lost Seal whose Delivered can be read: its events are not delivered again.
func TestRepairOfALostSealThatWasDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		for range 4 {
			w.seal()
			wait(2 * time.Second)
		}
		w.stop()
		w.lose(journal.ControlLog, decides(1, isSeal))
		w.exactlyOnce()
	})
}

// A lost Opened: what its writer decided counts all the same.
func TestRepairOfALostOpened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.store.refuse(true, "never")
		w.send("never") // keeps the log from being released
		w.seal()
		wait(2 * time.Second)
		w.stop()
		w.start()
		w.store.set(false, true) // it gets there, and nothing is answered
		w.seal()
		wait(2 * time.Second)
		w.stop()
		w.lose(journal.ControlLog, decides(1, isOpened))
		w.exactlyOnce()
	})
}

// Lost events of a batch whose object has reached S3, which the service does not know:
// it is found there under its key, with what is lost here.
func TestRepairKeepsTheKeyOfABatch(t *testing.T) {
	for _, reached := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newFolderWorld(t, 1)
			w.store.set(!reached, reached)
			for range 3 {
				w.send("works")
			}
			w.seal()
			wait(3 * time.Second)
			w.stop()
			n := 0
			lost := w.lose(journal.EventsLog, func([]byte) bool { n++; return n == 2 })
			if reached {
				w.exactlyOnce()
			} else {
				w.exactlyOnce(lost)
			}
		})
	}
}

func TestRepairOfASoundFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.use()
		if code, out, errs := w.command("repair", "--yes"); code != exitOK || out != "nothing is damaged\n" || errs != "" {
			t.Errorf("got %d, %q, %q", code, out, errs)
		}
		if dropped, _ := filepath.Glob(filepath.Join(w.dir, "dropped-*")); len(dropped) > 0 {
			t.Errorf("left behind: %q", dropped)
		}
	})
}

func TestVerifyAndRepairNeedTheFolderForThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.seal()
		for _, command := range []string{"verify", "repair"} {
			if code, _, errs := w.command(command); code != exitFailed || !strings.Contains(errs, "in use by another process") {
				t.Errorf("%s beside a service: got %d, %q", command, code, errs)
			}
		}
		w.stop()
		if code, out, _ := w.command("verify"); code != exitOK || !strings.HasPrefix(out, "partition 0: sound: events 0 to 0 in ") {
			t.Errorf("got %d, %q", code, out)
		}
		w.dir = filepath.Dir(w.dir)
		if code, _, errs := w.command("verify"); code != exitFailed || !strings.Contains(errs, "is no data folder") {
			t.Errorf("got %d, %q", code, errs)
		}
	})
}

// A partition that is gone keeps nobody from looking at the others.
func TestMissingPartitionIsToldWithTheOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	cfg := journal.DefaultConfig()
	cfg.Dir, cfg.Partitions = dir, 3
	j, err := journal.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := j.Partition(2).Events().Append([]byte{0x0a, 0}).Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "0001")); err != nil {
		t.Fatal(err)
	}
	for command, want := range map[string][]string{
		"verify": {"partition 0: sound", "partition 1: DAMAGED: the partition's folder", "partition 2: sound"},
		"dump":   {"dump: partition 1: the partition's folder", `"partition":2,"log":"events","offset":0`},
		"repair": {"partition 1 cannot be repaired: the partition's folder, or a file of it, is gone; put a copy of the folder in its place"},
	} {
		got := run(t, "journal", command, "--data-dir", dir)
		for _, text := range want {
			if got.code != exitFailed || !strings.Contains(got.stdout+got.stderr, text) {
				t.Errorf("%s: got %+v, want %q in it", command, got, text)
			}
		}
	}
}

// Without its control log a partition cannot be repaired; who reads that is told how to
// get at the events.
func TestLostControlLogNamesDump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.seal()
		w.stop()
		for _, name := range w.files("control-*.seg") {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		want := fmt.Sprintf(`"destinations journal dump --data-dir %s --partition 0 --payloads" prints it`, w.dir)
		if code, _, errs := w.command("repair"); code != exitFailed || !strings.Contains(errs, want) {
			t.Errorf("got %d, %q", code, errs)
		}
		if n := len(w.dumped("--payloads")); n == 0 {
			t.Error("nothing is printed")
		}
	})
}

func TestWhatIsNotOursIsNamedWithWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.seal()
		w.stop()
		for _, name := range []string{filepath.Join("0000", "foo"), "token.key"} {
			if err := os.WriteFile(filepath.Join(w.dir, name), []byte("bar"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if code, out, _ := w.command("verify"); code != exitFailed || !strings.Contains(out, "token.key: 3 bytes, must be 32: put a copy of it back") {
			t.Errorf("verify: got %d, %q", code, out)
		}
		if code, _, errs := w.command("repair", "--yes"); code != exitFailed || !strings.Contains(errs, "what foo is for: if no newer version has made it, move it out of the partition's folder") {
			t.Errorf("repair: got %d, %q", code, errs)
		}
	})
}

func TestDamagedIdentityIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.seal()
		w.stop()
		w.flip(filepath.Join(w.dir, "IDENTITY"), 40)
		for _, command := range []string{"verify", "repair", "dump"} {
			if code, _, errs := w.command(command); code != exitFailed || !strings.Contains(errs, "put IDENTITY back from a copy") {
				t.Errorf("%s: got %d, %q", command, code, errs)
			}
		}
		if err := os.Remove(filepath.Join(w.dir, "IDENTITY")); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"verify", "repair", "dump"} {
			if code, _, errs := w.command(command); code != exitFailed || !strings.Contains(errs, "put IDENTITY back from a copy") {
				t.Errorf("%s without it: got %d, %q", command, code, errs)
			}
		}
	})
}

// What is left of a damaged record is kept for people, with its payloads.
func TestRepairKeepsWhatIsLeftOfLostEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		w.seal()
		wait(2 * time.Second)
		w.stop()
		line := w.sent[0].line
		w.lose(journal.EventsLog, func([]byte) bool { return true })
		_, said, _ := w.command("repair", "--yes")
		if !strings.Contains(said, "LOST: record 0 of the events log, and the events in it\n    what is left of them looks like ") {
			t.Errorf("got %s", said)
		}
		names, _ := filepath.Glob(filepath.Join(w.dir, "dropped-*", "*"))
		if len(names) != 2 || filepath.Base(names[1]) != "partition-0000-events.jsonl" {
			t.Fatalf("kept: %q", names)
		}
		b, err := os.ReadFile(names[1])
		var kept dumpedRecord
		if err != nil || json.Unmarshal(b, &kept) != nil || !kept.Unverified || len(kept.Events) == 0 {
			t.Fatalf("got %s, %v", b, err)
		}
		payload, _ := base64.StdEncoding.DecodeString(kept.Events[0].Payload)
		if len(payload) != len(line) {
			t.Errorf("got %q, want about %q", payload, line)
		}
	})
}
