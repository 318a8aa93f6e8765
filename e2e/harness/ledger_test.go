package harness_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/e2e/harness"
)

// bucket is a Source that holds the lines of objects by key, in a bucket "b".
type bucket map[string][]string

func (b bucket) List(_ context.Context, name, prefix string) ([]harness.Object, error) {
	var objects []harness.Object
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if strings.HasPrefix(key, prefix) {
			o, err := harness.ParseKey(name, key)
			if err != nil {
				return nil, err
			}
			o.Size = int64(len(strings.Join(b[key], "\n")))
			objects = append(objects, o)
		}
	}
	return objects, nil
}

func (b bucket) Lines(_ context.Context, o harness.Object, f func([]byte) error) error {
	for _, line := range b[o.Key] {
		if err := f([]byte(line)); err != nil {
			return err
		}
	}
	return nil
}

// key is the key of an object of prefix p that was closed at a second.
func key(second int, identifier string) string {
	return fmt.Sprintf("p/2026/01/02/03/2026-01-02-03-04-%02d-%s.gz", second, strings.Repeat(identifier, 64))
}

// The events of each case are a0, a1, a2 of stream 0 and b0 of stream 1, all for
// prefix p/, and all but a2 are acknowledged.
func TestLedgerFindsEveryFault(t *testing.T) {
	tests := []struct {
		name    string
		objects bucket
		want    string // part of the error; "" = none
	}{
		{"all in one", bucket{key(1, "a"): {"a0", "b0", "a1", "a2"}}, ""},
		{"in two, unacknowledged one missing", bucket{key(1, "a"): {"a0"}, key(2, "b"): {"a1", "b0"}}, ""},
		{"two in one second, keys in the other order", bucket{key(1, "b"): {"a0"}, key(1, "a"): {"a1", "b0"}}, ""},
		{"lost", bucket{key(1, "a"): {"a0", "b0"}}, "event 1 of stream 0 for {\"b\" \"p/\"} was acknowledged and is lost"},
		{"twice in one", bucket{key(1, "a"): {"a0", "a1", "b0", "b0"}}, "event 0 of stream 1 arrived 2 times"},
		{"twice in two", bucket{key(1, "a"): {"a0", "a1", "b0"}, key(2, "b"): {"b0"}}, "event 0 of stream 1 arrived 2 times"},
		{"unacknowledged twice", bucket{key(1, "a"): {"a0", "a1", "b0", "a2", "a2"}}, "event 2 of stream 0 arrived 2 times"},
		{"other bytes", bucket{key(1, "a"): {"a0", "a1", "b0 "}}, "line 3 is not a payload that was sent"},
		{"out of order in one", bucket{key(1, "a"): {"a1", "a0", "b0"}}, "event 0 of stream 0 behind event 1"},
		{"interleaved", bucket{key(1, "a"): {"a0", "a2", "b0"}, key(2, "b"): {"a1"}}, "reaches to event 2"},
		{"closed in the wrong order", bucket{key(2, "a"): {"a0", "b0"}, key(1, "b"): {"a1"}}, "was closed later"},
		{"wrong prefix", bucket{key(1, "a"): {"a0", "a1"}, "q/" + key(1, "b")[2:]: {"b0"}}, "an event for"},
		{"empty object", bucket{key(1, "a"): {"a0", "a1", "b0"}, key(2, "b"): {}}, "is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := harness.NewLedger()
			to := harness.Destination{Bucket: "b", Prefix: "p/"}
			a0, a1 := l.Sent(to, 0, []byte("a0")), l.Sent(to, 0, []byte("a1"))
			l.Sent(to, 0, []byte("a2"))
			l.Acked(a0, a1, l.Sent(to, 1, []byte("b0")))

			if err := l.Read(t.Context(), tt.objects, "b"); err != nil {
				t.Fatal(err)
			}
			err := l.Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want it to say %q", err, tt.want)
			}
		})
	}
}

func TestLedgerNoticesAnObjectWrittenTwice(t *testing.T) {
	l := harness.NewLedger()
	l.Acked(l.Sent(harness.Destination{Bucket: "b", Prefix: "p/"}, 0, []byte("a0")))
	for _, lines := range [][]string{{"a0"}, {"a0", "a0"}} {
		if err := l.Read(t.Context(), bucket{key(1, "a"): lines}, "b"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Check(); err == nil || !strings.Contains(err.Error(), "was written again") {
		t.Errorf("got %v, want it to say that the object was written again", err)
	}
}

func TestLedgerAwaitsWhatWasAcknowledged(t *testing.T) {
	l := harness.NewLedger()
	l.Acked(l.Sent(harness.Destination{Bucket: "b", Prefix: "p/"}, 0, []byte("a0")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Await(ctx, bucket{}, "b"); err == nil || !strings.Contains(err.Error(), "1 of 1 acknowledged events missing") {
		t.Errorf("got %v, want one event missing", err)
	}
	if err := l.Await(ctx, bucket{key(1, "a"): {"a0"}}, "b"); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}
