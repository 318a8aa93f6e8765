package limits

import (
	"container/list"
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

// maxKeys is how many keys are remembered that have no call under way: whoever comes, the
// memory is bounded. Those beyond it are forgotten, the longest unseen first.
const maxKeys = 10_000

// Calls bounds the calls under some key, of each key by itself. Its methods may be called
// together.
type Calls struct {
	what      string // of which key, for people
	most      int
	perSecond int

	mu struct {
		sync.Mutex
		keys map[string]*list.Element // of *tally
		seen *list.List               // of *tally, the longest unseen first
	}
}

// tally is what is known of a key.
type tally struct {
	key      string
	underWay int
	begin    *rate.Limiter
	refuse   *rate.Limiter // how many may be refused before it is a flood
}

// NewCalls bounds calls to so many under way, and so many that begin in a second, a
// second's worth of them at once. what says for people whose they are.
func NewCalls(what string, most, perSecond int) *Calls {
	c := &Calls{what: what, most: most, perSecond: perSecond}
	c.mu.keys = map[string]*list.Element{}
	c.mu.seen = list.New()
	return c
}

// Enter counts a call in, which has to leave, or says why it may not begin: [ErrTooMany] or
// a *[TooFastError].
func (c *Calls) Enter(key string) error {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	t := c.tallyLocked(key)
	if !t.begin.AllowN(now, 1) {
		short := 1 - t.begin.TokensAt(now)
		return &TooFastError{
			Of: c.what, PerSecond: c.perSecond,
			Wait:  time.Duration(short / float64(c.perSecond) * float64(time.Second)),
			Flood: !t.refuse.AllowN(now, 1),
		}
	}
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
	at := c.mu.keys[key]
	if at == nil || at.Value.(*tally).underWay == 0 {
		panic("limits: invariant: a call leaves that has entered: " + key)
	}
	at.Value.(*tally).underWay--
}

func (c *Calls) tallyLocked(key string) *tally {
	if at := c.mu.keys[key]; at != nil {
		c.mu.seen.MoveToBack(at)
		return at.Value.(*tally)
	}
	c.forgetLocked()
	t := &tally{key: key, begin: c.limiter(), refuse: c.limiter()}
	c.mu.keys[key] = c.mu.seen.PushBack(t)
	return t
}

func (c *Calls) limiter() *rate.Limiter { return rate.NewLimiter(rate.Limit(c.perSecond), c.perSecond) }

// forgetLocked makes room for another key. What has a call under way stays, and goes to the
// back, so that no look is longer than what was put there since the last one.
func (c *Calls) forgetLocked() {
	for looked := c.mu.seen.Len(); looked > 0 && c.mu.seen.Len() >= maxKeys; looked-- {
		front := c.mu.seen.Front()
		t := front.Value.(*tally)
		if t.underWay > 0 {
			c.mu.seen.MoveToBack(front)
			continue
		}
		c.mu.seen.Remove(front)
		delete(c.mu.keys, t.key)
	}
}
