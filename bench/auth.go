package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/open-destinations/destinations/e2e/harness"
)

// benchGrants let the streams send, and flush. Places are named as an operator would: one
// pattern for the prefixes.
const benchGrants = `
tenants:
  bench: {weight: 2}
grants:
  - {principals: ["token:other"], tenant: other, roles: [send], destinations: [{bucket: other, prefixes: ["*"]}]}
  - {principals: ["token:bench"], tenant: bench, roles: [send, operate], destinations: [{bucket: other, prefixes: ["a", "b"]}, {bucket: "*", prefixes: ["*"]}]}
`

// mostAuthCost is how much more CPU the service may take with authentication, in percent.
const mostAuthCost = 3.0

// accessRuns is what the runs of auth have in common.
type accessRuns struct {
	folder  *folder
	bins    harness.Binaries
	corpus  *corpus
	options options
}

// authResult is the line of auth. CPU is the service's for a million events: the median of
// the runs, and the least of them. What else the machine does meanwhile only adds to it, so
// it is the least that is judged.
type authResult struct {
	Bench           string  `json:"bench"`
	Destinations    int     `json:"destinations"`
	Rounds          int     `json:"rounds"`
	CPUWithout      float64 `json:"cpu_s_per_m_events_without"`
	CPU             float64 `json:"cpu_s_per_m_events"`
	CPULeastWithout float64 `json:"cpu_s_per_m_events_least_without"`
	CPULeast        float64 `json:"cpu_s_per_m_events_least"`
	// CostPercent is how much more the median is with, LeastCostPercent the least. SpreadPercent
	// is how far apart the runs without are, largest from smallest.
	CostPercent      float64 `json:"cost_percent"`
	LeastCostPercent float64 `json:"least_cost_percent"`
	SpreadPercent    float64 `json:"spread_percent"`
}

// accessCost compares runs without authentication and with it. They take turns, and who
// goes first changes, so that what the machine does meanwhile hits both alike.
func accessCost(ctx context.Context, a accessRuns) error {
	n := a.options.destinations[0]
	cpu := map[bool][]float64{}
	for round := range a.options.rounds {
		for _, granted := range []bool{round%2 == 1, round%2 == 0} {
			say("round %d, with authentication: %v", round+1, granted)
			r := &run{
				folder: a.folder, bins: a.bins, corpus: a.corpus, options: a.options, spread: spread{n, a.options.even}, load: &load{}, granted: granted,
			}
			if err := r.whole(ctx); err != nil {
				if ctx.Err() != nil {
					err = errors.New("interrupted")
				}
				return fmt.Errorf("round %d, with authentication %v: %w", round+1, granted, err)
			}
			say("%.3f s of CPU a million events", r.result.CPUPerMillionEv)
			cpu[granted] = append(cpu[granted], r.result.CPUPerMillionEv)
		}
	}
	line := authResult{
		Bench: "auth", Destinations: n, Rounds: a.options.rounds, CPUWithout: median(cpu[false]), CPU: median(cpu[true]),
		CPULeastWithout: slices.Min(cpu[false]), CPULeast: slices.Min(cpu[true]),
	}
	line.CostPercent = round((line.CPU/line.CPUWithout-1)*100, 2)
	line.LeastCostPercent = round((line.CPULeast/line.CPULeastWithout-1)*100, 2)
	line.SpreadPercent = round((slices.Max(cpu[false])/slices.Min(cpu[false])-1)*100, 2)
	if err := printLine(line); err != nil {
		return err
	}
	if line.LeastCostPercent > mostAuthCost {
		return fmt.Errorf("authentication and grants cost %.2f %% of CPU, more than %.0f %% (runs without are up to %.2f %% apart)", line.LeastCostPercent, mostAuthCost, line.SpreadPercent)
	}
	return nil
}

// median of some values, which are not empty.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return round((sorted[middle-1]+sorted[middle])/2, 4)
}
