package tcpproxy

import (
	"sync"
	"time"
)

// direction is where bytes go.
type direction int

const (
	toTarget direction = iota
	toClient
)

// valve is what bytes pass.
type valve struct {
	mu struct {
		sync.Mutex
		changed chan struct{} // closed, and made anew, when the valve is turned
		shut    bool
		rate    int          // bytes a second in each direction; 0 = any number
		free    [2]time.Time // when the next bytes of a direction may pass
	}
}

func (v *valve) init() { v.mu.changed = make(chan struct{}) }

// open lets bytes through, at most rate a second in each direction; 0 = any number.
func (v *valve) open(rate int) { v.turn(false, rate) }

// shut lets none through.
func (v *valve) shut() { v.turn(true, 0) }

func (v *valve) turn(shut bool, rate int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.mu.shut, v.mu.rate, v.mu.free = shut, rate, [2]time.Time{}
	close(v.mu.changed)
	v.mu.changed = make(chan struct{})
}

// pass returns when n bytes may pass; false if ended is closed first.
func (v *valve) pass(way direction, n int, ended <-chan struct{}) bool {
	for {
		at, ok, changed := v.reserve(way, n)
		if ok && at.IsZero() {
			return true
		}
		var due <-chan time.Time
		if ok {
			timer := time.NewTimer(time.Until(at))
			defer timer.Stop()
			due = timer.C
		}
		select {
		case <-ended:
			return false
		case <-due:
			return true
		case <-changed: // what was reserved counts no more
		}
	}
}

// reserve takes n bytes of a direction's rate and says from when on they may pass,
// zero being at once; not ok if the valve is shut. What it says holds until changed is
// closed.
func (v *valve) reserve(way direction, n int) (at time.Time, ok bool, changed <-chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.mu.shut {
		return time.Time{}, false, v.mu.changed
	}
	if v.mu.rate == 0 || n == 0 {
		return time.Time{}, true, v.mu.changed
	}
	if now := time.Now(); v.mu.free[way].Before(now) {
		v.mu.free[way] = now
	}
	v.mu.free[way] = v.mu.free[way].Add(time.Duration(n) * time.Second / time.Duration(v.mu.rate))
	return v.mu.free[way], true, v.mu.changed
}
