// Package observability holds what watches the service: alerts for Prometheus and a
// dashboard for Grafana. Its test is a module of its own, since the parser of Prometheus's
// queries comes with much.
package observability

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// others are series that are not the service's own.
var others = map[string]bool{"up": true, "process_resident_memory_bytes": true, "process_cpu_seconds_total": true}

// instrument is a row of the table in docs/telemetry.md, which the service's own test holds
// against what it exports.
type instrument struct {
	name      string // for Prometheus
	histogram bool
	labels    []string
}

// table reads the table.
func table(t *testing.T) (all []instrument) {
	t.Helper()
	page, err := os.ReadFile("../../docs/telemetry.md")
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile("`([a-z0-9_.]+)` \\(")
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `destinations.") || len(cells) < 5 {
			continue
		}
		i := instrument{name: strings.Trim(cells[1], "`"), histogram: strings.HasPrefix(cells[2], "histogram"), labels: []string{"instance", "job"}}
		for _, found := range key.FindAllStringSubmatch(cells[3], -1) {
			i.labels = append(i.labels, strings.ReplaceAll(found[1], ".", "_"))
		}
		all = append(all, i)
	}
	if len(all) < 20 {
		t.Fatalf("the table has %d instruments: the test shows nothing", len(all))
	}
	return all
}

// series are the names that instruments have for Prometheus, with the labels that each
// may have.
func series(t *testing.T) map[string]map[string]bool {
	t.Helper()
	all := map[string]map[string]bool{}
	add := func(name string, labels ...string) {
		all[name] = map[string]bool{}
		for _, label := range labels {
			all[name][label] = true
		}
	}
	for _, i := range table(t) {
		if !i.histogram {
			add(i.name, i.labels...)
			continue
		}
		add(i.name+"_sum", i.labels...)
		add(i.name+"_count", i.labels...)
		add(i.name+"_bucket", append(i.labels, "le")...)
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
	known := series(t)
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
	for _, i := range table(t) {
		if !shown[i.name] && !shown[i.name+"_bucket"] && !shown[i.name+"_count"] {
			t.Errorf("%s is not on the dashboard", i.name)
		}
	}
}

// Every alert is of instruments that there are, says whom it wakes, has a test, and stands in
// the runbook, which has no other.
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
	known := runbook(t)
	count := 0
	for _, group := range alerts.Groups {
		for _, rule := range group.Rules {
			count++
			check(t, rule.Alert, rule.Expr)
			for _, part := range []string{"*Means*", "*Do*"} {
				if !strings.Contains(known[rule.Alert], part) {
					t.Errorf("%s: docs/runbook.md has no %s of it", rule.Alert, part)
				}
			}
			delete(known, rule.Alert)
			if s := rule.Labels["severity"]; s != "page" && s != "ticket" || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s: got severity %q and annotations %v", rule.Alert, s, rule.Annotations)
			}
			if n := strings.Count(string(tests), "alertname: "+rule.Alert+"\n") + strings.Count(string(tests), "alertname: "+rule.Alert+"}"); n < 2 {
				t.Errorf("%s: %d tests, want one in which it fires and one in which it does not", rule.Alert, n)
			}
		}
	}
	for name := range known {
		t.Errorf("docs/runbook.md has %s, which is no alert", name)
	}
	if count == 0 {
		t.Error("no alerts: the test shows nothing")
	}
}

// runbook is what stands in the runbook under the name of each alert.
func runbook(t *testing.T) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../docs/runbook.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(page), "\n### ")[1:] {
		name, text, _ := strings.Cut(section, "\n")
		text, _, _ = strings.Cut(text, "\n## ")
		sections[name] = text
	}
	return sections
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
