package auth

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// Strangers can cause any number of refusals; only so many are written, and how many were not
// is said.
func TestRefusalsAreWrittenDownWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var audit, log bytes.Buffer
		a := NewAudit(&audit, slog.New(slog.NewTextHandler(&log, nil)))
		for range 1000 {
			a.Refusal(Entry{Principal: "token:ci", Action: "send", Bucket: "b", Outcome: "PermissionDenied"})
		}
		a.Operation(Entry{Principal: "token:ops", Action: "Operations/Flush", All: true, Outcome: "OK"})
		<-time.After(time.Second)
		a.Refusal(Entry{Principal: "token:ci", Action: "send"})
		text := audit.String()
		if n := strings.Count(text, `"msg":"refusal"`); n != refusalsPerSecond+1 || !strings.Contains(text, `"not_written":900`) {
			t.Errorf("got %d refusals, want %d and how many were not written", n, refusalsPerSecond+1)
		}
		if n := strings.Count(log.String(), "refused"); n != refusalsPerSecond+1 {
			t.Errorf("got %d refusals in the service's log, want %d", n, refusalsPerSecond+1)
		}
		if !strings.Contains(text, `"msg":"operation","principal":"token:ops","action":"Operations/Flush","outcome":"OK","all":true`) {
			t.Errorf("an operation is left out for the refusals: %s", text[len(text)-300:])
		}
	})
}

// Strangers can't crowd out what a principal was refused.
func TestStrangersDoNotHideRefusalsOfPrincipals(t *testing.T) {
	var audit bytes.Buffer
	a := NewAudit(&audit, slog.New(slog.DiscardHandler))
	for range 10 * refusalsPerSecond {
		a.Refusal(Entry{Action: "Operations/Flush"})
	}
	a.Refusal(Entry{Principal: "token:ci", Action: "Operations/Flush"})
	if !strings.Contains(audit.String(), `"principal":"token:ci"`) {
		t.Error("the refusal of a principal is not written down")
	}
}

// What a caller sends is written down as far as it is needed to know it again.
func TestEntriesAreBounded(t *testing.T) {
	var audit bytes.Buffer
	a := NewAudit(&audit, slog.New(slog.DiscardHandler))
	long := strings.Repeat("ä", 1<<20)
	a.Operation(Entry{Principal: "token:ci", Bucket: "x" + long, Prefix: long, Reason: long})
	if n := audit.Len(); n > 4*maxFieldBytes || !json.Valid(audit.Bytes()) || strings.Contains(audit.String(), "\ufffd") {
		t.Errorf("got an entry of %d bytes, valid %v", n, json.Valid(audit.Bytes()))
	}
}

// full is a disk that has room for some bytes.
type full struct {
	bytes.Buffer
	room int
}

func (f *full) Write(p []byte) (int, error) {
	n := min(f.room, len(p))
	f.room -= n
	f.Buffer.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// An audit log that can't be written holds nothing up, is told of once, and what is written
// when there is room again can be read.
func TestAnAuditLogOnAFullDiskIsSaidOnce(t *testing.T) {
	disk := &full{room: 10}
	var log bytes.Buffer
	a := NewAudit(disk, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		a.Operation(Entry{Action: "a"})
	}
	if n := strings.Count(log.String(), "can't be written"); n != 1 || !strings.Contains(log.String(), "no space left") {
		t.Errorf("got %d complaints, want 1:\n%s", n, log.String())
	}
	disk.room = 1 << 20
	a.Operation(Entry{Action: "b"})
	a.Operation(Entry{Action: "c"})
	if !strings.Contains(log.String(), "entries_lost=3") {
		t.Errorf("got log\n%s", log.String())
	}
	lines := strings.Split(strings.TrimSuffix(disk.String(), "\n"), "\n")
	if len(lines) != 3 || !json.Valid([]byte(lines[1])) || !json.Valid([]byte(lines[2])) {
		t.Errorf("got lines %q, want the torn one and two whole ones", lines)
	}
}

// Who has no audit log has the refusals in the service's log all the same.
func TestWithoutAnAuditLogRefusalsAreLogged(t *testing.T) {
	var log bytes.Buffer
	a := NewAudit(nil, slog.New(slog.NewTextHandler(&log, nil)))
	a.Refusal(Entry{Action: "send", Reason: "r"})
	a.Operation(Entry{})
	a.Change("x")
	(*Audit)(nil).Refusal(Entry{})
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "action=send reason=r") {
		t.Errorf("got %q", got)
	}
}
