package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/journal"
)

// dumped are the lines that dump prints.
func (w *folderWorld) dumped(args ...string) (lines []dumpedRecord) {
	w.t.Helper()
	code, out, errs := w.command(append([]string{"dump"}, args...)...)
	if code != exitOK {
		w.t.Fatalf("dump ends with %d: %s", code, errs)
	}
	for line := range strings.Lines(out) {
		var r dumpedRecord
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			w.t.Fatalf("%s: %v", line, err)
		}
		lines = append(lines, r)
	}
	return lines
}

func TestDumpBesideAService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		for range 3 {
			w.seal()
		}
		wait(2 * time.Second)
		synctest.Wait()
		n := 0
		for i, r := range w.dumped("--payloads") {
			if r.Offset != uint64(i) || r.Log != "events" || r.Received == "" {
				t.Errorf("record %d: got %+v", i, r)
			}
			for _, e := range r.Events {
				payload, _ := base64.StdEncoding.DecodeString(e.Payload)
				if string(payload) != w.sent[n].line || e.Bytes != len(payload) || e.Bucket != "works" || e.Prefix != "p/" {
					t.Errorf("event %d: got %+v", n, e)
				}
				n++
			}
		}
		if n != len(w.sent) {
			t.Errorf("%d events, %d were sent", n, len(w.sent))
		}
		for _, r := range w.dumped("--from", "2") {
			if r.Offset != 2 || r.Events[0].Payload != "" {
				t.Errorf("got %+v", r)
			}
		}
		kinds := map[string]int{}
		for _, r := range w.dumped("--log", "control", "--partition", "0") {
			if len(r.Incarnation) != 32 {
				t.Errorf("got %+v", r)
			}
			for _, d := range r.Decisions {
				for kind, what := range d.(map[string]any) {
					if kinds[kind]++; kind == "seal" {
						checkReadableSeal(t, what.(map[string]any))
					}
				}
			}
		}
		if fmt.Sprint(kinds) != "map[delivered:3 opened:1 seal:3]" {
			t.Errorf("got %v", kinds)
		}
		w.stop()
		if code, _, errs := w.command("dump", "--partition", "1"); code != exitFailed || !strings.Contains(errs, "--partition: 1") {
			t.Errorf("got %d, %q", code, errs)
		}
	})
}

// checkReadableSeal makes sure that people can read what was decided: its id as in the
// names of files, its times, its reason.
func checkReadableSeal(t *testing.T, seal map[string]any) {
	t.Helper()
	id, _ := seal["id"].(string)
	if _, err := hex.DecodeString(id); err != nil || len(id) != 32 {
		t.Errorf("got the id %q", id)
	}
	at, _ := seal["closed"].(string)
	if closed, err := time.Parse(time.RFC3339Nano, at); err != nil || closed.After(time.Now()) {
		t.Errorf("got closed %q", at)
	}
	if to, _ := seal["destination"].(map[string]any); to["bucket"] != "works" || seal["reason"] != "SEAL_REASON_FLUSH" || seal["events"].(float64) < 1 {
		t.Errorf("got %v", seal)
	}
}

func TestDumpGoesOnBehindDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newFolderWorld(t, 1)
		for range 3 {
			w.seal()
		}
		w.stop()
		n := 0
		w.lose(journal.EventsLog, func([]byte) bool { n++; return n == 2 })
		code, out, _ := w.command("dump")
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != exitFailed || len(lines) != 3 || !strings.Contains(lines[1], `"lost_up_to":1,"error":"journal: damage in `) ||
			!strings.Contains(lines[2], `"offset":2,`) {
			t.Errorf("got %d, %s", code, out)
		}
	})
}
