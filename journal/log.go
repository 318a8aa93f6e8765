package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Log is one of the two logs of a partition: records in a row, numbered by
// offset without gaps. All methods may be called together.
type Log struct {
	part       *Partition    // immutable
	kind       Kind          // immutable
	size       int64         // immutable: of a new segment
	proofDelay time.Duration // immutable
	changed    chan struct{} // one slot: the commit point has moved
	wake       chan struct{} // one slot: the committer has something to do
	stopped    chan struct{} // closed when the committer has ended

	w *writer // owned by Open, then by the committer; nil without an active segment

	mu struct {
		sync.Mutex
		queue     []*Append  // waiting for the committer, in call order
		closed    bool       // no more appends
		wantSpare bool       // the committer is to see whether a spare can be made
		segs      []*segment // oldest first, never empty once recovered
		committed uint64     // the commit point
		start     uint64     // records below are released
		followers []chan<- struct{}
	}
}

func newLog(p *Partition, k Kind, size int64) *Log {
	return &Log{
		part: p, kind: k, size: size, proofDelay: p.j.cfg.ProofDelay,
		changed: make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		stopped: make(chan struct{}),
	}
}

// Append puts a record at the end of the log. It never waits for the disk: the
// answer comes through the result. Records are taken in the order of the calls.
// The log owns rec until the append is answered. What waits is bounded by the
// caller alone.
//
// After [ErrFull], later appends may succeed where earlier ones did not: a
// smaller record may still fit, and space may come back at any time.
func (l *Log) Append(rec []byte) *Append {
	a := newAppend(rec)
	if err := l.enqueue(a); err != nil {
		a.answer(0, err)
	}
	return a
}

func (l *Log) enqueue(a *Append) error {
	if len(a.rec) > l.Limit() {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(a.rec), l.Limit())
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.refusalLocked(); err != nil {
		return err
	}
	l.mu.queue = append(l.mu.queue, a)
	signal(l.wake)
	return nil
}

// refusalLocked returns why the log takes no more appends, or nil.
func (l *Log) refusalLocked() error {
	if l.mu.closed {
		return ErrClosed
	}
	if err := l.part.Err(); err != nil {
		return err
	}
	return l.part.j.Err()
}

// Limit returns the size of the largest record that the log takes, in bytes: a
// segment less 130 bytes.
func (l *Log) Limit() int { return int(l.size) - recordOverhead }

// Committed returns the commit point: every record with a lower offset is
// durable and may be read. It is the offset of the next record to become so.
func (l *Log) Committed() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.committed
}

// Changed has a value after each advance of the commit point. It has one slot,
// so it is for one consumer, which reads on to the commit point whenever it
// receives.
func (l *Log) Changed() <-chan struct{} { return l.changed }

// Follow puts a value into ch after each advance of the commit point, unless ch is
// full: with one slot it is for another consumer than that of Changed, which reads on
// to the commit point whenever it receives. Logs may share a channel.
func (l *Log) Follow(ch chan<- struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.followers = append(l.mu.followers, ch)
}

// publish moves the commit point. Records up to end are durable.
func (l *Log) publish(end tip) {
	l.mu.Lock()
	l.w.seg.end = end
	l.mu.committed = end.next
	for _, ch := range l.mu.followers {
		signal(ch)
	}
	l.mu.Unlock()
	signal(l.changed)
}

// release moves the start, and returns the segments that lie wholly below it,
// which are the log's no more.
func (l *Log) release(start uint64) []*segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mu.start = start
	l.mu.wantSpare = true
	n := 0
	for n+1 < len(l.mu.segs) && l.mu.segs[n+1].header.Base <= start {
		n++
	}
	gone := slices.Clone(l.mu.segs[:n])
	l.mu.segs = slices.Delete(l.mu.segs, 0, n)
	signal(l.wake)
	return gone
}

// bytesBetween returns the sizes of the segments that release would give up if the
// start moved from one offset to another.
func (l *Log) bytesBetween(from, to uint64) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := int64(0)
	for i, seg := range l.mu.segs[:max(len(l.mu.segs)-1, 0)] {
		if end := l.mu.segs[i+1].header.Base; from < end && end <= to {
			n += seg.size
		}
	}
	return n
}

// birth is a segment to be made.
type birth struct {
	base uint64              // offset of its first record
	seed uint32              // chain value before it
	size int64               // of the file
	need int64               // what of it is needed at least
	copy func(*writer) error // writes records that are moved here; nil for none
}

// grow makes the next segment, and gives the log its writer. A small file has to be
// written before events can be released, so its space comes before theirs.
func (l *Log) grow(b birth) (*segment, error) {
	if l.kind == EventsLog {
		if err := l.part.ensureFileSpare(); err != nil {
			return nil, err
		}
	}
	return l.begin(b)
}

// begin is grow once the space of the small files is there. If the disk is too
// full for one it makes a smaller one, as long as what is needed fits. In a control
// segment stands what drains the journal, so it may become as small as segments
// get. An events segment gives way only so far that a disk that is almost full is
// used up, and that the segments before it can be released: the last one never is.
func (l *Log) begin(b birth) (*segment, error) {
	least := max(minSegmentBytes, b.need)
	if l.kind == EventsLog {
		least = max(least, l.size/smallestEvents)
	}
	for {
		seg, err := l.tryBegin(b)
		_, quota := errors.AsType[*QuotaError](err)
		if !errors.Is(err, ErrFull) || quota || l.part.j.Err() != nil || b.size/2 < least {
			return seg, err
		}
		b.size /= 2
	}
}

// smallestEvents is how many of the smallest events segments make a whole one.
const smallestEvents = 64

// tryBegin is begin for a segment of exactly that size.
//
// Commit point: the sync of the folder. A crash before it leaves either nothing
// or a whole segment, which is as empty, or as full of records that also stand
// in the segment before it, as if nothing had happened.
func (l *Log) tryBegin(b birth) (*segment, error) {
	// Records that are moved are counted already; a quota that was lowered
	// must not keep a log from being recovered.
	if err := l.reserve(b.size, b.copy != nil); err != nil {
		return nil, err
	}
	h := segmentHeader{
		Kind: l.kind, Partition: uint32(l.part.index), Journal: l.part.j.id,
		Number: l.nextNumber(), Base: b.base, Seed: b.seed,
	}
	name := segmentName(l.part.dir, l.kind, h.Number)
	seg := &segment{header: h, name: name, salt: h.salt(), end: h.head(), size: b.size}
	w, err := l.fill(seg, b)
	if err != nil {
		l.reserve(-b.size, true)
		return nil, l.giveUp(name+tmpSuffix, w, err)
	}
	if err := l.install(w, name); err != nil {
		w.file.Close()
		return nil, l.part.j.fail(err)
	}
	w.synced = w.tip.pos
	seg.end = w.tip
	l.mu.Lock()
	if n := len(l.mu.segs); n > 0 {
		l.mu.segs[n-1].seal(h)
	}
	l.mu.segs = append(l.mu.segs, seg)
	l.mu.Unlock()
	l.w = w
	l.part.j.log.Debug("segment begun", slog.String("file", name), slog.Uint64("base", b.base))
	return seg, nil
}

// install makes a filled segment durable, first what is in it, then its name.
func (l *Log) install(w *writer, name string) error {
	dir, fsys := l.part.dir, l.part.j.fs
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", name, err)
	}
	if err := fsys.Rename(name+tmpSuffix, name); err != nil {
		return fmt.Errorf("name segment: %w", err)
	}
	if err := fsys.SyncDir(dir); err != nil {
		return fmt.Errorf("sync folder %s: %w", dir, err)
	}
	return nil
}

// fill writes the new segment under its temporary name.
func (l *Log) fill(seg *segment, b birth) (*writer, error) {
	f, err := l.blank(seg.name+tmpSuffix, b.size)
	if err != nil {
		return nil, err
	}
	w := &writer{file: f, seg: seg, size: b.size, tip: seg.end, synced: seg.end.pos}
	if _, err := f.WriteAt(seg.header.encode(), 0); err != nil {
		return w, err
	}
	if b.copy != nil {
		return w, b.copy(w)
	}
	return w, nil
}

// giveUp clears away a segment that could not be written. Only want of space
// may be tried again.
func (l *Log) giveUp(name string, w *writer, err error) error {
	if w != nil {
		w.file.Close()
	}
	if !lacksRoom(err) {
		return l.part.j.fail(fmt.Errorf("make segment %s: %w", filepath.Base(name), err))
	}
	if w != nil {
		if rm := l.part.j.fs.Remove(name); rm != nil {
			return l.part.j.fail(fmt.Errorf("remove unfinished segment: %w", rm))
		}
	}
	return full(err)
}

// reserve takes n bytes out of the quota, which does not count control segments.
func (l *Log) reserve(n int64, force bool) error {
	if l.kind != EventsLog {
		return nil
	}
	return l.part.j.reserve(n, force)
}

// nextNumber is above that of every segment that the log ever had and that may
// still be on the disk.
func (l *Log) nextNumber() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.mu.segs); n > 0 {
		return l.mu.segs[n-1].header.Number + 1
	}
	return 1
}

// last returns the newest segment.
func (l *Log) last() *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.mu.segs[len(l.mu.segs)-1]
}

// signal puts a value into a channel of one slot, unless it has one.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
