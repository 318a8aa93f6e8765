package batcher

import (
	"hash/fnv"
	"time"
)

// phase shifts the windows of a destination, so that those of many destinations
// do not all end in the same second. It depends on the destination alone: the
// windows stay where they are over restarts.
func phase(destination string, window time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(destination)) // never fails
	return time.Duration(h.Sum64() % uint64(window))
}

// windowEnd is when the window that contains now ends: the next instant of the
// UTC clock that is a multiple of window, shifted by phase. Its monotonic reading
// is now's, so a clock that is set while the window is open does not move it, and
// it is at most one window away.
func windowEnd(now time.Time, window, phase time.Duration) time.Time {
	since := time.Duration((now.UnixNano() - int64(phase)) % int64(window))
	if since < 0 { // a clock before 1970
		since += window
	}
	return now.Add(window - since)
}

// timers is a heap of destinations by the time of their next timer. Every
// destination is in it at most once.
type timers []*destination

// Len, Less, Swap, Push and Pop are container/heap's.
func (t timers) Len() int           { return len(t) }
func (t timers) Less(i, j int) bool { return t[i].timer.Before(t[j].timer) }
func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].heapIndex, t[j].heapIndex = i, j
}
func (t *timers) Push(x any) {
	d := x.(*destination)
	d.heapIndex = len(*t)
	*t = append(*t, d)
}
func (t *timers) Pop() any {
	old := *t
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	d.heapIndex = -1
	return d
}
