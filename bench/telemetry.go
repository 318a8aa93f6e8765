package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"github.com/open-destinations/destinations/e2e/otlp"
)

// telemetryMode is one way to have the service watched.
type telemetryMode struct {
	name    string
	signals []string // that are exported; nil = nothing is, or counted
	args    []string
}

// telemetryModes are compared with the first of them.
var telemetryModes = []telemetryMode{
	{"disabled", nil, nil},
	{"metrics", []string{"METRICS"}, []string{"--trace-ratio", "0"}},
	{"metrics and 1 % of the events traced", []string{"METRICS", "TRACES"}, []string{"--trace-ratio", "0.01"}},
}

// exportInterval is how often metrics are exported, in milliseconds: more often than usual.
const exportInterval = "10000"

// parseTelemetry reads the flags of telemetry.
func parseTelemetry(args []string) (options, error) {
	p := options{destinations: []int{1}, window: 30 * time.Second, flush: true}
	fs := flag.NewFlagSet("bench telemetry", flag.ContinueOnError)
	fs.DurationVar(&p.duration, "duration", 20*time.Second, "how `long` to send, each time")
	fs.IntVar(&p.rate, "rate", 0, "`events` a second to send; 0 sends as many as are taken")
	fs.IntVar(&p.rounds, "rounds", 3, "how `often` to go through all ways")
	if err := fs.Parse(args); err != nil {
		return p, err
	}
	if p.duration < time.Second || p.rate < 0 || p.rounds < 1 || fs.NArg() > 0 {
		return p, errors.New("--duration must be at least 1s, --rate not negative, --rounds at least 1, and there are no arguments")
	}
	return p, nil
}

// telemetryLine is what a comparison says of one way.
type telemetryLine struct {
	Bench string `json:"bench"`
	Mode  string `json:"mode"`
	// CPUPerGB is the median of the rounds, Rounds has each of them. More is how much more
	// than the first way's that is, in percent.
	CPUPerGB float64   `json:"cpu_s_per_gb"`
	Rounds   []float64 `json:"rounds"`
	More     float64   `json:"more_percent"`
	Spans    int       `json:"spans"` // that the collector got, in all rounds
}

// compareTelemetry runs ingest with the service watched in each way, one after the other
// in each round, so that what the machine does meanwhile meets all of them.
func compareTelemetry(ctx context.Context, p options) error {
	lines := make([]telemetryLine, len(telemetryModes))
	for round := range p.rounds {
		for i, mode := range telemetryModes {
			say("round %d of %d: %s", round+1, p.rounds, mode.name)
			r, spans, err := watchedIngest(ctx, p, mode)
			if err != nil {
				return fmt.Errorf("%s: %w", mode.name, err)
			}
			lines[i].Rounds = append(lines[i].Rounds, r.CPUPerGB)
			lines[i].Spans += spans
		}
	}
	for i, mode := range telemetryModes {
		l := &lines[i]
		l.Bench, l.Mode, l.CPUPerGB = "telemetry", mode.name, median(l.Rounds)
		l.More = round(100*(l.CPUPerGB/lines[0].CPUPerGB-1), 1)
		if err := printLine(l); err != nil {
			return err
		}
	}
	return nil
}

// watchedIngest is one run, and how many spans it made. Every event is read back, as in
// any.
func watchedIngest(ctx context.Context, o options, mode telemetryMode) (r result, spans int, err error) {
	collector, err := otlp.Start()
	if err != nil {
		return result{}, 0, err
	}
	defer collector.Close()
	o.args = mode.args
	if mode.signals == nil {
		o.env = []string{"OTEL_SDK_DISABLED=true"}
	} else {
		o.env = []string{"OTEL_METRIC_EXPORT_INTERVAL=" + exportInterval}
		for name, value := range collector.Environ(mode.signals...) {
			o.env = append(o.env, name+"="+value)
		}
	}
	o.result = func(got result) { r = got }
	if err := ingest(ctx, o); err != nil {
		return result{}, 0, err
	}
	spans = len(collector.Spans())
	if slices.Contains(mode.signals, "METRICS") && collector.Metric("destinations.events.delivered") == nil ||
		slices.Contains(mode.signals, "TRACES") && spans == 0 {
		return result{}, 0, errors.New("nothing was exported")
	}
	return r, spans, nil
}
