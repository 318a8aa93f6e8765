package auth

import (
	"bytes"
	"log/slog"
	"strings"
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
		a.Refusal(Entry{Action: "send"})
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
