package limits

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

var (
	// ErrTooMany says that too many calls are under way.
	ErrTooMany = errors.New("too many calls are under way")

	// ErrTooFast is wrapped by every [TooFastError].
	ErrTooFast = errors.New("calls come too fast")
)

// TooFastError says that calls come faster than they may.
type TooFastError struct {
	// Of is whose calls they are.
	Of string
	// PerSecond is how many may begin in a second.
	PerSecond int
	// Wait is until one may begin.
	Wait time.Duration
	// Flood says that they come at twice that rate or more.
	Flood bool
}

func (e *TooFastError) Error() string {
	return fmt.Sprintf("%v: %s may begin %d a second; try again in %v", ErrTooFast, e.Of, e.PerSecond, e.Wait.Round(time.Millisecond))
}

func (e *TooFastError) Unwrap() error { return ErrTooFast }

// Calls bounds the calls under some key, of each key by itself. Its methods may be called
// together.
type Calls struct {
	what      string // of which key, for people
	most      int
	perSecond int

	mu struct {
		sync.Mutex
		keys *table[*tally]
	}
}

// tally is what is known of a key.
type tally struct {
	underWay int
	begin    *rate.Limiter
	refuse   *rate.Limiter // how many may be refused before it is a flood
}

// NewCalls bounds calls to so many under way, and so many that begin in a second, a
// second's worth of them at once. what says for people whose they are.
func NewCalls(what string, most, perSecond int) *Calls {
	c := &Calls{what: what, most: most, perSecond: perSecond}
	c.mu.keys = newTable(
		func() *tally { return &tally{begin: c.limiter(), refuse: c.limiter()} },
		func(t *tally) bool { return t.underWay > 0 },
	)
	return c
}

// Begin counts the beginning of a call, or says that it may not begin: a *[TooFastError].
func (c *Calls) Begin(key string) error {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.mu.keys.see(key)
	if t.begin.AllowN(now, 1) {
		return nil
	}
	short := 1 - t.begin.TokensAt(now)
	return &TooFastError{
		Of: c.what, PerSecond: c.perSecond,
		Wait:  time.Duration(short / float64(c.perSecond) * float64(time.Second)),
		Flood: !t.refuse.AllowN(now, 1),
	}
}

// Enter counts a call in that has begun, and has to leave, or refuses it: [ErrTooMany].
func (c *Calls) Enter(key string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.mu.keys.see(key)
	if t.underWay >= c.most {
		return fmt.Errorf("%w: %d, which is the most of %s", ErrTooMany, t.underWay, c.what)
	}
	t.underWay++
	return nil
}

// Leave counts a call out.
func (c *Calls) Leave(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t, known := c.mu.keys.know(key)
	if !known || t.underWay == 0 {
		panic("limits: invariant: a call leaves that has entered: " + key)
	}
	t.underWay--
}

func (c *Calls) limiter() *rate.Limiter { return rate.NewLimiter(rate.Limit(c.perSecond), c.perSecond) }
