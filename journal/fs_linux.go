package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// Sync is fdatasync: it writes the bytes and the length, and leaves out the
// times, which nothing here reads.
func (f osFile) Sync() error {
	err := retryEINTR(func() error { return unix.Fdatasync(int(f.f.Fd())) })
	if err != nil {
		return &os.PathError{Op: "fdatasync", Path: f.f.Name(), Err: err}
	}
	return nil
}

func (f osFile) Allocate(size int64) error {
	err := retryEINTR(func() error { return unix.Fallocate(int(f.f.Fd()), 0, 0, size) })
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		return f.writeZeros(size)
	case err != nil:
		return &os.PathError{Op: "fallocate", Path: f.f.Name(), Err: err}
	}
	return nil
}
