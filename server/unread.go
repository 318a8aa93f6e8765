package server

import (
	"context"
	"sync"
)

// unread knows the streams that have answers. A caller who does not read his
// answers holds memory for as long as he likes. Where there is enough of it that
// is his right; where others wait for it in vain it is not.
type unread struct {
	mu struct {
		sync.Mutex
		open map[*sender]context.CancelCauseFunc // how each is told to end
	}
}

func newUnread() *unread {
	u := &unread{}
	u.mu.open = make(map[*sender]context.CancelCauseFunc)
	return u
}

// know makes a stream known until the function that it returns is called.
func (u *unread) know(out *sender, end context.CancelCauseFunc) (forget func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.mu.open[out] = end
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.mu.open, out)
	}
}

// giveUp tells every stream to end whose caller has not read for unreadPatience.
// Like at any end of a stream he has as much time again to read what there is.
func (u *unread) giveUp() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for out, end := range u.mu.open {
		if _, is := out.unreadSince(); is {
			end(errMemoryFull)
		}
	}
}
