package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
)

// Partition is one of the independent parts of a journal: a log of events and a
// log of control records. All methods may be called together.
type Partition struct {
	j       *Journal // immutable
	index   int      // immutable
	dir     string   // immutable
	events  *Log     // immutable
	control *Log     // immutable

	damaged atomic.Pointer[CorruptError] // set once, by whoever finds damage first

	mu struct {
		sync.Mutex
		start startFile
	}

	// Files beside the logs; none of these locks is taken by a shard or a
	// stream's goroutine.
	beside  sync.RWMutex // read-locked by each operation beside the logs, so that Close can wait for it
	writing sync.Mutex   // held by who writes a small file or its spare
	largest atomic.Int64 // bytes of the largest small file; written under writing
	spare   atomic.Int64 // bytes of files.spare, 0 = there is none; written under writing
	spools  struct {
		sync.Mutex
		sizes  map[string]int64 // of those that were committed
		folder bool             // their folder is there
	}
}

func newPartition(j *Journal, index int) *Partition {
	p := &Partition{j: j, index: index, dir: filepath.Join(j.cfg.Dir, partitionName(index))}
	p.events = newLog(p, EventsLog, j.cfg.SegmentBytes)
	p.control = newLog(p, ControlLog, j.cfg.ControlSegmentBytes)
	p.spools.sizes = map[string]int64{}
	return p
}

// Events returns the log of events.
func (p *Partition) Events() *Log { return p.events }

// Control returns the log of control records. It has space of its own, and
// neither the quota nor a full disk stops it for as long as that lasts.
func (p *Partition) Control() *Log { return p.control }

// Err returns the *[CorruptError] that has closed the partition, or nil.
func (p *Partition) Err() error {
	if err := p.damaged.Load(); err != nil {
		return err
	}
	return nil
}

// Damage closes the partition because of what its records say: each of them
// verifies, but they do not fit together, so what was acknowledged can't be told
// from what was not. Appends and readers get the *[CorruptError] from here on, the
// other partitions serve, and nothing is removed. It returns the error that has
// closed the partition first.
func (p *Partition) Damage(what error) error {
	return p.damage(&CorruptError{File: p.dir, Err: what})
}

// damage closes the partition, and returns the error that did so first.
func (p *Partition) damage(err *CorruptError) error {
	closed := *err
	closed.Partition = p.index
	if p.damaged.CompareAndSwap(nil, &closed) {
		p.j.log.Error("partition closed", slog.Int("partition", p.index), slog.Any("error", &closed))
	}
	return p.damaged.Load()
}

// Start returns the offsets that a replay begins at.
func (p *Partition) Start() Start {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mu.start.last.Start
}

// EventBytes returns how many bytes of event segments a Release would remove that
// moved the start of the events log from one offset to another. It is what lies
// between them, in whole segments.
func (p *Partition) EventBytes(from, to uint64) int64 { return p.events.bytesBetween(from, to) }

// Release gives up all records below s: it makes s durable as the new start,
// and then removes the segments that lie wholly below it. Readers at lower
// offsets get [ErrReleased]. A start below the present one, or above a commit
// point, is refused; the present one changes nothing. It needs no space on the disk: an error that
// wraps [ErrFull] comes only from a file system that cannot write in place, and
// changes nothing.
func (p *Partition) Release(s Start) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.releasable(s); err != nil {
		return err
	}
	if s == p.mu.start.last.Start {
		return nil
	}
	if err := p.writeStartLocked(s); err != nil {
		return err
	}
	// commit point: from here on the segments below may be absent. A crash
	// that leaves some of them behind leaves them to be removed at Open.
	gone := slices.Concat(p.control.release(s.Control), p.events.release(s.Events))
	for _, seg := range gone {
		if err := p.j.removeSegment(seg); err != nil {
			return p.j.fail(err)
		}
	}
	return nil
}

// releasable checks a new start.
func (p *Partition) releasable(s Start) error {
	if err := p.refusal(); err != nil {
		return err
	}
	have, events, control := p.mu.start.last.Start, p.events.Committed(), p.control.Committed()
	if s.Events < have.Events || s.Control < have.Control {
		return fmt.Errorf("journal: release %+v: below the present start %+v", s, have)
	}
	if s.Events > events || s.Control > control {
		return fmt.Errorf("journal: release %+v: above the commit points %d and %d", s, events, control)
	}
	return nil
}

// writeStartLocked makes a start durable.
func (p *Partition) writeStartLocked(s Start) error {
	err := p.mu.start.write(s)
	switch {
	case err == nil:
		return nil
	case lacksRoom(err) && !errors.Is(err, errStartSync):
		return full(err)
	}
	return p.j.fail(fmt.Errorf("write start of partition %d: %w", p.index, err))
}

// close ends both logs, and waits for what is being done beside them.
func (p *Partition) close() {
	p.events.close()
	p.control.close()
	p.beside.Lock() // what comes later finds the journal closing
	defer p.beside.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if f := p.mu.start.file; f != nil {
		f.Close() // every write to it was synced
		p.mu.start.file = nil
	}
}
