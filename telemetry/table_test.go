package telemetry_test

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/telemetry"
)

var update = flag.Bool("update", false, "write the table of docs/telemetry.md anew")

// TestInstrumentsAreDocumented holds the page against the one table. The test of
// deploy/observability reads it there.
func TestInstrumentsAreDocumented(t *testing.T) {
	const page = "../docs/telemetry.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), "-update` -->\n")
	_, after, ok2 := strings.Cut(rest, "<!-- end of table -->")
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + "-update` -->\n" + tableText() + "<!-- end of table -->" + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s is not the table of instruments any more; -update writes it", page)
	}
}

// tableText is the table as it stands in the docs.
func tableText() string {
	var b strings.Builder
	b.WriteString("\n| Instrument | For Prometheus | Kind, unit | Attributes | Meaning |\n|---|---|---|---|---|\n")
	for _, i := range telemetry.Table() {
		var kinds []string
		for _, a := range i.Attributes {
			kinds = append(kinds, fmt.Sprintf("`%s` (%s)", a.Key, a.Values))
		}
		meaning := i.Meaning
		if i.Bounds != nil {
			meaning += ". Buckets up to " + boundsText(i.Bounds)
		}
		fmt.Fprintf(&b, "| `%s` | `%s` | %s, %s | %s | %s |\n", i.Name, i.Prometheus(), i.Kind, i.Unit, strings.Join(kinds, ", "), meaning)
	}
	return b.String() + "\n"
}

func boundsText(bounds []float64) string {
	var all []string
	for _, bound := range bounds {
		all = append(all, strconv.FormatFloat(bound, 'f', -1, 64))
	}
	return strings.Join(all, " ")
}

func TestNamesFollowOneRule(t *testing.T) {
	seen := map[string]bool{}
	for _, i := range telemetry.Table() {
		if !strings.HasPrefix(i.Name, "destinations.") || seen[i.Name] || i.Meaning == "" || i.Unit == "" {
			t.Errorf("%+v: its name is taken or not below destinations., or it has no unit or meaning", i)
		}
		seen[i.Name] = true
		if (i.Kind == telemetry.Histogram) != (len(i.Bounds) > 0) {
			t.Errorf("%s: a histogram has buckets, and nothing else has", i.Name)
		}
		for _, a := range i.Attributes {
			for _, unbounded := range []string{"bucket", "prefix", "key", "sender_id", "tenant"} {
				if strings.HasSuffix(a.Key, "."+unbounded) {
					t.Errorf("%s: nobody bounds the values of %s", i.Name, a.Key)
				}
			}
		}
	}
}
