package tcpproxy

import (
	"context"
	"math/rand/v2"
	"time"
)

// CutSometimes cuts all connections at random moments, on average once in every, and
// returns when ctx ends. The moments depend on random alone.
func (p *Proxy) CutSometimes(ctx context.Context, random *rand.Rand, every time.Duration) {
	for {
		timer := time.NewTimer(time.Duration(random.ExpFloat64() * float64(every)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			p.Cut()
		}
	}
}
