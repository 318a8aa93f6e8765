package ledger

import (
	"context"
	"errors"
	"math"
	"time"
)

// record is the recorder's goroutine.
func (l *Ledger) record(ctx context.Context) {
	tend := time.NewTicker(tendEvery)
	defer tend.Stop()
	again := true // more is to be read at once
	for ctx.Err() == nil {
		if !again {
			l.begins(false)
			select {
			case <-l.wake:
			case <-l.kick:
			case <-tend.C:
				l.tend(ctx)
			case <-l.tendNow:
				l.tend(ctx)
			case <-ctx.Done():
				return
			}
		}
		var err error
		l.begins(true)
		if again, err = l.step(ctx); err != nil && ctx.Err() == nil {
			l.failed(err)
			l.begins(false)
			again = pause(ctx, recordRetry, nil)
			continue
		}
		if !again {
			l.begins(false)
			pause(ctx, askedPause, nil)
			pause(ctx, recordPause-askedPause, l.kick)
		}
	}
}

// pause waits for d, or until there is something in asked.
func pause(ctx context.Context, d time.Duration, asked <-chan struct{}) (whole bool) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-asked:
		return false
	case <-ctx.Done():
		return false
	}
}

// step reads what there is and writes it. It reports whether there is more.
func (l *Ledger) step(ctx context.Context) (more bool, err error) {
	if l.store == nil {
		return false, l.exchange()
	}
	if l.suspect.Swap(false) || !l.store.unmoved() {
		return true, l.exchange()
	}
	find := func(id []byte) (*Row, error) { return l.store.open(ctx, id) }
	for _, f := range l.followers {
		again, err := f.read(l.pending, find)
		switch {
		case errors.Is(err, errLeftBehind):
			l.log.Error("the ledger has missed a part of the journal; it goes on where that begins", "partition", f.partition)
			again = true
		case errors.Is(err, errNotFollowed):
			l.log.Error("partition is not followed by the ledger any more", "partition", f.partition, "error", err)
		case isDamage(err):
			return true, errors.Join(err, l.exchange())
		case err != nil:
			return false, err
		}
		if f.closed { // nobody needs it any more
			l.passed[f.partition].Store(math.MaxUint64)
		}
		more = more || again
	}
	if l.pending.empty() {
		l.wrote(nil)
		return more, nil
	}
	if err := l.store.apply(ctx, l.pending, l.params.DigestOf); err != nil {
		if isDamage(err) {
			return true, errors.Join(err, l.exchange())
		}
		return false, err
	}
	written := l.pending
	l.pending = newChanges()
	l.wrote(written)
	return more, nil
}

// exchange sets a database that can't be used aside, and begins another one.
func (l *Ledger) exchange() error {
	l.use.Lock()
	defer l.use.Unlock()
	if l.store != nil {
		_ = l.store.close() // it is not used any more, whatever this says
		l.store = nil
		for _, f := range l.followers {
			f.close()
		}
		to, err := setAside(l.path)
		l.counts.setAside.Add(1)
		l.log.Error("the ledger's database was set aside, and another one is begun", "file", l.path, "to", to, "error", err)
		if err != nil {
			return err
		}
	}
	err := l.openAnyhow()
	if err == nil {
		l.watchers.begin(l.store.change)
	}
	return err
}

// wrote tells everybody what was written.
func (l *Ledger) wrote(c *changes) {
	if c != nil {
		for partition, at := range c.partitions {
			l.passed[partition].Store(at.next)
		}
		l.counts.rows.Add(uint64(len(c.rows)))
		l.counts.cutOff.Add(uint64(l.watchers.publish(c.rows, l.store.change)))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if failing := l.failingLocked(); !failing.IsZero() {
		l.log.Info("the ledger can be written again", "failed_for_s", time.Since(failing).Seconds())
	}
	l.mu.failing, l.mu.full, l.mu.behind = time.Time{}, false, false
	close(l.mu.changed)
	l.mu.changed = make(chan struct{})
}

// failed takes note that the database could not be written.
func (l *Ledger) failed(err error) {
	l.counts.failures.Add(1)
	full := isFull(err, l.path) // it writes to the disk: shards, which ask Passed, must not wait for that
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mu.failing.IsZero() {
		l.mu.failing = time.Now()
		l.log.Error("the ledger can't be written; it is tried again", "file", l.path, "error", err)
	}
	l.mu.full = full
	close(l.mu.changed)
	l.mu.changed = make(chan struct{})
}
