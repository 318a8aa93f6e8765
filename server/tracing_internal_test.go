package server

import (
	"context"
	"encoding/hex"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"
)

const (
	unsampledTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	callTraceparent      = "00-11111111111111111111111111111111-2222222222222222-01"
)

// callOf is the context of a call with that traceparent; "" = none.
func callOf(parents ...string) context.Context {
	md := metadata.MD{"tracestate": {"of=the-call"}}
	md.Append("traceparent", parents...)
	return metadata.NewIncomingContext(context.Background(), md)
}

func TestWhereTraceContextsAreFrom(t *testing.T) {
	unsampledCall := strings.TrimSuffix(callTraceparent, "1") + "0"
	for _, test := range []struct {
		name, event string
		call        []string
		ratio       float64
		want        string // trace id, or how it begins
		state       string
		sampled     bool
		counted     Contexts
	}{
		{"its own", goodTraceparent, []string{callTraceparent}, 1, "0af7", "its=own", true, Contexts{Event: 1}},
		{"its own, not sampled", unsampledTraceparent, []string{callTraceparent}, 1, "0af7", "its=own", false, Contexts{Event: 1}},
		{"the call's", "", []string{callTraceparent}, 1, "1111", "of=the-call", true, Contexts{Call: 1}},
		{"the call's, not sampled", "", []string{unsampledCall}, 1, "", "", false, Contexts{None: 1}},
		{"one that begins here", "", nil, 1, "root", "", true, Contexts{Root: 1}},
		{"none", "", nil, 0, "", "", false, Contexts{None: 1}},
		{"not valid, so the call's", "what", []string{callTraceparent}, 0, "1111", "of=the-call", true, Contexts{Invalid: 1}},
		{"not valid, so one that begins here", "what", nil, 1, "root", "", true, Contexts{Invalid: 1}},
		{"not valid, so none", "what", []string{"what"}, 0, "", "", false, Contexts{Invalid: 1}},
		{"a call with two", "", []string{callTraceparent, callTraceparent}, 0, "", "", false, Contexts{None: 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			tr := newTracing(callOf(test.call...), test.ratio)
			e := &recordEvent{}
			tr.decide(e, &event{traceparent: []byte(test.event), tracestate: []byte("its=own")})
			context := hex.EncodeToString(e.context())
			root := len(context) == 50 && context[32:48] == strings.Repeat("0", 16) && context[:32] != strings.Repeat("0", 32)
			switch {
			case test.want == "root" && !root, test.want != "root" && !strings.HasPrefix(context, test.want), test.want == "" && context != "":
				t.Errorf("got the context %q, want %s", context, test.want)
			case string(e.tracestate) != test.state && test.want != "", e.sampled() != test.sampled:
				t.Errorf("got state %q, sampled %v; want %q, %v", e.tracestate, e.sampled(), test.state, test.sampled)
			}
			if got := tr.take(); got != test.counted || tr.take() != (Contexts{}) {
				t.Errorf("counted %+v, want %+v", got, test.counted)
			}
		})
	}
}

func TestTraceRatioIsKept(t *testing.T) {
	const events = 200_000
	tr := newTracing(context.Background(), 0.01)
	for range events {
		tr.decide(&recordEvent{}, &event{})
	}
	if c := tr.take(); c.Root < events/200 || c.Root > events/50 || c.Root+c.None != events {
		t.Errorf("got %+v of %d, want about a hundredth", c, events)
	}
}

func TestUntracedEventsAllocateNothing(t *testing.T) {
	tr := newTracing(callOf(), 1e-12)
	r := &request{}
	e, in, unsampled := &recordEvent{}, &event{}, &event{traceparent: []byte(unsampledTraceparent)}
	if n := testing.AllocsPerRun(1000, func() {
		*e = recordEvent{}
		tr.decide(e, in)
		r.sample(e, 100)
		tr.decide(e, unsampled)
		r.sample(e, 100)
	}); n != 0 || len(r.traced) != 0 {
		t.Errorf("got %v allocations and %d traced, want none", n, len(r.traced))
	}
}
