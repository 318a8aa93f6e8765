package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
)

// A small file must be written before segments can be released, so a full disk may
// not stop it: its space is kept in a file of its own, and while that is missing the
// events log does not grow.

// fileSpace returns a file of at least size bytes of zeros under a temporary name:
// a new one, or the spare if there is no room. After an error the name is not there.
func (p *Partition) fileSpace(name string, size int64) (File, error) {
	f, err := p.j.allocated(name, size)
	if err == nil || !lacksRoom(err) || p.spare.Load() < size {
		return f, err
	}
	path := filepath.Join(p.dir, fileSpareName)
	if f, err = p.j.fs.Open(path); err != nil {
		return nil, err
	}
	if err := p.j.fs.Rename(path, name); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p.spare.Store(0)
	return f, nil
}

// allocated makes a file with space of its own. After an error it is not there.
func (j *Journal) allocated(name string, size int64) (File, error) {
	f, err := j.fs.Create(name)
	if err != nil {
		return nil, err
	}
	if err := f.Allocate(size); err != nil {
		return nil, errors.Join(err, f.Close(), j.fs.Remove(name))
	}
	return f, nil
}

// ensureFileSpare makes the spare unless there is one. The error wraps [ErrFull] if
// there is no room for it. The events log asks before it begins a segment.
func (p *Partition) ensureFileSpare() error {
	if p.hasFileSpare() {
		return nil // without waiting for a file that is being written
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	return p.ensureFileSpareLocked()
}

// hasFileSpare says that the next file has its space, if it is no larger than those
// that are there.
func (p *Partition) hasFileSpare() bool {
	return p.spare.Load() >= max(p.largest.Load(), p.j.cfg.ControlSegmentBytes)
}

// ensureFileSpareLocked makes a spare that is too small twice as large as needed, so
// that files which grow do not change it each time; or as large as needed, if there
// is no room for more.
func (p *Partition) ensureFileSpareLocked() error {
	if p.hasFileSpare() {
		return nil
	}
	least := max(p.largest.Load(), p.j.cfg.ControlSegmentBytes)
	err := p.makeFileSpare(max(2*p.largest.Load(), least))
	if errors.Is(err, ErrFull) && p.j.Err() == nil {
		err = p.makeFileSpare(least)
	}
	if errors.Is(err, ErrFull) {
		p.j.log.Warn("no room for the spare of the small files; no segment of events is begun until there is",
			slog.String("folder", p.dir), slog.Any("error", err))
	}
	return err
}

// makeFileSpare makes the spare, or a larger one of the one that is there.
func (p *Partition) makeFileSpare(size int64) error {
	path := filepath.Join(p.dir, fileSpareName)
	if p.spare.Load() > 0 {
		return p.growFileSpare(path, size)
	}
	f, err := p.j.allocated(path+tmpSuffix, size)
	if err != nil {
		return p.changeError("make "+path, err)
	}
	if err := p.finish(f, path, size, func() error { return nil }); err != nil {
		return err
	}
	p.spare.Store(size)
	return nil
}

// growFileSpare may be torn by a crash: a spare of any size is one.
func (p *Partition) growFileSpare(path string, size int64) error {
	f, err := p.j.fs.Open(path)
	if err != nil {
		return p.changeError("open "+path, err)
	}
	if err := f.Allocate(size); err != nil {
		f.Close()
		return p.changeError("allocate "+path, err)
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return p.j.fail(fmt.Errorf("sync %s: %w", path, err))
	}
	p.spare.Store(size)
	return f.Close()
}

// findFiles takes the sizes of the small files and of their spare.
func (p *Partition) findFiles(names []string) error {
	for _, name := range callersFiles(names) {
		size, err := fileSize(p.j.fs, filepath.Join(p.dir, name))
		if err != nil {
			return err
		}
		p.largest.Store(max(p.largest.Load(), size))
	}
	size, err := fileSize(p.j.fs, filepath.Join(p.dir, fileSpareName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	p.spare.Store(size)
	return err
}

// fileSize returns the size of a file. What the disk does not give is damage.
func fileSize(fsys FS, name string) (int64, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", name, err)
	}
	defer f.Close() // only read from: nothing to lose
	size, err := f.Size()
	if err != nil {
		return 0, &CorruptError{File: name, Err: err}
	}
	return size, nil
}
