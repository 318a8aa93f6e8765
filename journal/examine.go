package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
)

// Folder is a data folder that is looked at, or mended, without a journal. It
// belongs to one goroutine.
type Folder struct {
	dir  string
	fs   FS
	id   identity
	lock io.Closer // nil beside a service: nothing may be changed
}

// Examine opens a data folder for reading only, also one that a service has open. A
// nil fsys is the operating system's.
func Examine(dir string, fsys FS) (*Folder, error) {
	if fsys == nil {
		fsys = OS()
	}
	f := &Folder{dir: dir, fs: fsys}
	var err error
	if f.id, err = readIdentity(fsys, dir); isAbsent(err) {
		if names, err := fsys.List(dir); err != nil || !isDataFolder(names) {
			return nil, errors.Join(fmt.Errorf("%s is no data folder", dir), err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open data folder %s: %w", dir, err)
	}
	if !f.id.Ready {
		return nil, fmt.Errorf("open data folder %s: it was never finished: no event was ever accepted into it", dir)
	}
	return f, nil
}

// Claim is Examine of a folder that nothing else has open, and that nothing else can
// open until Close. [ErrLocked] says that something has.
func Claim(dir string, fsys FS) (*Folder, error) {
	if fsys == nil {
		fsys = OS()
	}
	// Without this look the lock would make a file in any folder that is named.
	names, err := fsys.List(dir)
	if err != nil {
		return nil, fmt.Errorf("open data folder: %w", err)
	}
	if !isDataFolder(names) {
		return nil, fmt.Errorf("%s is no data folder", dir)
	}
	lock, err := fsys.Lock(filepath.Join(dir, lockName))
	if err != nil {
		return nil, fmt.Errorf("lock data folder %s: %w", dir, err)
	}
	f, err := Examine(dir, fsys)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	f.lock = lock
	return f, nil
}

func isDataFolder(names []string) bool {
	for _, name := range names {
		if name == identityName || name == lockName || isPartition(name) {
			return true
		}
	}
	return false
}

// Close gives the folder up.
func (f *Folder) Close() error {
	if f.lock == nil {
		return nil
	}
	return f.lock.Close()
}

// Dir returns its path.
func (f *Folder) Dir() string { return f.dir }

// ID returns the journal's random id.
func (f *Folder) ID() [16]byte { return f.id.ID }

// Endpoint returns the S3 endpoint that the folder's events go to; empty is AWS.
func (f *Folder) Endpoint() string { return f.id.Endpoint }

// Partitions returns their number.
func (f *Folder) Partitions() int { return f.id.Partitions }

// partitionDir returns the folder of a partition.
func (f *Folder) partitionDir(i int) string { return filepath.Join(f.dir, partitionName(i)) }

// ReadFile returns a small file of a partition, as [Partition.ReadFile] does.
func (f *Folder) ReadFile(partition int, name string) ([]byte, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	return readFile(f.fs, filepath.Join(f.partitionDir(partition), name), fileSalt(f.id.ID, partition, name))
}

// OpenSpool opens a spool of a partition, as [Partition.OpenSpool] does.
func (f *Folder) OpenSpool(partition int, name string) (io.ReadCloser, error) {
	if err := checkFileName(name); err != nil {
		return nil, err
	}
	file, err := f.fs.Open(filepath.Join(f.partitionDir(partition), parkedName, name))
	if err != nil {
		return nil, err
	}
	size, err := file.Size()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return struct {
		io.Reader
		io.Closer
	}{io.NewSectionReader(file, 0, size), file}, nil
}

// Found is a file that lies beside the logs of a partition.
type Found struct {
	// Name is what the caller of the journal called it.
	Name string
	// Size is its length in bytes; of a small file, without the trailer.
	Size int64
	// Err is what is wrong with it, or nil: a *[CorruptError]. Of a spool only what
	// the disk gives is known, not what it should be.
	Err error
}

// findFiles reads all small files of a partition.
func (f *Folder) findFiles(partition int, names []string) (found []Found) {
	for _, name := range callersFiles(names) {
		data, err := f.ReadFile(partition, name)
		found = append(found, Found{Name: name, Size: int64(len(data)),
			Err: asDamage(filepath.Join(f.partitionDir(partition), name), err)})
	}
	return found
}

// findSpools lists the spools of a partition.
func (f *Folder) findSpools(partition int) (found []Found, err error) {
	dir := filepath.Join(f.partitionDir(partition), parkedName)
	names, err := f.fs.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if isUnfinished(name) {
			continue
		}
		size, err := fileSize(f.fs, filepath.Join(dir, name))
		found = append(found, Found{Name: name, Size: size, Err: asDamage(filepath.Join(dir, name), err)})
	}
	return found, nil
}

// asDamage makes damage of file out of an error of reading it.
func asDamage(file string, err error) error {
	var damage *CorruptError
	if err == nil || errors.As(err, &damage) {
		return err
	}
	return &CorruptError{File: file, Err: err}
}
