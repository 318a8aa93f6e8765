// Package observability holds what watches the service: alerts for Prometheus and a
// dashboard for Grafana. Its test is a module of its own, since the parser of Prometheus's
// queries comes with much.
package observability

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"github.com/open-destinations/destinations/telemetry"
)

// others are series that are not the service's own.
var others = map[string]bool{"up": true, "process_resident_memory_bytes": true, "process_cpu_seconds_total": true}

// series are the names that the table gives the instruments for Prometheus, with the
// attributes that each may have.
func series() map[string]map[string]bool {
	all := map[string]map[string]bool{}
	for _, i := range telemetry.Table() {
		labels := map[string]bool{"instance": true, "job": true}
		for _, a := range i.Attributes {
			labels[strings.ReplaceAll(a.Key, ".", "_")] = true
		}
		if i.Kind != telemetry.Histogram {
			all[i.Prometheus()] = labels
			continue
		}
		all[i.Prometheus()+"_sum"], all[i.Prometheus()+"_count"] = labels, labels
		buckets := map[string]bool{"le": true}
		for label := range labels {
			buckets[label] = true
		}
		all[i.Prometheus()+"_bucket"] = buckets
	}
	return all
}

// check fails the test unless a query parses, and asks for series and labels that there
// are. It returns which series.
func check(t *testing.T, where, query string) (asked []string) {
	t.Helper()
	query = strings.NewReplacer("$__rate_interval", "5m", "$instance", ".+").Replace(query)
	expression, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v: %s", where, err, query)
		return nil
	}
	known := series()
	labels := map[string]bool{}
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok || others[selector.Name] {
			return nil
		}
		if known[selector.Name] == nil {
			t.Errorf("%s: %s is not in the table of instruments", where, selector.Name)
			return nil
		}
		asked = append(asked, selector.Name)
		for _, m := range selector.LabelMatchers {
			if m.Name != "__name__" && !known[selector.Name][m.Name] {
				t.Errorf("%s: %s has no %s", where, selector.Name, m.Name)
			}
		}
		for label := range known[selector.Name] {
			labels[label] = true
		}
		return nil
	})
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		if by, ok := node.(*parser.AggregateExpr); ok && len(asked) > 0 {
			for _, label := range by.Grouping {
				if !labels[label] {
					t.Errorf("%s: by %s, which nothing in it has", where, label)
				}
			}
		}
		return nil
	})
	return asked
}

type panel struct {
	Title   string
	Type    string
	Targets []struct{ Expr string }
}

// Every query of the dashboard is of instruments that there are, and every instrument is on
// it.
func TestDashboardIsOfTheInstruments(t *testing.T) {
	text, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct{ Panels []panel }
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, p := range dashboard.Panels {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%s: asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			for _, name := range check(t, "dashboard, "+p.Title, target.Expr) {
				shown[name] = true
			}
		}
	}
	for _, i := range telemetry.Table() {
		if name := i.Prometheus(); !shown[name] && !shown[name+"_bucket"] && !shown[name+"_count"] {
			t.Errorf("%s is not on the dashboard", i.Name)
		}
	}
}

// Every alert is of instruments that there are, says whom it wakes, and has a test.
func TestAlertsAreOfTheInstruments(t *testing.T) {
	var alerts struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr         string
				Labels, Annotations map[string]string
			}
		}
	}
	read(t, "alerts.yml", &alerts)
	tests, err := os.ReadFile("alerts_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			count++
			check(t, rule.Alert, rule.Expr)
			if s := rule.Labels["severity"]; s != "page" && s != "ticket" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s: got severity %q and annotations %v", rule.Alert, s, rule.Annotations)
			}
			if n := strings.Count(string(tests), "alertname: "+rule.Alert+"\n") + strings.Count(string(tests), "alertname: "+rule.Alert+"}"); n < 2 {
				t.Errorf("%s: %d tests, want one in which it fires and one in which it does not", rule.Alert, n)
			}
		}
	}
	if count == 0 {
		t.Error("no alerts: the test shows nothing")
	}
}

func read(t *testing.T, name string, to any) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err == nil {
		err = yaml.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}
