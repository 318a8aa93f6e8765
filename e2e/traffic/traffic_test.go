package traffic_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"

	"github.com/open-destinations/destinations/e2e/harness"
	"github.com/open-destinations/destinations/e2e/traffic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// corpus is small events for three destinations.
func corpus() *traffic.Corpus {
	var to []harness.Destination
	for i := range 3 {
		to = append(to, harness.Destination{Bucket: "b", Prefix: fmt.Sprintf("p%d/", i)})
	}
	return traffic.NewCorpus(to, traffic.LeastEventBytes, 300)
}

// run lets clients of every kind send to a service until each has had so many events
// answered.
func run(t *testing.T, target string, events uint64, change func(*traffic.Params)) []*traffic.Client {
	t.Helper()
	var clients []*traffic.Client
	var running sync.WaitGroup
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	made := corpus()
	for i := range 4 {
		p := traffic.Params{
			Target: target, Number: i, Corpus: made, Seed: 1, Stream: i%2 == 0, IDs: i >= 2, RequestEvents: 3, Outstanding: 8,
		}
		if change != nil {
			change(&p)
		}
		c, err := traffic.NewClient(p)
		if err != nil {
			t.Fatal(err)
		}
		clients = append(clients, c)
		running.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	err := harness.Poll(ctx, "the clients", func() error {
		for i, c := range clients {
			if n := c.Progress(); n < events {
				return fmt.Errorf("client %d has had %d events answered", i, n)
			}
		}
		return nil
	})
	for _, c := range clients {
		c.Stop()
	}
	running.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return clients
}

// bucket is a Source that holds the lines of objects by key, in a bucket "b".
type bucket map[string][][]byte

// stored is what a service has taken, in objects of at most ten events.
func (s *service) stored() bucket {
	b := bucket{}
	for to, lines := range s.order {
		for i, some := range slices.Collect(slices.Chunk(lines, 10)) {
			b[key(to.Prefix, i)] = slices.Clone(some)
		}
	}
	return b
}

// key is the key of an object that was closed at a second.
func key(prefix string, second int) string {
	at := time.Date(2026, 1, 2, 3, 0, second, 0, time.UTC)
	return prefix + at.Format("2006/01/02/15/2006-01-02-15-04-05-") + strings.Repeat("a", 64) + ".gz"
}

func (b bucket) List(_ context.Context, name, prefix string) ([]harness.Object, error) {
	var objects []harness.Object
	for _, k := range slices.Sorted(maps.Keys(b)) {
		o, err := harness.ParseKey(name, k)
		if err != nil {
			return nil, err
		}
		objects = append(objects, o)
	}
	return objects, nil
}

func (b bucket) Lines(_ context.Context, o harness.Object, f func([]byte) error) error {
	for _, line := range b[o.Key] {
		if err := f(line); err != nil {
			return err
		}
	}
	return nil
}

func (b bucket) Appeared(o harness.Object) (time.Time, error) { return o.Time, nil }

func tally(t *testing.T, b bucket, clients []*traffic.Client) *traffic.Tally {
	t.Helper()
	tally := traffic.NewTally(traffic.TallyParams{Source: b, Buckets: []string{"b"}, Clients: clients, Order: true, Fresh: time.Hour})
	for range 2 { // nothing is read twice
		if err := tally.Read(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	return tally
}

func TestEverythingIsAnsweredInTheEnd(t *testing.T) {
	s, target := serve(t, 0.03)
	clients := run(t, target, 600, func(p *traffic.Params) { p.Forget = 0.2 })
	result := tally(t, s.stored(), clients).Result()
	if err := tally(t, s.stored(), clients).Check(); err != nil {
		t.Error(err)
	}
	if result.Lost != 0 || result.Duplicated != 0 || result.Acknowledged != result.Delivered || result.Acknowledged != uint64(len(s.taken)) {
		t.Errorf("got %+v, want all of %d delivered once", result, len(s.taken))
	}
	var again, resent uint64
	for i, c := range clients {
		stats := c.Stats()
		again, resent = again+stats.AcceptedAgain, resent+stats.Resent
		if stats.Ends[traffic.End{Code: codes.Unavailable}] == 0 || stats.Ends[traffic.End{Code: codes.ResourceExhausted, Reason: "JOURNAL_FULL", Hinted: true}] == 0 {
			t.Errorf("client %d: got ends %v, want calls that broke and calls that were refused", i, stats.Ends)
		}
		if n := uint64(len(stats.Latencies)); n*3 != c.Acknowledged() || c.Sent() != c.Acknowledged() {
			t.Errorf("client %d: %d events sent, %d acknowledged, %d latencies", i, c.Sent(), c.Acknowledged(), n)
		}
	}
	if again == 0 || again > s.dropped || s.dropped > resent {
		t.Errorf("%d events surely sent again, %d dropped, %d resent, want these to grow", again, s.dropped, resent)
	}
}

func TestRateIsKept(t *testing.T) {
	_, target := serve(t, 0)
	began := time.Now()
	clients := run(t, target, 60, func(p *traffic.Params) { p.Rate = 300 })
	took := time.Since(began)
	for i, c := range clients {
		// Not one more than had its time, and what a slow machine may have missed is
		// not looked at.
		if most := uint64(took.Seconds()*300) + 3; c.Sent() > most {
			t.Errorf("client %d: %d events sent in %v, want at most %d", i, c.Sent(), took, most)
		}
	}
}

func TestTallyFindsEveryFault(t *testing.T) {
	s, target := serve(t, 0)
	clients := run(t, target, 90, nil)
	// keys of two objects of one destination, and the lines of the first
	change := func(f func(b bucket, first, second string)) bucket {
		b := s.stored()
		f(b, key("p0/", 0), key("p0/", 1))
		return b
	}
	tests := []struct {
		name string
		in   bucket
		want string // part of the error; "" = none
	}{
		{"none", s.stored(), ""},
		{"lost", change(func(b bucket, first, _ string) { b[first] = b[first][1:] }), "LOST: 1 acknowledged"},
		{"object lost", change(func(b bucket, first, _ string) { delete(b, first) }), "LOST: 10 acknowledged"},
		{"twice in one", change(func(b bucket, first, _ string) { b[first] = append(b[first], b[first][9]) }), "DUPLICATED"},
		{"twice in two", change(func(b bucket, first, second string) { b[second] = append(b[second], b[first][3]) }), "DUPLICATED"},
		{"other bytes", change(func(b bucket, first, _ string) {
			b[first][0] = slices.Concat(b[first][0][:len(b[first][0])-3], []byte(`."}`))
		}), "CHANGED"},
		{"nobody's", change(func(b bucket, first, _ string) { b[first] = append(b[first], []byte("x")) }), "FOREIGN"},
		{"nobody's client", change(func(b bucket, first, _ string) {
			b[first] = append(b[first], bytes.Replace(b[first][0], []byte(`"id":"00`), []byte(`"id":"90`), 1))
		}), "FOREIGN"},
		{"misplaced", change(func(b bucket, first, _ string) { b[key("p1/", 50)] = [][]byte{b[first][0]}; b[first] = b[first][1:] }), "MISPLACED"},
		{"disordered in one", change(func(b bucket, first, _ string) { slices.Reverse(b[first]) }), "DISORDERED"},
		{"disordered in two", change(func(b bucket, _, _ string) {
			// All of them: the first two may be of different clients.
			n := 0
			for b[key("p0/", n)] != nil {
				n++
			}
			for i := range n / 2 {
				first, last := key("p0/", i), key("p0/", n-1-i)
				b[first], b[last] = b[last], b[first]
			}
		}), "DISORDERED"},
		{"empty", change(func(b bucket, _, _ string) { b[key("p0/", 50)] = nil }), "EMPTY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tally(t, tt.in, clients).Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestTallyTellsWhatWasLate(t *testing.T) {
	s, target := serve(t, 0)
	clients := run(t, target, 30, nil)
	b := s.stored()
	if late := tally(t, b, clients).Result().LastLate; !late.IsZero() {
		t.Errorf("got %v, want nothing late", late)
	}
	// The objects are from long ago; now one comes long after.
	later := time.Now().Add(2 * time.Hour).UTC().Truncate(time.Second)
	moved := "p0/" + later.Format("2006/01/02/15/2006-01-02-15-04-05-") + strings.Repeat("a", 64) + ".gz"
	b[moved] = b[key("p0/", 0)]
	delete(b, key("p0/", 0))
	judged := tally(t, b, clients)
	if r := judged.Result(); !r.LastLate.Equal(later) || !r.Last.Equal(later) {
		t.Errorf("got %v as the last late object and %v as the last one, want %v", r.LastLate, r.Last, later)
	}
	if most, few := judged.Freshness(1), judged.Freshness(0.1); most < time.Hour || few > time.Second {
		t.Errorf("all events are younger than %v and a tenth than %v, want 1h or more, and next to nothing", most, few)
	}
}
