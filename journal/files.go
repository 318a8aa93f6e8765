package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// WriteFile makes a small file durable beside the logs: when it returns nil, data
// stands under name, in place of what stood there before; after an error or a
// crash either does, whole. Writes of a partition follow one another; each waits
// for the disk.
//
// It has space of its own: should the disk be full, it takes what is kept for it,
// once. Until that is there again no segment of the events log is begun: appends to
// it answer [ErrFull] as soon as the present one ends. The space suffices for a file
// as large as any that stands there, or as a control segment; for a larger one,
// and for a second one on a full disk, the error wraps ErrFull, and nothing has
// changed. Every other error is that of the partition or final for the journal.
func (p *Partition) WriteFile(name string, data []byte) error {
	if err := checkFileName(name); err != nil {
		return err
	}
	p.beside.RLock()
	defer p.beside.RUnlock()
	p.writing.Lock()
	defer p.writing.Unlock()
	if err := p.refusal(); err != nil {
		return err
	}
	path, size := filepath.Join(p.dir, name), int64(len(data))+fileTrailer
	f, err := p.fileSpace(path+tmpSuffix, size)
	if err != nil {
		return p.changeError("make room for "+path, err)
	}
	trailer := encodeTrailer(fileSalt(p.j.id, p.index, name), data)
	if err := p.finish(f, path, size, func() error {
		if _, err := f.WriteAt(data, 0); err != nil {
			return err
		}
		_, err := f.WriteAt(trailer, int64(len(data)))
		return err
	}); err != nil {
		return err
	}
	p.largest.Store(max(p.largest.Load(), size))
	if err := p.ensureFileSpareLocked(); err != nil && !errors.Is(err, ErrFull) {
		return err
	}
	return nil
}

// finish writes what is missing in an unfinished file, ends it at size bytes, makes
// it durable and gives it its name. After want of space it is gone.
//
// Commit point: the sync of the folder. A crash before it leaves what stood under
// the name before, or the whole new file; a crash after it, the new file.
func (p *Partition) finish(f File, path string, size int64, write func() error) error {
	fsys := p.j.fs
	err := write()
	if err == nil {
		err = f.Truncate(size) // a spare is longer, and so is what a spool has allocated ahead
	}
	if err != nil {
		return p.dropUnfinished(f, path, err)
	}
	if err := f.Sync(); err != nil {
		f.Close()
		return p.j.fail(fmt.Errorf("sync %s: %w", path, err))
	}
	if err := f.Close(); err != nil {
		return p.j.fail(fmt.Errorf("close %s: %w", path, err))
	}
	if err := fsys.Rename(path+tmpSuffix, path); err != nil {
		return p.dropUnfinished(nil, path, err)
	}
	if err := fsys.SyncDir(filepath.Dir(path)); err != nil {
		return p.j.fail(fmt.Errorf("sync folder %s: %w", filepath.Dir(path), err))
	}
	return nil
}

// dropUnfinished clears away a file that could not be written, and says what the
// error means. Unless it was for want of space, the next Open removes it.
func (p *Partition) dropUnfinished(f File, path string, err error) error {
	if f != nil {
		f.Close()
	}
	err = p.changeError("write "+path, err)
	if errors.Is(err, ErrFull) && p.j.Err() == nil {
		if rm := p.j.fs.Remove(path + tmpSuffix); rm != nil {
			return p.j.fail(fmt.Errorf("remove unfinished %s: %w", path, rm))
		}
	}
	return err
}

// ReadFile returns what WriteFile has put under the name: [fs.ErrNotExist] if there
// is no such file, and a *[CorruptError], which closes the partition, if it does not
// read back as it was written.
func (p *Partition) ReadFile(name string) ([]byte, error) {
	return p.readBeside(name, func(path string, err error) error { return p.readError(path, 0, err) })
}

// PeekFile is [Partition.ReadFile] for what nothing depends on: damage is the file's alone,
// and closes nothing.
func (p *Partition) PeekFile(name string) ([]byte, error) {
	return p.readBeside(name, func(path string, err error) error { return fmt.Errorf("read %s: %w", path, err) })
}

// readBeside reads a small file; failed says what it means that this failed.
func (p *Partition) readBeside(name string, failed func(path string, err error) error) ([]byte, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	p.beside.RLock()
	defer p.beside.RUnlock()
	if err := p.refusal(); err != nil {
		return nil, err
	}
	path := filepath.Join(p.dir, name)
	data, err := readFile(p.j.fs, path, fileSalt(p.j.id, p.index, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err != nil {
		return nil, failed(path, err)
	}
	return data, nil
}

// readFile returns the data of a file that verifies.
func readFile(fsys FS, path string, salt uint32) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read from: nothing to lose
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	end := max(size-fileTrailer, 0)
	trailer, err := readFully(f, end, size-end)
	if err != nil {
		return nil, &CorruptError{File: path, Offset: end, Err: err}
	}
	sum, err := decodeTrailer(salt, trailer, size)
	if err != nil {
		return nil, &CorruptError{File: path, Offset: end, Err: err}
	}
	data, err := readFully(f, 0, end)
	if err == nil && castagnoli(0, data) != sum {
		err = errors.New("file: checksum of the data does not match")
	}
	if err != nil {
		return nil, &CorruptError{File: path, Err: err}
	}
	return data, nil
}

// readFully returns n bytes at off, all of which must be there.
func readFully(f io.ReaderAt, off, n int64) ([]byte, error) {
	b := make([]byte, n)
	got, err := f.ReadAt(b, off)
	switch {
	case int64(got) == n:
		return b, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, io.ErrUnexpectedEOF
	}
	return nil, err
}

// RemoveFile takes a file away. One that is absent is no error. After a crash it may
// be there again.
func (p *Partition) RemoveFile(name string) error {
	if err := checkFileName(name); err != nil {
		return err
	}
	p.beside.RLock()
	defer p.beside.RUnlock()
	if err := p.refusal(); err != nil {
		return err
	}
	path := filepath.Join(p.dir, name)
	if err := p.j.fs.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return p.changeError("remove "+path, err)
	}
	return nil
}

// Files returns the names of the small files, sorted.
func (p *Partition) Files() ([]string, error) {
	p.beside.RLock()
	defer p.beside.RUnlock()
	if err := p.refusal(); err != nil {
		return nil, err
	}
	names, err := p.j.fs.List(p.dir)
	if err != nil {
		return nil, p.readError(p.dir, 0, err)
	}
	return callersFiles(names), nil
}

func callersFiles(names []string) []string {
	files := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !isCallersFile(n) })
	slices.SortFunc(files, strings.Compare)
	return files
}
