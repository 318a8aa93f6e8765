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

// spoolSteps is how many of the steps in which a spool takes space make a segment.
const spoolSteps = 64

// Spool is a large file that is being written. It belongs to one goroutine, which
// ends it with Commit or Abort, before the journal is closed.
type Spool struct {
	p     *Partition // immutable
	name  string     // immutable
	path  string     // immutable: where it will lie
	file  File       // nil once it has ended
	size  int64      // bytes that were written
	taken int64      // bytes that were allocated, and counted
	err   error      // the first; only Abort is left then
}

// CreateSpool begins a large file. Nobody sees it before Commit, and a crash until
// then leaves nothing of it. One spool of a name may be under way at a time.
func (p *Partition) CreateSpool(name string) (*Spool, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	p.beside.RLock()
	defer p.beside.RUnlock()
	if err := p.refusal(); err != nil {
		return nil, err
	}
	if err := p.makeParked(); err != nil {
		return nil, err
	}
	s := &Spool{p: p, name: name, path: filepath.Join(p.dir, parkedName, name)}
	var err error
	s.file, err = p.j.fs.Create(s.path + tmpSuffix)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("journal: spool %s is being written already: %w", s.path, err)
	}
	if err != nil {
		return nil, p.changeError("create "+s.path, err)
	}
	return s, nil
}

// makeParked makes the folder of the spools, the first time that it is needed.
func (p *Partition) makeParked() error {
	p.spools.Lock()
	defer p.spools.Unlock()
	if p.spools.folder {
		return nil
	}
	if err := p.j.fs.MkdirAll(filepath.Join(p.dir, parkedName)); err != nil {
		return p.changeError("make folder of spools", err)
	}
	if err := p.j.fs.SyncDir(p.dir); err != nil {
		return p.j.fail(fmt.Errorf("sync folder %s: %w", p.dir, err))
	}
	p.spools.folder = true
	return nil
}

// Write puts bytes at the end. The space that it takes counts towards the quota and
// is not refused by it: a spool is written so that event segments can go, which in a
// journal whose quota is used up nothing else may achieve. On a full disk the error
// wraps [ErrFull]. After any error the spool can only be given up.
func (s *Spool) Write(b []byte) (int, error) {
	s.p.beside.RLock()
	defer s.p.beside.RUnlock()
	if err := s.refusal(); err != nil {
		return 0, err
	}
	if s.err = s.grow(s.size + int64(len(b))); s.err != nil {
		return 0, s.err
	}
	if _, err := s.file.WriteAt(b, s.size); err != nil {
		s.err = s.p.changeError("write "+s.path, err)
		return 0, s.err
	}
	s.size += int64(len(b))
	return len(b), nil
}

// refusal returns why the spool takes no more, or nil.
func (s *Spool) refusal() error {
	if s.file == nil {
		return fmt.Errorf("journal: spool %s: %w", s.path, fs.ErrClosed)
	}
	if s.err != nil {
		return s.err
	}
	return s.p.refusal()
}

// grow allocates size bytes, and some more if there is room for them.
func (s *Spool) grow(size int64) error {
	if size <= s.taken {
		return nil
	}
	step := s.p.j.cfg.SegmentBytes / spoolSteps
	err := s.allocate(max(size, s.taken+step))
	if errors.Is(err, ErrFull) && s.p.j.Err() == nil && size < s.taken+step {
		err = s.allocate(size)
	}
	return err
}

func (s *Spool) allocate(size int64) error {
	more := size - s.taken
	s.p.j.reserve(more, true)
	if err := s.file.Allocate(size); err != nil {
		s.p.j.reserve(-more, true)
		return s.p.changeError("allocate "+s.path, err)
	}
	s.taken = size
	return nil
}

// Commit makes the spool durable under its name, in place of one that stood there
// before. After an error only Abort is left; only ErrFull may be tried again, with
// another spool.
func (s *Spool) Commit() error {
	s.p.beside.RLock()
	defer s.p.beside.RUnlock()
	if err := s.refusal(); err != nil {
		return err
	}
	f := s.file
	s.file = nil
	if err := s.p.finish(f, s.path, s.size, func() error { return nil }); err != nil {
		s.p.j.reserve(-s.taken, true)
		return err
	}
	s.p.j.reserve(s.size-s.taken, true)
	s.p.noteSpool(s.name, s.size)
	return nil
}

// Abort gives up what was written, unless Commit has ended the spool: then it does
// nothing, so it may be deferred.
func (s *Spool) Abort() error {
	if s.file == nil {
		return nil
	}
	s.p.beside.RLock()
	defer s.p.beside.RUnlock()
	s.file.Close() // what is in it is not wanted
	s.file = nil
	s.p.j.reserve(-s.taken, true)
	if s.p.refusal() != nil {
		return nil // the next Open removes it
	}
	if err := s.p.j.fs.Remove(s.path + tmpSuffix); err != nil {
		return s.p.changeError("remove "+s.path, err)
	}
	return nil
}

// noteSpool counts a spool that has become durable, instead of one that it replaced.
func (p *Partition) noteSpool(name string, size int64) {
	p.spools.Lock()
	defer p.spools.Unlock()
	p.j.reserve(-p.spools.sizes[name], true)
	p.spools.sizes[name] = size
}

// SpoolFile is a spool that is being read. Its reads may be called together.
type SpoolFile struct {
	p    *Partition // immutable
	path string     // immutable
	file File       // immutable
	size int64      // immutable
}

// OpenSpool opens a spool that was committed. The error wraps [fs.ErrNotExist] if
// there is none of that name, and [ErrFull] for want of a file descriptor.
func (p *Partition) OpenSpool(name string) (*SpoolFile, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	p.beside.RLock()
	defer p.beside.RUnlock()
	if err := p.refusal(); err != nil {
		return nil, err
	}
	path := filepath.Join(p.dir, parkedName, name)
	f, err := p.j.fs.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err != nil {
		return nil, p.readError(path, 0, err)
	}
	size, err := f.Size()
	if err != nil {
		f.Close()
		return nil, p.readError(path, 0, err)
	}
	return &SpoolFile{p: p, path: path, file: f, size: size}, nil
}

// ReadAt implements [io.ReaderAt]. Bytes that the disk does not give close the
// partition with a *[CorruptError]. The journal does not know what the bytes should
// be: that is for the caller, who has [Partition.Damage].
func (s *SpoolFile) ReadAt(b []byte, off int64) (int, error) {
	n, err := s.file.ReadAt(b, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return n, s.p.readError(s.path, off, err)
	}
	return n, err
}

// Size returns the length in bytes.
func (s *SpoolFile) Size() int64 { return s.size }

// Close gives up the file. It may be called after the journal's Close.
func (s *SpoolFile) Close() error { return s.file.Close() }

// RemoveSpool takes a spool away and gives its space back to the quota. One that is
// absent is no error. After a crash it may be there again.
func (p *Partition) RemoveSpool(name string) error {
	if err := checkFileName(name); err != nil {
		return err
	}
	p.beside.RLock()
	defer p.beside.RUnlock()
	if err := p.refusal(); err != nil {
		return err
	}
	p.spools.Lock()
	defer p.spools.Unlock()
	size, ok := p.spools.sizes[name]
	if !ok {
		return nil
	}
	path := filepath.Join(p.dir, parkedName, name)
	if err := p.j.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.changeError("remove "+path, err)
	}
	delete(p.spools.sizes, name)
	p.j.reserve(-size, true)
	return nil
}

// Spools returns the names of the spools that were committed, sorted.
func (p *Partition) Spools() ([]string, error) {
	if err := p.refusal(); err != nil {
		return nil, err
	}
	p.spools.Lock()
	defer p.spools.Unlock()
	return slices.Sorted(maps.Keys(p.spools.sizes)), nil
}

// findSpools counts the spools, and returns the paths of unfinished ones.
func (p *Partition) findSpools(names []string) (unfinished []string, err error) {
	if !slices.Contains(names, parkedName) {
		return nil, nil
	}
	p.spools.folder = true
	dir := filepath.Join(p.dir, parkedName)
	spools, err := p.j.fs.List(dir)
	if err != nil {
		return nil, err
	}
	for _, name := range spools {
		path := filepath.Join(dir, name)
		if isUnfinished(name) {
			unfinished = append(unfinished, path)
			continue
		}
		if p.spools.sizes[name], err = fileSize(p.j.fs, path); err != nil {
			return nil, err
		}
		p.j.reserve(p.spools.sizes[name], true)
	}
	return unfinished, nil
}
