package journaltest

import (
	"io"
	"sync/atomic"
)

// file is an open file of an FS.
type file struct {
	fs     *FS
	node   *inode
	closed atomic.Bool
}

// name is what the file is called now.
func (f *file) name() string {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.node.name
}

// use checks that the file may be used at all. The FS is locked.
func (f *file) use(op string) {
	if f.closed.Load() {
		misuse("%s of %s after its close", op, f.node.name)
	}
	if f.node.broken {
		misuse("%s of %s after its failed sync", op, f.node.name)
	}
}

// ReadAt implements [journal.File].
func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	eof := false
	err = f.fs.do(Op{Kind: Read, Name: f.name(), Off: off, Len: int64(len(p))}, func() error {
		if f.closed.Load() {
			misuse("read of %s after its close", f.node.name)
		}
		if off < int64(len(f.node.live)) {
			n = copy(p, f.node.live[off:])
		}
		eof = n < len(p)
		return nil
	})
	if err == nil && eof {
		err = io.EOF
	}
	return n, err
}

// WriteAt implements [journal.File].
func (f *file) WriteAt(p []byte, off int64) (int, error) {
	err := f.fs.do(Op{Kind: Write, Name: f.name(), Off: off, Len: int64(len(p))}, func() error {
		f.use("write")
		if off+int64(len(p)) > int64(len(f.node.live)) {
			misuse("write of %s up to byte %d, where %d are allocated",
				f.node.name, off+int64(len(p)), len(f.node.live))
		}
		w := write{off: off, data: append([]byte{}, p...)} // never nil, which is a change of size
		f.node.live = w.apply(f.node.live)
		f.node.pending = append(f.node.pending, w)
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(p), nil
}

// Size implements [journal.File].
func (f *file) Size() (n int64, err error) {
	err = f.fs.do(Op{Kind: Read, Name: f.name()}, func() error {
		n = int64(len(f.node.live))
		return nil
	})
	return n, err
}

// Allocate implements [journal.File].
func (f *file) Allocate(size int64) error {
	return f.fs.do(Op{Kind: Allocate, Name: f.name(), Len: size}, func() error {
		f.use("allocate")
		if size <= int64(len(f.node.live)) {
			return nil
		}
		return f.resize(size)
	})
}

// Truncate implements [journal.File].
func (f *file) Truncate(size int64) error {
	return f.fs.do(Op{Kind: Truncate, Name: f.name(), Len: size}, func() error {
		f.use("truncate")
		if size > int64(len(f.node.live)) {
			misuse("truncate of %s, %d bytes long, to %d", f.node.name, len(f.node.live), size)
		}
		return f.resize(size)
	})
}

func (f *file) resize(size int64) error {
	if err := f.fs.take(size - int64(len(f.node.live))); err != nil {
		return err
	}
	w := write{size: size}
	f.node.live = w.apply(f.node.live)
	f.node.pending = append(f.node.pending, w)
	return nil
}

// Sync implements [journal.File].
func (f *file) Sync() error {
	done := false
	err := f.fs.do(Op{Kind: Sync, Name: f.name()}, func() error {
		f.use("sync")
		if f.fs.stopAt >= 0 && f.fs.ops > f.fs.stopAt {
			return nil // stopped in the middle: nothing is certain
		}
		// Only what is still to be written: what an earlier failed sync has
		// dropped can be read, and is not.
		for _, w := range f.node.pending {
			f.node.durable = w.apply(f.node.durable)
		}
		f.node.pending = nil
		done = true
		return nil
	})
	if err != nil && !done {
		f.fs.mu.Lock()
		defer f.fs.mu.Unlock()
		f.node.broken = true
		if f.fs.dropsDirty {
			f.node.pending = nil
		}
	}
	return err
}

// Close implements [journal.File].
func (f *file) Close() error {
	if f.closed.Swap(true) {
		misuse("close of %s after its close", f.node.name)
	}
	return nil
}

// apply makes the change in b, and returns what has become of it.
func (w write) apply(b []byte) []byte {
	if w.data == nil {
		if w.size <= int64(len(b)) {
			return b[:w.size:w.size]
		}
		return append(append(make([]byte, 0, w.size), b...), make([]byte, w.size-int64(len(b)))...)
	}
	if end := w.off + int64(len(w.data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[w.off:], w.data)
	return b
}
