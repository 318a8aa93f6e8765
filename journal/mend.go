package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
)

// Mending is what is to become of a damaged partition. What is readable is kept, also
// behind damage. No offset changes.
type Mending struct {
	// Dropped is the name of a folder in the data folder. Whatever is changed or
	// removed is copied there before, as it was found. Needed.
	Dropped string
	// Events and Control are what is to become of the logs.
	Events, Control LogMending
	// Write are small files to be written, by name.
	Write map[string][]byte
	// Remove and RemoveSpools are names of small files and spools to be removed.
	Remove, RemoveSpools []string
}

// LogMending is what is to become of a log.
type LogMending struct {
	// Records are what is to stand at these offsets. Records that are lost and not
	// among them become empty ones.
	Records map[uint64][]byte
	// UpTo makes the log go up to this offset at least, with empty records.
	UpTo uint64
}

// Mend makes a partition whole. It does what s has found damaged in the logs, and what
// m says, and writes the start file anew if that is damaged. The survey must know the
// start; the folder must be claimed, and nothing changed in it since. After an error or
// a crash it may be called again, with a survey made anew.
func (f *Folder) Mend(s *Survey, m Mending) error {
	switch {
	case f.lock == nil:
		return errors.New("journal: mend: the folder is not claimed")
	case !s.Known:
		return fmt.Errorf("journal: mend: the start is not known: %w", s.StartErr)
	}
	if err := errors.Join(s.Events.Err, s.Control.Err); err != nil {
		return fmt.Errorf("journal: mend: nothing is left to go on from: %w", err)
	}
	d := &mender{Folder: f, survey: s, dir: f.partitionDir(s.Partition), dropped: filepath.Join(f.dir, m.Dropped, partitionName(s.Partition))}
	for _, step := range []func(Mending) error{d.clear, d.keep, d.write, d.rewriteLogs, d.start, d.remove} {
		if err := step(m); err != nil {
			return fmt.Errorf("mend partition %d: %w", s.Partition, err)
		}
	}
	return nil
}

// mender mends one partition.
type mender struct {
	*Folder
	survey  *Survey
	dir     string
	dropped string // folder of the copies
}

// clear removes unfinished files, as Open does.
func (d *mender) clear(Mending) error {
	for _, dir := range []string{d.dir, filepath.Join(d.dir, parkedName)} {
		names, err := d.fs.List(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			if !isUnfinished(name) {
				continue
			}
			if err := d.fs.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// keep copies all that is going to be changed.
func (d *mender) keep(m Mending) error {
	var names []string
	for _, l := range []struct {
		found *LogSurvey
		to    LogMending
	}{{&d.survey.Control, m.Control}, {&d.survey.Events, m.Events}} {
		for i, p := range l.found.parts {
			if l.found.changes(i, l.to) && !p.absent {
				names = append(names, filepath.Base(p.name))
			}
		}
		for _, p := range l.found.gone {
			names = append(names, filepath.Base(p.name))
		}
	}
	if d.survey.StartErr != nil {
		names = append(names, startName)
	}
	names = slices.Concat(names, slices.Sorted(maps.Keys(m.Write)), m.Remove)
	for _, name := range m.RemoveSpools {
		names = append(names, filepath.Join(parkedName, name))
	}
	for _, name := range names {
		if err := d.copy(name); err != nil {
			return fmt.Errorf("copy %s to %s: %w", name, d.dropped, err)
		}
	}
	return nil
}

// copy copies a file of the partition, if it is there, and makes the copy durable.
func (d *mender) copy(name string) error {
	from, err := d.fs.Open(filepath.Join(d.dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer from.Close() // only read from: nothing to lose
	to := filepath.Join(d.dropped, name)
	if err := d.fs.MkdirAll(filepath.Dir(to)); err != nil {
		return err
	}
	if _, err := fileSize(d.fs, to); err == nil {
		return nil // the copy of a try before this one, which may have changed the file
	}
	return d.replace(to, func(f File) error { return copyFile(f, &patient{File: from}) })
}

// copyFile copies what the disk gives of a file, and zeros for what it does not.
func copyFile(to File, from *patient) error {
	size, err := from.Size()
	if err != nil {
		return err
	}
	if err := to.Allocate(size); err != nil {
		return err
	}
	b := make([]byte, min(size, 1<<20))
	for at := int64(0); at < size; at += int64(len(b)) {
		b = b[:min(int64(len(b)), size-at)]
		if _, err := from.ReadAt(b, at); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if _, err := to.WriteAt(b, at); err != nil {
			return err
		}
	}
	return nil
}

// replace makes a file durable, with its folders, in place of one that may be there.
func (d *mender) replace(name string, write func(File) error) error {
	if err := d.fs.Remove(name + tmpSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := d.fs.Create(name + tmpSuffix)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, d.fs.Remove(name+tmpSuffix))
	}
	if err := d.fs.Rename(name+tmpSuffix, name); err != nil {
		return err
	}
	for dir := filepath.Dir(name); ; dir = filepath.Dir(dir) {
		if err := d.fs.SyncDir(dir); err != nil || dir == d.Folder.dir {
			return err
		}
	}
}

// write writes the small files: before the logs, which may speak of them.
func (d *mender) write(m Mending) error {
	for _, name := range slices.Sorted(maps.Keys(m.Write)) {
		if err := checkFileName(name); err != nil {
			return err
		}
		data := m.Write[name]
		trailer := encodeTrailer(fileSalt(d.id.ID, d.survey.Partition, name), data)
		err := d.replace(filepath.Join(d.dir, name), func(f File) error {
			if err := f.Allocate(int64(len(data) + len(trailer))); err != nil {
				return err
			}
			_, err := f.WriteAt(slices.Concat(data, trailer), 0)
			return err
		})
		if err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// rewriteLogs writes damaged segments anew: first those of control, which say what
// becomes of events that are lost.
func (d *mender) rewriteLogs(m Mending) error {
	return errors.Join(d.rewriteLog(&d.survey.Control, m.Control), d.rewriteLog(&d.survey.Events, m.Events))
}

func (d *mender) rewriteLog(l *LogSurvey, m LogMending) error {
	for i := range l.parts {
		if !l.changes(i, m) {
			continue
		}
		// commit point of this segment: the sync of the folder behind the rename. The
		// others need not know, since it begins and ends with the same chain values.
		if err := d.replace(l.parts[i].name, func(f File) error { return d.rewrite(f, l, i, m) }); err != nil {
			return err
		}
	}
	for _, p := range l.gone {
		if err := d.fs.Remove(p.name); err != nil {
			return err
		}
	}
	return d.fs.SyncDir(d.dir)
}

// changes says that a segment has to be written anew.
func (l *LogSurvey) changes(i int, m LogMending) bool {
	p := l.parts[i]
	if p.bad || i == len(l.parts)-1 && m.UpTo > p.end.next {
		return true
	}
	for offset := range m.Records {
		if p.header.Base <= offset && offset < p.end.next {
			return true
		}
	}
	return false
}

// rewrite writes a segment anew, and reads it back as recovery will.
func (d *mender) rewrite(f File, l *LogSurvey, i int, m LogMending) error {
	p := l.parts[i]
	r, err := newRewriter(f, p.segment, m.Records)
	if err != nil {
		return err
	}
	if err := d.walk(l.parts, i, r.piece); err != nil {
		return err
	}
	if i+1 < len(l.parts) {
		next := l.parts[i+1].segment
		if err := r.end(next); err != nil {
			return err
		}
		_, err = scanTo(f, p.segment, r.w.tip.pos, next.header)
		return err
	}
	to := max(l.To, m.UpTo)
	if err := errors.Join(r.fill(to), r.end(nil)); err != nil {
		return err
	}
	back, err := scanLast(f, p.segment, r.w.tip.pos)
	if err == nil && back.proven.next != to {
		return fmt.Errorf("rewrite %s: it ends at offset %d, want %d", p.name, back.proven.next, to)
	}
	return err
}

// start writes the start file anew, if it is damaged.
func (d *mender) start(Mending) error {
	if d.survey.StartErr == nil {
		return nil
	}
	return d.replace(filepath.Join(d.dir, startName), func(f File) error {
		return createStart(f, startRecord{Partition: uint32(d.survey.Partition), Journal: d.id.ID, Start: d.survey.Start})
	})
}

// remove removes what is to go. Should it come back after a crash, it is found again.
func (d *mender) remove(m Mending) error {
	var paths []string
	for _, name := range m.Remove {
		paths = append(paths, filepath.Join(d.dir, name))
	}
	for _, name := range m.RemoveSpools {
		paths = append(paths, filepath.Join(d.dir, parkedName, name))
	}
	for _, path := range paths {
		if err := d.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
