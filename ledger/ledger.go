package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// recordPause is the pause between two transactions. What is read meanwhile shares the next
	// one and its sync.
	recordPause = 250 * time.Millisecond
	// askedPause is the pause while somebody waits for what is read.
	askedPause = 50 * time.Millisecond
	// recordRetry is the pause after the database could not be written.
	recordRetry = time.Second
	// tendEvery is how often is looked for what has been kept for long enough, and whether the
	// file is still there.
	tendEvery = 10 * time.Second
	// transactionBytes of control records share a transaction.
	transactionBytes = 1 << 20
	// fullGrace is for how long a full disk may keep the ledger from being written before it is
	// left behind: what the journal would release makes room.
	fullGrace = 5 * time.Second
	// hangGrace is for how long the recorder may be at one thing before the database counts as
	// one that can't be written: a disk that hangs gives no error.
	hangGrace = time.Minute
)

// Ledger is the ledger while the service runs. Its methods may be called together.
type Ledger struct {
	config    Config
	path      string
	params    *Params
	log       *slog.Logger
	followers []*follower
	passed    []atomic.Uint64 // by partition: offset of the control log below which all is written
	held      []atomic.Int64  // by partition: bytes that could go if all were
	pending   *changes        // read and not written; the recorder's
	wake      chan struct{}   // one slot: a control log has grown
	kick      chan struct{}   // one slot: somebody waits
	tendNow   chan struct{}   // has the recorder tend at once
	stop      context.CancelFunc
	stopped   sync.WaitGroup // the recorder
	watchers  watchers
	suspect   atomic.Bool // somebody has read something that can't be
	tidied    time.Time   // when destinations without batches were last forgotten; the recorder's
	counts    counts

	use   sync.RWMutex // held shared while store is used by anybody but the recorder; held by who exchanges it
	store *store       // nil = there is none until the recorder has begun another one

	mu struct {
		sync.Mutex
		failing time.Time     // since when the database can't be written; zero = it can
		full    bool          // because the disk has no room
		behind  bool          // that was said: the ledger is left behind
		working time.Time     // since when the recorder is at one thing; zero = it waits for something to do
		changed chan struct{} // closed, and made anew, when passed or failing has changed
	}
}

// counts are what a ledger has counted since it was opened.
type counts struct {
	rows, failures, leftBehind, setAside, forgotten, cutOff atomic.Uint64
}

// Counts are what a ledger has counted since it was opened.
type Counts struct {
	Rows       uint64 // changes of batches that were written
	Failures   uint64 // transactions that failed
	LeftBehind uint64 // times that the journal went on without the ledger
	SetAside   uint64 // databases that could not be used
	Forgotten  uint64 // batches that were kept for long enough
	CutOff     uint64 // watchers that did not keep up
}

// Counts are what was counted until now.
func (l *Ledger) Counts() Counts {
	c := &l.counts
	return Counts{c.rows.Load(), c.failures.Load(), c.leftBehind.Load(), c.setAside.Load(), c.forgotten.Load(), c.cutOff.Load()}
}

// Open opens the ledger of a data folder and begins to follow the journal, which has to be
// open for as long as the ledger. A database that can't be used is set aside, and
// one is begun anew; where that is not possible now, as on a full disk, it is tried again and
// again. Close ends it.
func Open(p Params) (*Ledger, error) {
	if err := p.Config.Validate(); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(filepath.Join(p.Dir, FileName))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	partitions := p.Journal.Partitions()
	l := &Ledger{
		config: p.Config, path: path, params: &p, log: p.Log,
		passed: make([]atomic.Uint64, partitions), held: make([]atomic.Int64, partitions),
		wake: make(chan struct{}, 1), kick: make(chan struct{}, 1), tendNow: make(chan struct{}),
	}
	l.mu.changed = make(chan struct{})
	if err := l.openAnyhow(); err != nil {
		l.failed(err)
	} else {
		l.watchers.begin(l.store.change)
	}
	for i := range partitions {
		p.Journal.Partition(i).Control().Follow(l.wake)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.stop = cancel
	l.stopped.Go(func() { l.record(ctx) })
	return l, nil
}

// openAnyhow opens the database and goes on where it was; if it can't be used it is set aside.
func (l *Ledger) openAnyhow() error {
	err := l.openAsItIs()
	if err == nil || !isDamage(err) {
		return err
	}
	to, asideErr := setAside(l.path)
	l.log.Error("the ledger's database can't be used and was set aside: what it knew is not answered any more",
		"file", l.path, "to", to, "error", err)
	l.counts.setAside.Add(1)
	if asideErr != nil {
		return fmt.Errorf("set %s aside: %w", l.path, asideErr)
	}
	return l.openAsItIs()
}

func (l *Ledger) openAsItIs() (err error) {
	ctx := context.Background()
	s, err := openStore(ctx, l.path, l.params.Journal.ID())
	if err != nil {
		return err
	}
	known, err := s.progress(ctx)
	if err == nil {
		l.pending = newChanges()
		err = l.openFollowers(known)
	}
	if err != nil {
		return errors.Join(err, s.close())
	}
	l.store = s
	return nil
}

// openFollowers makes the followers, which go on where the database was.
func (l *Ledger) openFollowers(known map[int]*progress) error {
	for _, f := range l.followers {
		f.close()
	}
	l.followers = nil
	for i := range l.passed {
		f := &follower{partition: i, part: l.params.Journal.Partition(i), incarnation: l.params.Incarnation}
		if f.part.Err() != nil {
			f.closed = true
		} else if err := f.open(l.pending, known[i]); err != nil {
			if isDamage(err) {
				return err
			}
			if err := f.ended(err); err != nil && !errors.Is(err, errLeftBehind) && !errors.Is(err, errNotFollowed) {
				return err
			}
		}
		l.followers = append(l.followers, f)
		l.passed[i].Store(0)
		if at := known[i]; at != nil {
			l.passed[i].Store(at.next)
		}
	}
	return nil
}

// Close ends the ledger. What it has not written it reads again at the next start.
func (l *Ledger) Close() error {
	l.stop()
	l.stopped.Wait()
	l.watchers.close()
	for _, f := range l.followers {
		f.close()
	}
	l.use.Lock()
	defer l.use.Unlock()
	if l.store == nil {
		return nil
	}
	if err := l.store.close(); err != nil {
		return fmt.Errorf("close the ledger: %w", err)
	}
	return nil
}

// Passed implements what the batcher needs of somebody who reads the control logs: below the
// offset, all of a partition is written. A ledger that can't be written while it holds more
// than [Config.HeldBytes], or anything on a full disk for some seconds, lets everything go. One that
// hangs for a minute can't be written.
func (l *Ledger) Passed(partition int, held int64) uint64 {
	l.held[partition].Store(held)
	up := l.passed[partition].Load()
	l.mu.Lock()
	defer l.mu.Unlock()
	failing := l.failingLocked()
	if failing.IsZero() {
		return up
	}
	var all int64
	for i := range l.held {
		all += l.held[i].Load()
	}
	if tooMuch := all > l.config.HeldBytes || l.mu.full && all > 0 && time.Since(failing) >= fullGrace; !tooMuch && !l.mu.behind {
		return up
	}
	if !l.mu.behind {
		l.mu.behind = true
		l.counts.leftBehind.Add(1)
		l.log.Error("the ledger can't be written and is left behind: what is delivered from here on may be answered without details",
			"since", failing.UTC(), "held_bytes", all, "file", l.path)
	}
	return math.MaxUint64
}

// failingLocked is since when the database can't be written; zero = it can.
func (l *Ledger) failingLocked() time.Time {
	if hangs := !l.mu.working.IsZero() && time.Since(l.mu.working) >= hangGrace; hangs && l.mu.failing.IsZero() {
		return l.mu.working
	}
	return l.mu.failing
}

// begins notes that the recorder begins one thing, or if it does not that it has ended the last
// one. What has hung has failed, until something is written.
func (l *Ledger) begins(one bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.failing = l.failingLocked()
	if l.mu.working = (time.Time{}); one {
		l.mu.working = time.Now()
	}
}

// Await waits until everything below an offset of a partition's control log is written. It
// returns false if ctx has ended or the ledger can't be written.
func (l *Ledger) Await(ctx context.Context, partition int, offset uint64) bool {
	for {
		l.mu.Lock()
		changed, failing := l.mu.changed, !l.failingLocked().IsZero()
		l.mu.Unlock()
		switch {
		case l.passed[partition].Load() >= offset:
			return true
		case failing:
			return false
		}
		poke(l.kick)
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

// poke puts a value into a channel of one slot.
func poke(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}
