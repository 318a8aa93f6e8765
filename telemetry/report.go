package telemetry

import (
	"log/slog"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
)

// reportEvery is how often it is said that exporting fails.
const reportEvery = time.Minute

// reporter takes the errors of OpenTelemetry's exporters, for which the library has one
// place in the process.
type reporter struct {
	log *slog.Logger

	mu struct {
		sync.Mutex
		last time.Time // when it was last said
		kept uint64    // errors since then
	}
}

// report lets what goes wrong with exporting be logged, but not more than now and then: a
// collector may be away for days.
func report(log *slog.Logger) { otel.SetErrorHandler(&reporter{log: log}) }

// Handle takes an error.
func (r *reporter) Handle(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mu.kept++
	if now := time.Now(); now.Sub(r.mu.last) >= reportEvery {
		r.log.Warn("telemetry can't be exported; nothing else is affected", "errors", r.mu.kept, "error", err)
		r.mu.last, r.mu.kept = now, 0
	}
}
