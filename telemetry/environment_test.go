package telemetry_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/telemetry"
)

// collector counts what is sent to it by OTLP over HTTP.
func collector(t *testing.T) (url string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") {
			requests.Add(1)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

func TestMetricsAreExportedIfAVariableSaysWhereTo(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ map[string]string
		exports bool
	}{
		{"an endpoint", map[string]string{}, true},
		{"an endpoint, and OTLP by name", map[string]string{"OTEL_METRICS_EXPORTER": "otlp"}, true},
		{"none", map[string]string{"OTEL_METRICS_EXPORTER": "none"}, false},
		{"Prometheus", map[string]string{"OTEL_METRICS_EXPORTER": "prometheus"}, false},
		{"disabled", map[string]string{"OTEL_SDK_DISABLED": "true"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			url, requests := collector(t)
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", url+"/v1/metrics")
			for name, value := range test.environ {
				t.Setenv(name, value)
			}
			tel := started(t, idle())
			tel.Received(server.Received{Events: 1})
			want := "1"
			if telemetry.Disabled() {
				want = ""
			}
			if got := page(t, tel)["destinations_events_received_total"]; got != want {
				t.Errorf("the page says %q, want %q", got, want)
			}
			if err := tel.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := requests.Load() > 0; got != test.exports {
				t.Errorf("got %d exports, want some: %v", requests.Load(), test.exports)
			}
		})
	}
}

// What is set wrongly is said before anything is done.
func TestUnknownValuesRefuseTheStart(t *testing.T) {
	for name, value := range map[string]string{
		"OTEL_METRICS_EXPORTER": "carrier-pigeon", "OTEL_TRACES_EXPORTER": "carrier-pigeon", "OTEL_LOGS_EXPORTER": "carrier-pigeon",
		"OTEL_RESOURCE_ATTRIBUTES": "no equals sign",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			_, err := telemetry.Start(t.Context(), telemetry.Params{Version: "v0", Log: slog.New(slog.DiscardHandler)})
			if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), value) {
				t.Errorf("got %v, want an error that names the variable and its value", err)
			}
		})
	}
}

// Without any variable there is nobody to export to, and nobody tries.
func TestNothingIsExportedByItself(t *testing.T) {
	tel := tracing(t, 1)
	if log := slog.New(slog.DiscardHandler); tel.Traces() || tel.Logger(log) != log {
		t.Error("spans or logs are exported, and no variable says where to")
	}
	everything(tel, time.Now())
	if err := tel.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// A collector that takes a connection and never answers holds up neither what is counted
// nor, for longer than it is given, the end.
func TestHangingCollectorHoldsNothingUp(t *testing.T) {
	hanging, err := net.Listen("tcp", "127.0.0.1:0") // accepts by its backlog, and answers nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hanging.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://"+hanging.Addr().String())
	tel, err := telemetry.Start(t.Context(), telemetry.Params{Version: "v0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := tel.Watch(idle()); err != nil {
		t.Fatal(err)
	}
	everything(tel, time.Now())
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := tel.Close(ctx); err == nil {
		t.Error("got no error, want one: the last export has not succeeded")
	}
}
