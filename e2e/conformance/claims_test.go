package conformance_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/e2e/driver"
	"github.com/open-destinations/destinations/e2e/harness"
)

// claims are what a driver says became of its events, for the buckets to prove.
type claims struct {
	base  string
	loops map[string]*loop // by their names
	lines []claimed

	// Of all loops together.
	sent, accepted, refused int // the others may have been accepted or not
	objects                 []driver.Object
}

// loop is events that are numbered.
type loop struct {
	destinations []harness.Destination
	arrived      map[int]int // how often
	first, last  int         // numbers that were sent
	next         map[harness.Destination]int
}

// claimed is an event that was sent by itself.
type claimed struct {
	to      harness.Destination
	ok      bool
	text    string // exactly
	json    any    // or a value that it is of
	arrived int
}

func newClaims(base string) *claims { return &claims{base: base, loops: map[string]*loop{}} }

func (c *claims) String() string {
	return fmt.Sprintf("%d events of loops: %d accepted, %d refused; %d others", c.sent, c.accepted, c.refused, len(c.lines))
}

// note takes note of what a command has sent and of what was answered.
func (c *claims) note(st *step, command driver.Command, a *driver.Answer) error {
	number := func(field string) int { n, _ := command[field].(int); return n }
	switch st.Op {
	case "loop", "churn":
		if !st.Again {
			c.add(command, fmt.Sprint(command["name"]), number("first"), number("count"))
			c.count(&driver.Counts{Accepted: a.Accepted, Failed: a.Failed, Errors: a.Errors})
		}
	case "results":
		c.count(&driver.Counts{Accepted: a.Accepted, Failed: a.Failed, Errors: a.Errors})
	case "fork":
		c.add(command, fmt.Sprint(command["name"]), 0, 2*number("count"))
		c.add(command, fmt.Sprint(command["name"])+"-child", 0, number("count"))
		c.count(a.Parent)
		c.count(a.Child)
	case "send":
		return c.noteLines(st, command, a)
	case "delivered":
		c.objects = append(c.objects, a.Objects...)
	}
	return nil
}

// add notes a loop.
func (c *claims) add(command driver.Command, name string, first, count int) {
	l := c.loops[name]
	if l == nil {
		l = &loop{first: first, arrived: map[int]int{}, next: map[harness.Destination]int{}}
		for _, d := range command["destinations"].([]map[string]any) {
			l.destinations = append(l.destinations, harness.Destination{Bucket: fmt.Sprint(d["bucket"]), Prefix: complete(fmt.Sprint(d["prefix"]))})
		}
		c.loops[name] = l
	}
	l.first, l.last = min(l.first, first), max(l.last, first+count-1)
	c.sent += count
}

// complete is a prefix as it is used.
func complete(prefix string) string {
	if prefix == "" || strings.HasSuffix(prefix, "/") {
		return prefix
	}
	return prefix + "/"
}

// count adds up what is known.
func (c *claims) count(n *driver.Counts) {
	if n == nil {
		return
	}
	c.accepted += n.Accepted
	for kind, events := range n.Errors {
		if kind != "unanswered" && !strings.HasPrefix(kind, "client_failed") {
			c.refused += events
		}
	}
}

// noteLines notes the events of `send`.
func (c *claims) noteLines(st *step, command driver.Command, a *driver.Answer) error {
	for i, e := range command["events"].([]map[string]any) {
		prefix, _ := e["prefix"].(string)
		one := claimed{ok: a.Results[i].OK, to: harness.Destination{Bucket: fmt.Sprint(e["bucket"]), Prefix: complete(prefix)}}
		switch {
		case i < len(st.Expect.Results) && st.Expect.Results[i].Line != "":
			one.text = st.Expect.Results[i].Line
		case e["text"] != nil:
			one.text = fmt.Sprint(e["text"])
		case e["base64"] != nil:
			b, err := base64.StdEncoding.DecodeString(fmt.Sprint(e["base64"]))
			if err != nil {
				return err
			}
			one.text = string(b)
		default:
			text, err := json.Marshal(e["json"])
			if err != nil {
				return err
			}
			if err := json.Unmarshal(text, &one.json); err != nil {
				return err
			}
		}
		if one.ok && (a.Results[i].Bucket != one.to.Bucket || a.Results[i].Prefix != one.to.Prefix) {
			return fmt.Errorf("event %d: the receipt says %q, %q; want %v", i, a.Results[i].Bucket, a.Results[i].Prefix, one.to)
		}
		if !st.Again {
			c.lines = append(c.lines, one)
		}
	}
	return nil
}

// check reads everything back and holds it against the claims.
func (p *play) check(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var objects []harness.Object
	for _, w := range p.worlds {
		must(t, w.drain(ctx, p.base()))
		lines, more, err := w.read(ctx, p.base())
		must(t, err)
		objects = append(objects, more...)
		for _, l := range lines {
			if err := p.claims.arrive(l, p.Ordered); err != nil {
				t.Errorf("%v: %v", l.to, err)
			}
		}
	}
	must(t, p.claims.verdict())
	if p.Traces != nil {
		got, err := traces(p.worlds[0].DataDir(), p.base())
		must(t, err)
		if slices.Sort(got); !slices.Equal(got, p.Traces) {
			t.Errorf("trace contexts: got %q, want %q", got, p.Traces)
		}
	}
	for _, o := range p.claims.objects {
		if !slices.ContainsFunc(objects, func(other harness.Object) bool { return other.Bucket == o.Bucket && other.Key == o.Key }) {
			t.Errorf("a receipt names %v, which is not there", o)
		}
	}
}

// arrive notes a line.
func (c *claims) arrive(l line, ordered bool) error {
	var numbered struct {
		C *string
		N *int
	}
	if json.Unmarshal([]byte(l.text), &numbered) == nil && numbered.C != nil && numbered.N != nil && c.loops[*numbered.C] != nil {
		return c.loops[*numbered.C].arrive(*numbered.N, l.to, ordered)
	}
	for i := range c.lines {
		one := &c.lines[i]
		if one.to == l.to && one.arrived == 0 && one.is(l.text) {
			one.arrived++
			return nil
		}
	}
	return fmt.Errorf("got %.200q, which nobody has sent, or not so often", l.text)
}

// is says whether a line is the event's.
func (one *claimed) is(text string) bool {
	if one.json == nil {
		return text == one.text
	}
	var value any
	return json.Unmarshal([]byte(text), &value) == nil && reflect.DeepEqual(value, one.json) && !strings.ContainsAny(text, "\n\r")
}

func (l *loop) arrive(n int, at harness.Destination, ordered bool) error {
	if n < l.first || n > l.last {
		return fmt.Errorf("got event %d, which was not sent", n)
	}
	if want := l.destinations[n%len(l.destinations)]; want != at {
		return fmt.Errorf("got event %d, which is for %v", n, want)
	}
	if ordered && n < l.next[at] {
		return fmt.Errorf("got event %d behind one that was sent later", n)
	}
	l.next[at] = n
	l.arrived[n]++
	return nil
}

// verdict says what is lost, there twice, or there although it was refused.
func (c *claims) verdict() error {
	var errs []error
	arrived := 0
	for name, l := range c.loops {
		for n, times := range l.arrived {
			if times > 1 {
				errs = append(errs, fmt.Errorf("event %d of %s has arrived %d times", n, name, times))
			}
		}
		arrived += len(l.arrived)
	}
	if arrived < c.accepted || arrived > c.sent-c.refused {
		errs = append(errs, fmt.Errorf("%d events have arrived; %d were sent, %d accepted, %d refused", arrived, c.sent, c.accepted, c.refused))
	}
	for _, one := range c.lines {
		if one.ok && one.arrived == 0 {
			errs = append(errs, fmt.Errorf("%.100q for %v is lost", one.text, one.to))
		}
		if !one.ok && one.arrived > 0 {
			errs = append(errs, fmt.Errorf("%.100q for %v was refused and is there", one.text, one.to))
		}
	}
	return errors.Join(errs[:min(len(errs), 20)]...)
}
