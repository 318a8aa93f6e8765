package server

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// The parser takes of version 00 what OpenTelemetry's takes, and means the same by it.
func TestParserAgreesWithOpenTelemetrys(t *testing.T) {
	for _, s := range []string{
		goodTraceparent, unsampledTraceparent, callTraceparent,
		strings.ToUpper(goodTraceparent), goodTraceparent[:54], goodTraceparent + "-x", "", "what",
		"00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", goodTraceparent[:36] + strings.Repeat("0", 16) + "-01",
		strings.Replace(goodTraceparent, "0a", "0g", 1), strings.ReplaceAll(goodTraceparent, "-", "_"),
	} {
		ctx := propagation.TraceContext{}.Extract(context.Background(), propagation.MapCarrier{"traceparent": s})
		want := trace.SpanContextFromContext(ctx)
		got, ok := parseTraceparent(s)
		if ok != want.IsValid() {
			t.Errorf("%q: got valid %v, want %v", s, ok, want.IsValid())
			continue
		}
		if ok && (hex.EncodeToString(got[:16]) != want.TraceID().String() || hex.EncodeToString(got[16:24]) != want.SpanID().String() || got[24]&sampledFlag != byte(want.TraceFlags()&trace.FlagsSampled)) {
			t.Errorf("%q: got %x, want %v", s, got, want)
		}
	}
}
