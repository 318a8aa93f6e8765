package journal

import (
	"fmt"
	"time"
)

// start starts the committer, which close joins.
func (l *Log) start() { go l.run() }

// run is the committer: the one goroutine that writes to the log. It ends when
// the log is closed and everybody who waited has been answered.
func (l *Log) run() {
	defer close(l.stopped)
	proof := time.NewTimer(l.proofDelay)
	proof.Stop()
	var notBefore time.Time // of the next commit
	for {
		select {
		case <-l.wake:
		case <-proof.C:
			l.prove()
		}
		time.Sleep(time.Until(notBefore))
		batch, spare, closed := l.take()
		if len(batch) > 0 {
			notBefore = l.nextCommit(len(batch))
			l.commit(batch)
			proof.Reset(l.proofDelay)
		}
		if spare && l.part.j.Err() == nil {
			l.ensureSpare() // an error has broken the journal, which says so
		}
		if closed {
			proof.Stop()
			l.finish()
			return
		}
	}
}

// nextCommit returns when the commit after one of that many appends, which begins
// now, may begin. Where appends come one at a time the next is not made to wait: it
// may be of somebody who waits for each answer, and would gain no company.
func (l *Log) nextCommit(appends int) time.Time {
	if appends < 2 {
		return time.Time{}
	}
	return time.Now().Add(l.part.j.cfg.CommitInterval)
}

// take returns all that waits, in call order.
func (l *Log) take() (batch []*Append, spare, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	batch, l.mu.queue = l.mu.queue, nil
	spare, l.mu.wantSpare = l.mu.wantSpare, false
	return batch, spare, l.mu.closed
}

// commit makes a batch durable and answers every append in it: with one sync,
// or with one for each segment if it goes over the end of one.
func (l *Log) commit(batch []*Append) {
	for len(batch) > 0 {
		n, err := l.commitSome(batch)
		if err != nil {
			for _, a := range batch {
				a.answer(0, err)
			}
			return
		}
		batch = batch[n:]
	}
}

// commitSome makes as many appends durable as one segment takes, answers them
// and returns how many they were. After an error it has answered none.
func (l *Log) commitSome(batch []*Append) (int, error) {
	if err := l.refusal(); err != nil {
		return 0, err
	}
	if l.w == nil || !l.w.fits(batch) {
		if err := l.roll(batch[0]); err != nil {
			return 0, err
		}
	}
	n, end, err := l.w.append(batch)
	if err != nil {
		return 0, l.writeError(err)
	}
	if err := l.sync(end); err != nil {
		return 0, l.part.j.fail(fmt.Errorf("sync %s: %w", l.w.seg.name, err))
	}
	// commit point: a crash before the sync returns loses records that nobody
	// was told of, a crash after it loses nothing. The commit point moves
	// before the answers, so whoever has one finds his record below it.
	l.publish(end)
	first := end.next - uint64(n)
	for i, a := range batch[:n] {
		a.answer(first+uint64(i), nil)
	}
	return n, nil
}

// sync makes everything up to end durable.
func (l *Log) sync(end tip) error {
	began := time.Now()
	err := l.w.sync(end)
	l.part.j.cfg.Observer.Synced(l.kind, time.Since(began))
	return err
}

// refusal returns why the committer must not touch the disk any more, or nil.
// That the log is closed is none: what was accepted before is still committed.
func (l *Log) refusal() error {
	if err := l.part.Err(); err != nil {
		return err
	}
	return l.part.j.Err()
}

// roll begins the next segment. The one before it is synced first, so that a
// segment with a successor is proven as a whole. The new one holds at least the
// record that is waiting.
func (l *Log) roll(first *Append) error {
	old := l.last()
	base, seed := old.end.next, old.end.sum
	if w := l.w; w != nil {
		if w.synced < w.tip.pos {
			if err := l.sync(w.tip); err != nil {
				return l.part.j.fail(fmt.Errorf("sync %s: %w", old.name, err))
			}
		}
		base, seed = w.tip.next, w.tip.sum
	}
	before := l.w
	_, err := l.grow(birth{
		base: base, seed: seed, size: l.size, need: int64(len(first.rec)) + recordOverhead,
	})
	if err != nil {
		return err
	}
	if before != nil {
		if err := before.file.Close(); err != nil {
			return l.part.j.fail(fmt.Errorf("close %s: %w", old.name, err))
		}
	}
	return l.ensureSpare()
}

// prove writes the proof of the last sync, unless it stands there already.
func (l *Log) prove() {
	if l.w == nil || l.refusal() != nil || l.w.synced < l.w.tip.pos || l.w.synced == segmentHeaderSize {
		return
	}
	if err := l.w.prove(); err != nil {
		// Without the proof there is only more to copy at the next Open.
		l.writeError(err)
	}
}

// writeError says what a failed write of blocks means to those who wait.
func (l *Log) writeError(err error) error {
	if lacksRoom(err) {
		return full(err)
	}
	return l.part.j.fail(fmt.Errorf("write %s: %w", l.w.seg.name, err))
}

// finish is the committer's last act.
func (l *Log) finish() {
	if l.w == nil {
		return
	}
	l.prove()
	if err := l.w.file.Close(); err != nil {
		l.part.j.fail(fmt.Errorf("close %s: %w", l.w.seg.name, err))
	}
	l.w = nil
}

// close takes no more appends, and returns when those that were taken are
// answered.
func (l *Log) close() {
	l.mu.Lock()
	l.mu.closed = true
	l.mu.Unlock()
	signal(l.wake)
	<-l.stopped
}
