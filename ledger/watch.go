package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// watcherRows is how many rows may wait for a watcher.
const watcherRows = 1000

// watchAtOnce is how many changes are read for a watcher that goes on from a cursor before
// they are given to him.
const watchAtOnce = 500

// ErrTooSlow says that a watcher did not keep up. He may go on with his last cursor.
var ErrTooSlow = errors.New("more has happened than waits for a watcher that does not read")

// watchers are those who are told of changes as they are written.
type watchers struct {
	mu sync.Mutex // guards all that follows

	all    map[*watcher]struct{}
	last   int64 // change up to which all was told
	closed bool
}

// watcher is one of them.
type watcher struct {
	filter *Filter
	rows   chan *Row // closed when no more come
	cutOff func()
	err    error // why rows was closed; set before
}

// begin says where the changes of a database begin, and ends who watched another one.
func (w *watchers) begin(last int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = last
	for one := range w.all {
		w.endLocked(one, fmt.Errorf("%w: its database was set aside", ErrFailed))
	}
}

// close ends all of them, and those that come.
func (w *watchers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	for one := range w.all {
		w.endLocked(one, errClosed)
	}
}

// errClosed says that the ledger was closed.
var errClosed = fmt.Errorf("%w: it is closed", ErrFailed)

func (w *watchers) endLocked(one *watcher, err error) {
	delete(w.all, one)
	one.err = err
	close(one.rows)
}

// publish tells of changes. Who has no room for one is cut off: nobody is waited for. It
// returns how many were.
func (w *watchers) publish(rows []*Row, last int64) (cutOff int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last = last
	for one := range w.all {
		if !one.takes(rows) {
			w.endLocked(one, ErrTooSlow)
			one.cutOff()
			cutOff++
		}
	}
	return cutOff
}

// takes gives rows to a watcher, unless he has no room.
func (w *watcher) takes(rows []*Row) bool {
	for _, r := range rows {
		if r.change == 0 || !w.filter.admits(r) {
			continue
		}
		select {
		case w.rows <- r:
		default:
			return false
		}
	}
	return true
}

// join adds a watcher who knows everything up to a change; it does not if there is more, and
// returns up to where.
func (w *watchers) join(one *watcher, knows int64) (joined bool, last int64, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false, 0, errClosed
	}
	if knows < w.last {
		return false, w.last, nil
	}
	if w.all == nil {
		w.all = map[*watcher]struct{}{}
	}
	w.all[one] = struct{}{}
	return true, w.last, nil
}

func (w *watchers) leave(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, in := w.all[one]; in {
		w.endLocked(one, nil)
	}
}

// WatchParams say what somebody watches.
type WatchParams struct {
	Filter Filter
	Cursor string // where to go on; "" = from now on
	// Give takes a row, and where to go on behind it; nil at the beginning if there is no Cursor.
	// It may wait for long. An error ends the watching.
	Give func(r *Row, cursor string) error
	// CutOff is called, once at most and while Give may be waiting, when more has happened than there
	// is room for.
	CutOff func()
}

// Watch gives every change of a batch as it is written, from a cursor on, until ctx ends. The error
// is ctx's, that of Give, [ErrTooSlow], or wraps [ErrCursorInvalid] or [ErrFailed].
func (l *Ledger) Watch(ctx context.Context, p WatchParams) error {
	at, err := l.watchFrom(ctx, &p)
	if err != nil {
		return err
	}
	one := &watcher{filter: &p.Filter, rows: make(chan *Row, watcherRows), cutOff: p.CutOff}
	for {
		joined, last, err := l.watchers.join(one, at.change)
		if err != nil {
			return err
		}
		if joined {
			break
		}
		if err := l.replay(ctx, &p, &at, last); err != nil {
			return err
		}
	}
	defer l.watchers.leave(one)
	for {
		select {
		case r, ok := <-one.rows:
			if !ok {
				return one.err
			}
			at.change = r.change
			if err := p.Give(r, at.encode()); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watchFrom is where a watcher begins, of which one who has no cursor is told.
func (l *Ledger) watchFrom(ctx context.Context, p *WatchParams) (at cursor, err error) {
	err = l.using(ctx, "find a cursor", func(s *store) error {
		if p.Cursor == "" {
			l.watchers.mu.Lock()
			at = cursor{ledger: s.id, filter: p.Filter.sum(), change: l.watchers.last}
			l.watchers.mu.Unlock()
			return nil
		}
		if at, err = s.decodeCursor(p.Cursor, &p.Filter); err != nil {
			return err
		}
		var forgotten int64
		if err := s.read.QueryRowContext(ctx, "SELECT forgotten FROM meta").Scan(&forgotten); err != nil {
			return err
		}
		if at.change < forgotten {
			return fmt.Errorf("%w: what has happened since is not kept any more", ErrCursorInvalid)
		}
		return nil
	})
	if err != nil || p.Cursor != "" {
		return at, err
	}
	return at, p.Give(nil, at.encode())
}

// replay gives the changes behind at, up to one.
func (l *Ledger) replay(ctx context.Context, p *WatchParams, at *cursor, upTo int64) error {
	for at.change < upTo {
		var rows []*Row
		reached := upTo
		err := l.using(ctx, "read changes", func(s *store) error {
			if s.id != at.ledger {
				return ErrCursorInvalid
			}
			n := 0
			return s.rows(ctx, func(r *Row) bool {
				if n++; n > watchAtOnce {
					return false
				}
				if n == watchAtOnce {
					reached = r.change
				}
				if p.Filter.admits(r) {
					rows = append(rows, r)
				}
				return true
			}, "JOIN destinations d USING (destination) WHERE b.change > ? AND b.change <= ? ORDER BY b.change", at.change, upTo)
		})
		if err != nil {
			return err
		}
		for _, r := range rows {
			at.change = r.change
			if err := p.Give(r, at.encode()); err != nil {
				return err
			}
		}
		at.change = reached
	}
	return nil
}
