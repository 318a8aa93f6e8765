package auth

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/open-destinations/destinations/server/limits"
)

// What failures cost: each of a host twice as long as the one before, until it has had
// none for a while. Hosts beyond the bound are forgotten, oldest first, and of those
// who wait only so many are kept waiting: whatever strangers do, the service's
// memory is bounded, also by what each of them has sent ahead, up to a stream's window. Who
// succeeds never waits.
const (
	firstDelay   = 100 * time.Millisecond
	longestDelay = 5 * time.Second
	forgetAfter  = time.Minute
	maxHosts     = 10_000
	maxDelayed   = 256
)

// Delays makes those wait whose credentials fail, or what else they show. Its methods may be
// called together.
type Delays struct {
	mu struct {
		sync.Mutex
		hosts   map[string]*list.Element // of *failures
		oldest  *list.List
		waiting int
	}
}

// failures are those of a host.
type failures struct {
	host string
	next time.Duration // what the next one costs
	last time.Time
}

// NewDelays returns what has seen no failure yet.
func NewDelays() *Delays {
	d := &Delays{}
	d.mu.hosts = map[string]*list.Element{}
	d.mu.oldest = list.New()
	return d
}

// Fail counts a failure of the host of an address, and waits for what it costs, or
// until ctx ends.
func (d *Delays) Fail(ctx context.Context, address string) {
	delay, wait := d.count(limits.Host(address), time.Now())
	if !wait {
		return
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mu.waiting--
}

func (d *Delays) count(host string, now time.Time) (delay time.Duration, wait bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.mu.hosts[host]
	if at == nil {
		at = d.mu.oldest.PushBack(&failures{host: host})
		d.mu.hosts[host] = at
		if d.mu.oldest.Len() > maxHosts {
			delete(d.mu.hosts, d.mu.oldest.Remove(d.mu.oldest.Front()).(*failures).host)
		}
	}
	d.mu.oldest.MoveToBack(at)
	of := at.Value.(*failures)
	if now.Sub(of.last) >= forgetAfter {
		of.next = firstDelay
	}
	of.last = now
	delay = of.next
	of.next = min(2*of.next, longestDelay)
	if d.mu.waiting >= maxDelayed {
		return 0, false
	}
	d.mu.waiting++
	return delay, true
}
