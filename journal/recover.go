package journal

import (
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
)

// found is a log as it lies on the disk, with nothing changed yet.
type found struct {
	below []*segment // wholly below the start: to be removed, not judged
	segs  []*segment // the log
	last  scan       // of the last of segs
}

// recover brings the partition to order. Damage closes it, and is no error;
// then nothing in its folder has been changed.
func (p *Partition) recover() error {
	names, err := p.j.fs.List(p.dir)
	if err != nil {
		return p.unreadable(p.dir, err)
	}
	// What is read may be in memory only, if a sync failed in an earlier run.
	if err := p.syncFolders(names); err != nil {
		return err
	}
	if err := p.openStart(); err != nil {
		return p.unreadable(filepath.Join(p.dir, startName), err)
	}
	start := p.mu.start.last.Start
	control, err := p.control.find(names, start.Control)
	if err != nil {
		return p.unreadable(p.dir, err)
	}
	events, err := p.events.find(names, start.Events)
	if err != nil {
		return p.unreadable(p.dir, err)
	}
	unfinished, err := p.findBeside(names)
	if err != nil {
		return p.unreadable(p.dir, err)
	}
	if err := p.clear(unfinished, slices.Concat(control.below, events.below)); err != nil {
		return err
	}
	// The control log first: it must not lose its space to the other.
	if err := p.control.settle(control, start.Control); err != nil {
		return err
	}
	return p.events.settle(events, start.Events)
}

// syncFolders makes durable what was read in the partition's folders.
func (p *Partition) syncFolders(names []string) error {
	if err := p.j.fs.SyncDir(p.dir); err != nil {
		return err
	}
	if slices.Contains(names, parkedName) {
		return p.j.fs.SyncDir(filepath.Join(p.dir, parkedName))
	}
	return nil
}

// findBeside takes stock of the files beside the logs, and returns the paths of all
// unfinished files.
func (p *Partition) findBeside(names []string) ([]string, error) {
	if err := p.findFiles(names); err != nil {
		return nil, err
	}
	unfinished, err := p.findSpools(names)
	for _, name := range names {
		if isUnfinished(name) {
			unfinished = append(unfinished, filepath.Join(p.dir, name))
		}
	}
	return unfinished, err
}

// unreadable closes the partition for what is damage, also for a file that is
// absent or that the disk does not give, and passes on what is not.
func (p *Partition) unreadable(name string, err error) error {
	var damage *CorruptError
	switch {
	case errors.As(err, &damage):
	case lacksRoom(err):
		return err
	default:
		damage = &CorruptError{File: name, Err: err}
	}
	p.damage(damage)
	return nil
}

// openStart reads the start file and keeps it open.
func (p *Partition) openStart() error {
	f, err := p.j.fs.Open(filepath.Join(p.dir, startName))
	if err != nil {
		return err
	}
	if p.mu.start, err = readStart(f, p.startRecord()); err != nil {
		return errors.Join(err, f.Close())
	}
	return nil
}

// clear removes what earlier runs left behind: unfinished files, and segments
// below the start. From here on the start is durable, so that the caller, too, may
// remove what it does not need with it.
func (p *Partition) clear(unfinished []string, below []*segment) error {
	for _, name := range unfinished {
		if err := p.j.fs.Remove(name); err != nil {
			return err
		}
	}
	// The start that was read may be in memory only, if its sync failed. It
	// goes into the other slot, so that a crash here finds one of the two.
	if err := p.writeStartLocked(p.mu.start.last.Start); err != nil {
		return err
	}
	for _, seg := range below {
		if err := p.j.removeSegment(seg); err != nil {
			return err
		}
	}
	return nil
}

// find reads the headers of a log's segments, and judges the last one. The others are
// judged by whoever reads them: a log of many GB is ready at once, and all of it that
// is needed is read in any case. Damage is a *CorruptError.
func (l *Log) find(names []string, start uint64) (found, error) {
	segs, errs, err := l.headers(segmentNumbers(names, l.kind))
	if err != nil {
		return found{}, err
	}
	first := -1
	for i, seg := range segs {
		if errs[i] == nil && seg.header.Base <= start {
			first = i
		}
	}
	if first < 0 {
		return found{}, l.noStart(segs, errs, start)
	}
	fd := found{below: segs[:first], segs: segs[first:]}
	if err := errors.Join(errs[first:]...); err != nil {
		return found{}, err
	}
	for i, next := range fd.segs[1:] {
		seg := fd.segs[i]
		if next.header.Base < seg.header.Base {
			return found{}, &CorruptError{File: next.name, Err: fmt.Errorf(
				"the segment begins at offset %d, below the one before it at %d", next.header.Base, seg.header.Base)}
		}
		seg.seal(next.header)
	}
	if fd.last, err = l.judge(fd.segs[len(fd.segs)-1]); err != nil {
		return found{}, err
	}
	if end := fd.last.end; end.next < start {
		return found{}, &CorruptError{File: fd.segs[len(fd.segs)-1].name, Offset: end.pos,
			Err: fmt.Errorf("the log ends at offset %d, below its start %d", end.next, start)}
	}
	return fd, nil
}

// noStart says what stands where the log should begin.
func (l *Log) noStart(segs []*segment, errs []error, start uint64) error {
	if len(segs) == 0 {
		return &CorruptError{File: l.part.dir, Err: fmt.Errorf("no segment of the %s log", l.kind)}
	}
	if errs[0] != nil {
		return errs[0]
	}
	return &CorruptError{File: segs[0].name, Err: fmt.Errorf(
		"the %s log begins at offset %d, above its start %d", l.kind, segs[0].header.Base, start)}
}

// headers reads the headers of segments, and counts their sizes. Damage of a
// header is returned beside its segment: it may lie below the start.
func (l *Log) headers(numbers []uint64) ([]*segment, []error, error) {
	segs, errs := make([]*segment, len(numbers)), make([]error, len(numbers))
	for i, number := range numbers {
		want := segmentHeader{
			Kind: l.kind, Partition: uint32(l.part.index), Journal: l.part.j.id, Number: number,
		}
		seg := &segment{header: want, name: segmentName(l.part.dir, l.kind, number)}
		segs[i] = seg
		err := l.withFile(seg, func(f File) error {
			var err error
			if seg.size, err = f.Size(); err != nil {
				return &CorruptError{File: seg.name, Err: err}
			}
			if h, err := readSegmentHeader(f, seg.name, want); err != nil {
				errs[i] = err
			} else {
				seg.header, seg.salt, seg.end = h, h.salt(), h.head()
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		l.reserve(seg.size, true)
	}
	return segs, errs, nil
}

// withFile opens a segment's file for the time of a call.
func (l *Log) withFile(seg *segment, call func(File) error) error {
	f, err := l.part.j.fs.Open(seg.name)
	if err != nil {
		return fmt.Errorf("open segment: %w", err)
	}
	return errors.Join(call(f), f.Close())
}

// judge scans the last segment.
func (l *Log) judge(seg *segment) (s scan, err error) {
	err = l.withFile(seg, func(f File) (err error) {
		s, err = scanLast(f, seg, seg.size)
		seg.end = s.end
		return err
	})
	return s, err
}

// settle makes the log one whose every record is proven, and begins a segment
// to append to, if there is room for one.
func (l *Log) settle(fd found, start uint64) error {
	l.mu.segs, l.mu.start = slices.Clone(fd.segs), start
	last := l.last()
	if err := l.withFile(last, func(f File) error { return l.settleLast(f, last, fd.last) }); err != nil {
		return err
	}
	end := l.last().end
	l.mu.committed = end.next
	if l.w != nil && last.empty() {
		// Its successor begins at the same offset with the same chain value,
		// so the segment before it has the right successor either way.
		l.mu.segs = slices.DeleteFunc(l.mu.segs, func(s *segment) bool { return s == last })
		if err := l.part.j.removeSegment(last); err != nil {
			return err
		}
	}
	return l.ensureSpare()
}

// settleLast deals with the segment that was appended to last.
func (l *Log) settleLast(f File, last *segment, s scan) error {
	// Without records there is nothing worth keeping, and the chain goes on
	// where the segment began.
	if s.proven.next == last.header.Base {
		s.proven = last.header.head()
	}
	if s.end.next == last.header.Base {
		s.end = last.header.head()
	}
	if s.tail() {
		err := l.moveTail(f, last, s)
		if !errors.Is(err, ErrFull) || l.part.j.Err() != nil {
			return err
		}
	}
	if err := l.rewrite(f, last, s); err != nil {
		return err
	}
	_, err := l.grow(birth{base: s.end.next, seed: s.end.sum, size: l.size})
	if errors.Is(err, ErrFull) && l.part.j.Err() == nil {
		l.part.j.log.Warn("no room for a segment to append to",
			slog.String("folder", l.part.dir), slog.String("log", l.kind.String()), slog.Any("error", err))
		return nil
	}
	return err
}

// moveTail copies the records above the proven boundary into a new segment and
// cuts them off the old one. That they can be read does not mean that they are
// on the disk; that they were read, written elsewhere and synced does.
func (l *Log) moveTail(f File, last *segment, s scan) error {
	need := segmentHeaderSize + s.end.pos - s.proven.pos
	_, err := l.grow(birth{
		base: s.proven.next, seed: s.proven.sum,
		size: max(l.size, need), need: need,
		copy: func(w *writer) error { return copyBlocks(w, f, last, s) },
	})
	if err != nil {
		return err
	}
	// commit point passed: the records stand in the new segment, and the old
	// one ends where the new one begins, whether or not the cut survives.
	if err := l.cut(f, last, s.proven); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", last.name, err)
	}
	l.part.j.log.Info("moved the unproven end of a log",
		slog.String("file", last.name), slog.Uint64("from", s.proven.next), slog.Uint64("to", s.end.next))
	if err := l.w.prove(); err != nil && !lacksRoom(err) {
		return fmt.Errorf("write %s: %w", l.w.seg.name, err)
	}
	return nil
}

// copyBlocks appends the records between two boundaries of a segment.
func copyBlocks(w *writer, f File, from *segment, s scan) error {
	src := window{file: f}
	for at := s.proven; at.pos < s.end.pos; {
		h, recs, next, err := src.block(from.salt, at, s.end.pos)
		if err != nil {
			return &CorruptError{File: from.name, Offset: at.pos, Err: err}
		}
		at = next
		if h.Count == 0 {
			continue
		}
		buf, end := w.closeBlock(append(openBlock(w.buf[:0]), recs...), 0, h.Count, w.tip)
		if err := w.write(buf, w.tip.pos); err != nil {
			return err
		}
		w.tip = end
		w.keep(buf)
	}
	return nil
}

// rewrite makes the end of a segment durable where it stands: it writes the
// same bytes once more, so that the system holds them for unwritten again
// whatever became of the first time, cuts off what is behind them, and syncs.
// That is for the proof block, which holds no records, and for a disk that has
// no room to copy records elsewhere. The cut frees what was allocated ahead.
func (l *Log) rewrite(f File, last *segment, s scan) error {
	b := make([]byte, min(windowBytes, s.end.pos-s.proven.pos))
	for pos := s.proven.pos; pos < s.end.pos; pos += int64(len(b)) {
		b = b[:min(int64(len(b)), s.end.pos-pos)]
		if _, err := f.ReadAt(b, pos); err != nil {
			return fmt.Errorf("read %s: %w", last.name, err)
		}
		if _, err := f.WriteAt(b, pos); err != nil {
			return fmt.Errorf("write %s: %w", last.name, err)
		}
	}
	if err := l.cut(f, last, s.end); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", last.name, err)
	}
	return nil
}

// cut ends a segment at a boundary.
func (l *Log) cut(f File, seg *segment, end tip) error {
	seg.end = end
	if seg.size <= end.pos {
		return nil
	}
	if err := f.Truncate(end.pos); err != nil {
		return fmt.Errorf("cut %s: %w", seg.name, err)
	}
	l.reserve(end.pos-seg.size, true)
	seg.size = end.pos
	return nil
}
