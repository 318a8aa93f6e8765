package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
)

// Survey is what a partition looks like on the disk. Nothing in it is changed by
// looking, and nothing is left out for being damaged.
type Survey struct {
	// Partition is its number.
	Partition int
	// Start is where a replay begins: what was given, or what the start file says.
	// Known is false if that is damaged and none was given; then the survey is of all
	// that is there.
	Start Start
	Known bool
	// StartErr is what is wrong with the start file: a *[CorruptError], or nil.
	StartErr error
	// Events and Control are the logs.
	Events, Control LogSurvey
	// Files are the small files beside them, by name.
	Files []Found
	// Spools are the spools beside them, by name.
	Spools []Found
}

// LogSurvey is what a log looks like on the disk, without the segments below its
// start.
type LogSurvey struct {
	// From and To are the offsets of the first record that is there, or that
	// should be, and of the next one to be appended.
	From, To uint64
	// FirstEnd is the offset of the first record behind the first segment.
	FirstEnd uint64
	// Segments is how many files it has, and Bytes their size.
	Segments int
	Bytes    int64
	// Lost is what is damaged, in order. Records at offsets in it cannot be read.
	Lost []*Lost
	// Err says why the log cannot be mended: nothing is left of it. Or nil.
	Err error

	parts []*part // the segments in which something can be read, and what is missing before them
	gone  []*part // files of which nothing can be read
}

// Damage returns all that is damaged, in the order in which it was looked at. What
// Open would close the partition for is among it.
func (s *Survey) Damage() (damage []error) {
	add := func(err error) {
		if err != nil {
			damage = append(damage, err)
		}
	}
	add(s.StartErr)
	for _, l := range []*LogSurvey{&s.Control, &s.Events} {
		add(l.Err)
		for _, lost := range l.Lost {
			add(lost)
		}
	}
	for _, f := range s.Files {
		add(f.Err)
	}
	for _, f := range s.Spools {
		add(f.Err)
	}
	return damage
}

// Survey reads all of a partition. A start takes the place of what the start file says;
// it may be nil. The error is that of a folder that cannot be listed; damage is no
// error.
func (f *Folder) Survey(partition int, start *Start) (*Survey, error) {
	dir := f.partitionDir(partition)
	names, err := f.fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	s := &Survey{Partition: partition}
	s.Start, s.StartErr = f.start(partition)
	s.Known = start != nil || s.StartErr == nil
	if start != nil {
		s.Start = *start
	}
	for _, k := range []Kind{ControlLog, EventsLog} {
		l, at := &s.Control, &s.Start.Control
		if k == EventsLog {
			l, at = &s.Events, &s.Start.Events
		}
		if !s.Known {
			at = nil
		}
		if *l, err = f.surveyLog(f.parts(partition, k, names), at); err != nil {
			return nil, err
		}
		if len(l.parts) == 0 {
			l.Err = &CorruptError{File: dir, Err: fmt.Errorf("no segment of the %s log that can be read", k)}
		}
	}
	s.Files = f.findFiles(partition, names)
	s.Spools, err = f.findSpools(partition)
	return s, err
}

// start reads the start of a partition.
func (f *Folder) start(partition int) (Start, error) {
	name := filepath.Join(f.partitionDir(partition), startName)
	file, err := f.fs.Open(name)
	if err != nil {
		return Start{}, &CorruptError{File: name, Err: err}
	}
	defer file.Close() // only read from: nothing to lose
	s, err := readStart(file, startRecord{Partition: uint32(partition), Journal: f.id.ID})
	if err != nil {
		return Start{}, &CorruptError{File: name, Err: err}
	}
	return s.last.Start, nil
}

// part is a segment as it was found.
type part struct {
	*segment
	absent bool  // it has no file, and should have one
	bad    bool  // it has to be written anew
	broken *Lost // what is wrong with its header, or with all of it
}

// parts returns the segments of a log by number, with no more than their names tell.
func (f *Folder) parts(partition int, k Kind, names []string) (parts []*part) {
	for _, number := range segmentNumbers(names, k) {
		h := segmentHeader{Kind: k, Partition: uint32(partition), Journal: f.id.ID, Number: number}
		parts = append(parts, &part{segment: &segment{header: h, name: segmentName(f.partitionDir(partition), k, number)}})
	}
	return parts
}

// surveyLog finds out what there is of a log from its start on; nil: from its
// beginning.
func (f *Folder) surveyLog(parts []*part, start *uint64) (l LogSurvey, err error) {
	if err := f.readHeaders(&l, parts); err != nil {
		return l, err
	}
	if l.from(start); len(l.parts) == 0 {
		return l, nil
	}
	l.From = l.parts[0].header.Base
	for i, p := range l.parts {
		if err := f.walk(l.parts, i, func(piece piece) error {
			if piece.lost != nil {
				l.Lost, p.bad = append(l.Lost, piece.lost), true
			}
			return nil
		}); err != nil {
			return l, err
		}
		l.Segments++
		l.Bytes += p.size
		if l.To = p.end.next; i == 0 {
			l.FirstEnd = l.To
		}
	}
	if last := l.parts[len(l.parts)-1]; start != nil && l.To < *start {
		l.Lost, last.bad = append(l.Lost, &Lost{From: l.To, To: *start, Damage: &CorruptError{File: last.name,
			Offset: last.end.pos, Err: fmt.Errorf("the log ends at offset %d, below its start %d", l.To, *start)}}), true
		l.To = *start
	}
	return l, nil
}

// readHeaders reads the headers of segments, or makes up those that do not verify.
func (f *Folder) readHeaders(l *LogSurvey, parts []*part) error {
	for _, p := range parts {
		known, err := f.readHeader(p)
		switch {
		case isAbsent(err) && f.lock == nil: // it was released a moment ago
		case err != nil:
			return err
		case known:
			l.parts = append(l.parts, p)
		default:
			l.gone = append(l.gone, p)
		}
	}
	return nil
}

// readHeader reads the header of a segment, and makes one up if it is damaged; known
// is false if nothing of the segment can be read.
func (f *Folder) readHeader(p *part) (known bool, err error) {
	file, err := f.fs.Open(p.name)
	if err != nil {
		return false, err
	}
	defer file.Close() // only read from: nothing to lose
	if p.size, err = file.Size(); err != nil {
		return false, err
	}
	h, err := readSegmentHeader(file, p.name, p.header)
	if err == nil {
		p.header, p.salt = h, h.salt()
		return true, nil
	}
	var damage *CorruptError
	if !errors.As(err, &damage) {
		return false, err
	}
	known, err = guess(file, p.segment)
	base := p.header.Base
	p.bad, p.broken = true, &Lost{From: base, To: base, Damage: damage}
	return known, err
}

// from leaves out what lies wholly below the start, which is not judged, and adds what
// is missing if the log begins above it.
func (l *LogSurvey) from(start *uint64) {
	if len(l.parts) == 0 {
		return
	}
	first := 0
	for i, p := range l.parts {
		if start != nil && p.header.Base <= *start {
			first = i
		}
	}
	l.parts = l.parts[first:]
	h := l.parts[0].header
	l.gone = slices.DeleteFunc(l.gone, func(p *part) bool { return p.header.Number < h.Number })
	if start != nil && h.Base > *start && h.Number > 0 {
		h.Number, h.Base, h.Seed = h.Number-1, *start, 0
		dir := filepath.Dir(l.parts[0].name)
		seg := &segment{header: h, name: segmentName(dir, h.Kind, h.Number), salt: h.salt()}
		l.parts = slices.Insert(l.parts, 0, &part{segment: seg, absent: true, bad: true})
	}
	for _, p := range slices.Concat(l.gone, l.parts) {
		if p.broken != nil {
			l.Lost = append(l.Lost, p.broken)
		}
	}
}

// walk visits what is in one of the parts of a log, and notes where it ends.
func (f *Folder) walk(parts []*part, i int, visit func(piece) error) error {
	p := parts[i]
	var next *segment
	if i+1 < len(parts) {
		next = parts[i+1].segment
	}
	if p.absent {
		base := p.header.Base
		p.end = next.header.head()
		return visit(piece{lost: &Lost{From: base, To: next.header.Base, Damage: &CorruptError{File: p.name, Err: fmt.Errorf(
			"the segment is missing: the log begins at offset %d, above its start %d", next.header.Base, base)}}})
	}
	file, err := f.fs.Open(p.name)
	if err != nil {
		return err
	}
	defer file.Close() // only read from: nothing to lose
	p.end, err = salvage(file, p.segment, next, visit)
	return err
}

// isAbsent says that a file is not there, as one that was just released.
func isAbsent(err error) bool { return errors.Is(err, fs.ErrNotExist) }
