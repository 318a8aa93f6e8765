//go:build unix

package journal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// OS returns the file system of the operating system. Folders (0700) and files (0600) that
// it makes are for their owner alone, whatever the umask: they hold the payloads of customers.
func OS() FS { return &osFS{folders: map[string]*os.File{}} }

// osFS keeps the folders open that it has synced: a sync that found no descriptor
// would be as final as one that the disk refuses.
type osFS struct {
	mu      sync.Mutex
	folders map[string]*os.File // guarded by mu
}

func (*osFS) Create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(fileMode); err != nil { // a umask may have left less
		return nil, errors.Join(err, f.Close(), os.Remove(name))
	}
	return osFile{f}, nil
}

func (*osFS) Open(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (*osFS) Rename(from, to string) error { return os.Rename(from, to) }

func (*osFS) Remove(name string) error { return os.Remove(name) }

func (o *osFS) MkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if above := filepath.Dir(dir); above != dir {
		if err := o.MkdirAll(above); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, folderMode); err != nil {
		if info, other := os.Stat(dir); other == nil && info.IsDir() {
			return nil // somebody else was faster
		}
		if errors.Is(err, fs.ErrExist) { // which would be taken for a refusal to use a folder that is there
			return &fs.PathError{Op: "mkdir", Path: dir, Err: unix.ENOTDIR}
		}
		return err
	}
	return os.Chmod(dir, folderMode) // a umask may have left less
}

func (*osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

func (o *osFS) SyncDir(dir string) error {
	d, err := o.folder(dir)
	if err != nil {
		return err
	}
	return d.Sync()
}

func (o *osFS) folder(dir string) (*os.File, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d := o.folders[dir]; d != nil {
		return d, nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	o.folders[dir] = d
	return d, nil
}

func (*osFS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, err
	}
	if err := f.Chmod(fileMode); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	err = retryEINTR(func() error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) })
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = fmt.Errorf("%w%s: stop that first", ErrLocked, ownerOf(f))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", name, err), f.Close())
	}
	sign(f)
	return f, nil
}

// sign writes who holds the lock into its file, for people. What can't be written is
// not said: the lock holds all the same.
func sign(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
}

// ownerOf names the process that has signed the file of a lock; "" if none has.
func ownerOf(f *os.File) string {
	text := make([]byte, 20)
	n, _ := f.ReadAt(text, 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (%d)", pid)
}

// osFile is an *os.File; Sync and Allocate are what the platform offers.
type osFile struct{ f *os.File }

func (f osFile) ReadAt(p []byte, off int64) (int, error)  { return f.f.ReadAt(p, off) }
func (f osFile) WriteAt(p []byte, off int64) (int, error) { return f.f.WriteAt(p, off) }
func (f osFile) Close() error                             { return f.f.Close() }
func (f osFile) Truncate(size int64) error                { return f.f.Truncate(size) }

func (f osFile) Size() (int64, error) {
	info, err := f.f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// writeZeros grows a file by writing, where the file system cannot allocate.
func (f osFile) writeZeros(size int64) error {
	at, err := f.Size()
	if err != nil {
		return err
	}
	zeros := make([]byte, min(1<<20, max(size-at, 0)))
	for at < size {
		n, err := f.f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at)
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return nil
}

func retryEINTR(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
