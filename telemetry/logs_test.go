package telemetry_test

import (
	"bytes"
	"encoding/hex"
	"log/slog"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/e2e/otlp"
)

func TestLogsAreExportedWithTheirSpans(t *testing.T) {
	r := receiver(t, "LOGS")
	tel := tracing(t, 0)
	var out bytes.Buffer
	log := tel.Logger(slog.New(slog.NewTextHandler(&out, nil)))
	log.Info("delivered", "key", "k", slog.Group("", "trace_id", strings.Repeat("0a", 16), "span_id", strings.Repeat("0b", 8)), slog.Attr{})
	log.With("partition", 3).Warn("something else")
	log.Debug("not said aloud either")
	if err := tel.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	records := r.Logs()
	if len(records) != 2 || strings.Count(out.String(), "\n") != 2 {
		t.Fatalf("got %v and %q, want two records in both", records, out.String())
	}
	first, second := records[0], records[1]
	if first.GetBody().GetStringValue() != "delivered" || hex.EncodeToString(first.GetTraceId()) != strings.Repeat("0a", 16) || hex.EncodeToString(first.GetSpanId()) != strings.Repeat("0b", 8) {
		t.Errorf("got %v, want it to be of its span", first)
	}
	if got := otlp.Attributes(first.GetAttributes()); got["trace_id"].GetStringValue() == "" || len(got) != 3 {
		t.Errorf("got the attributes %v, want three", got)
	}
	if len(second.GetTraceId()) != 0 || otlp.Attributes(second.GetAttributes())["partition"].GetIntValue() != 3 || second.GetSeverityText() != "WARN" {
		t.Errorf("got %v", second)
	}
}

func TestLogsStayWhereTheyAreUnlessAskedFor(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	if tel := tracing(t, 0); tel.Logger(log) != log {
		t.Error("got another logger, want the same")
	}
}
