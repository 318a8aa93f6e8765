package auth

import (
	"math"
	"time"

	"golang.org/x/time/rate"
)

// ratePatience is how far senders may be ahead of their rate: who is further ahead is
// refused, who is not so far is only read more slowly.
const ratePatience = time.Second

// Rates are the events and bytes a second that somebody may send. nil = no limit.
type Rates struct {
	events, bytes *rate.Limiter // nil = no limit
}

func newRates(events, bytes int64) *Rates {
	if events == 0 && bytes == 0 {
		return nil
	}
	return &Rates{events: newLimiter(events), bytes: newLimiter(bytes)}
}

// newLimiter allows what a second allows at once.
func newLimiter(perSecond int64) *rate.Limiter {
	if perSecond == 0 {
		return nil
	}
	return rate.NewLimiter(rate.Limit(perSecond), int(min(perSecond, math.MaxInt32)))
}

// ahead is for how long nothing may be sent.
func (r *Rates) ahead(now time.Time) time.Duration {
	if r == nil {
		return 0
	}
	return max(aheadOf(r.events, now), aheadOf(r.bytes, now))
}

func aheadOf(l *rate.Limiter, now time.Time) time.Duration {
	if l == nil {
		return 0
	}
	if tokens := l.TokensAt(now); tokens < 0 {
		return time.Duration(-tokens / float64(l.Limit()) * float64(time.Second))
	}
	return 0
}

func (r *Rates) take(now time.Time, events, bytes int) {
	if r != nil {
		takeOf(r.events, now, events)
		takeOf(r.bytes, now, bytes)
	}
}

// takeOf takes n, also if that is more than a second allows.
func takeOf(l *rate.Limiter, now time.Time, n int) {
	if l == nil {
		return
	}
	for burst := l.Burst(); n > 0; n -= burst {
		l.ReserveN(now, min(n, burst))
	}
}

// takeAll takes a request of so many events and bytes out of all the rates, unless
// one of them is too far ahead. It returns whether it has, and for how long nothing
// more is to be sent.
func takeAll(now time.Time, events, bytes int, rates ...*Rates) (taken bool, wait time.Duration) {
	for _, r := range rates {
		wait = max(wait, r.ahead(now))
	}
	if wait > ratePatience {
		return false, wait
	}
	for _, r := range rates {
		r.take(now, events, bytes)
		wait = max(wait, r.ahead(now))
	}
	return true, wait
}
