package conformance_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/open-destinations/destinations/e2e/driver"
)

// scenario is a file of clients/conformance.
type scenario struct {
	name string // of the file

	About     string         // what it shows
	Languages []string       // names or folders; none = all
	Needs     string         // capability of the driver
	Service   []string       // arguments of a service of its own; none = the language's service
	Grants    string         // of a service of its own, whose ways in are encrypted; see entrance
	Second    bool           // there is another service, "second"
	Options   map[string]any // of each client, beside what it is opened with
	Ordered   bool           // lines of a destination are in the order of the calls
	Traces    []string       // traceparent and tracestate, with a space between, of each event that the service has with a trace context
	Steps     []step
}

// step is a command of the driver, or something that the runner does.
type step struct {
	Op        string         // of the driver; see its protocol. `destinations` may be their number
	Do        []string       // of the runner; see world.do
	Fields    map[string]any `yaml:",inline"` // of the command
	Again     bool           // its events were sent before, and are left out
	Meanwhile []fault        // while the command is under way
	Expect    expect         // of the answer
}

// fault is what the runner does while a driver is at work. It must come to its end before
// the command does, at least once, or the scenario has shown nothing.
type fault struct {
	After time.Duration // from the beginning of the command
	Do    []string      // one after the other
	Gap   time.Duration // between them
	Every bool          // again and again, with Gap in between
}

// expect is what an answer must say. What is not there is not looked at.
type expect struct {
	Error    string         // kind of the error; "" = ok
	Reason   string         // part of the reason
	Accepted *int           // events
	Least    int            // accepted events
	Failed   *int           // events
	Errors   map[string]int // exactly
	Kinds    []string       // of errors that there are, and no other
	Pending  *int
	Left     *int  // events
	Buffered int64 // most bytes that were ever in the buffer
	Streams  int   // open, at least
	Again    int   // reconnects, at least
	Results  []result
	States   map[string]int
	Any      []string // states of which each receipt has one
	Receipts int      // delivered
	Objects  bool     // the objects named are those in the buckets
	Child    *int     // accepted
	NoLeaks  bool     `yaml:"no_leaks"`
}

// result is what must become of one event.
type result struct {
	Code, Field, Reason string // of a rejection; Reason a part of it
	Kind                string // of another error
	Line                string // that arrives; "" = the text or the JSON that was sent
}

// scenarios reads all files, or those whose names have a part.
func scenarios(t *testing.T, root, part string) []*scenario {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "clients", "conformance", "*.yaml"))
	must(t, err)
	var all []*scenario
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		if !strings.Contains(name, part) {
			continue
		}
		text, err := os.ReadFile(f)
		must(t, err)
		s := &scenario{name: name}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(s); err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		if s.About == "" || len(s.Steps) == 0 {
			t.Fatalf("%s: says nothing", f)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		t.Fatalf("there is no scenario with %q in its name", part)
	}
	return all
}

// isFor says whether a scenario is played in a language with such a driver.
func (s *scenario) isFor(l driver.Language, d *driver.Driver) bool {
	if s.Needs != "" && !d.Capabilities[s.Needs] {
		return false
	}
	for _, name := range s.Languages {
		if name == l.Folder || name == l.String() {
			return true
		}
	}
	return len(s.Languages) == 0
}

// command makes a driver's command of a step. base is what all prefixes begin with.
func (st *step) command(p *play) driver.Command {
	c := driver.Command{"op": st.Op}
	for field, value := range st.Fields {
		switch field {
		case "destinations":
			c[field] = p.destinations(value)
		case "events":
			c[field] = p.events(value.([]any))
		case "options":
			c[field] = value
		case "name":
			c[field] = p.base() + fmt.Sprint(value)
		case "client":
			c[field] = p.clientName(value)
		default:
			c[field] = value
		}
	}
	switch st.Op {
	case "open", "churn":
		c["options"] = p.options(c["options"])
	case "set_target":
		c["target"] = p.target(c["target"])
	}
	if c["client"] == nil && st.Op != "churn" {
		c["client"] = p.clientName("a")
	}
	if (st.Op == "loop" || st.Op == "churn" || st.Op == "fork") && c["name"] == nil {
		c["name"] = fmt.Sprint(p.base(), c["client"])
	}
	return c
}
