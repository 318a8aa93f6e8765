package ownership

import (
	"fmt"
	"testing"
	"time"
)

// A tenant that sends to more places than it may have has not all of them looked through for
// each event: that costs everybody.
func TestFullAttemptsAreLookedThroughOnceInAWhile(t *testing.T) {
	a := newAttempts()
	begun := time.Now()
	asks := func(after time.Duration) bool {
		_, known := a.ask(Place{"acme", "logs", fmt.Sprint(after, "/")}, begun.Add(after))
		return known
	}
	for i := range maxPlacesTenant {
		p := Place{"acme", "logs", fmt.Sprint(i, "/")}
		a.ask(p, begun)
		a.wrote(p, nil, begun)
		if len(a.queue) > 0 {
			a.done(<-a.queue)
		}
	}
	for _, c := range []struct {
		after time.Duration
		known bool
	}{
		{0, false}, {forgetAfter - sweepEvery/2, false}, // looked through, and none is forgotten
		{forgetAfter, false}, // all are, but that was looked for just now
		{forgetAfter + sweepEvery/2, true},
	} {
		if got := asks(c.after); got != c.known {
			t.Errorf("after %v: got room: %v, want %v", c.after, got, c.known)
		}
	}
}
