// Package journaltest has a file system in memory that can be crashed, failed
// and filled up, for tests of the journal and of what is built on it.
//
// It is strict: what no correct caller does (use of a closed file, writing
// behind the end of a file, touching a file whose sync has failed) panics, and
// so fails the test that did it.
package journaltest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/open-destinations/destinations/journal"
)

// Kind names an operation of a file system.
type Kind string

// The kinds of operations. Reads are counted and can be failed like the others.
const (
	Create   Kind = "create"
	Open     Kind = "open"
	Rename   Kind = "rename"
	Remove   Kind = "remove"
	List     Kind = "list"
	MkdirAll Kind = "mkdir"
	SyncDir  Kind = "syncdir"
	Lock     Kind = "lock"
	Read     Kind = "read"
	Write    Kind = "write"
	Allocate Kind = "allocate"
	Truncate Kind = "truncate"
	Sync     Kind = "sync"
)

// Op is one operation.
type Op struct {
	// Index counts the operations of the file system, from 0.
	Index int
	// Kind is what is done.
	Kind Kind
	// Name is the file or folder; for a rename, the old name.
	Name string
	// To is the new name of a rename.
	To string
	// Off is where a read or write begins.
	Off int64
	// Len is the length of a read or write, and the size that an allocate
	// or truncate asks for.
	Len int64
}

// String is the kind and the name, as it stands in a trace.
func (op Op) String() string {
	if op.To != "" {
		return fmt.Sprintf("%s %s %s", op.Kind, op.Name, op.To)
	}
	return fmt.Sprintf("%s %s", op.Kind, op.Name)
}

// ErrStopped answers every operation after the machine has stopped; see
// [FS.StopAt].
var ErrStopped = errors.New("journaltest: the machine has stopped")

// FS is a file system in memory. It keeps apart what was written and what is on
// stable storage: see [FS.AfterCrash]. All methods may be called together.
type FS struct {
	// Trace, if not nil, is called after each operation that changed
	// something or made it durable, in order: never for open, list, lock and
	// read. Set it before the first operation. It must not call the FS.
	Trace func(op string)

	mu       sync.Mutex
	live     map[string]*inode // by path: what a running process sees
	durable  map[string]*inode // by path: what a crash leaves for certain
	changes  []change          // of names, made since their folder was synced
	dirs     map[string]bool   // folders, as a running process sees them
	lasting  map[string]bool   // folders whose names are on stable storage
	locked   map[string]bool
	ops      int            // operations so far
	counts   map[Kind]int   // by kind
	inject   func(Op) error // may fail an operation
	stopAt   int            // operations from this index on fail; -1 for none
	stopWhen func(Op) bool  // sets stopAt
	capacity int64          // bytes; -1 for no bound
	used     int64
	// dropsDirty says that a failed sync loses what it should have written.
	dropsDirty bool
}

// inode is a file, under whatever name.
type inode struct {
	name    string  // as it is now, for traces
	live    []byte  // what a running process reads
	durable []byte  // what is on stable storage for certain
	pending []write // since the last sync, in order
	broken  bool    // a sync has failed
}

// write is a change of a file that may or may not survive a crash.
type write struct {
	off  int64
	data []byte // nil for a change of size
	size int64
}

// change is a change of a folder that may or may not survive a crash.
type change struct {
	dir  string
	set  string // this name gets node; "" for none
	node *inode
	drop string // this name goes; "" for none
	make string // this folder comes; "" for none
}

// NewFS returns an empty file system without a bound.
func NewFS() *FS {
	return &FS{
		live: map[string]*inode{}, durable: map[string]*inode{},
		dirs: map[string]bool{"/": true, ".": true}, lasting: map[string]bool{"/": true, ".": true},
		locked: map[string]bool{}, counts: map[Kind]int{}, stopAt: -1, capacity: -1,
	}
}

var _ journal.FS = (*FS)(nil)

// begin counts an operation and returns the error that it is to fail with. An
// operation at which the machine stops takes effect as far as memory goes.
func (f *FS) begin(op Op) (effect bool, err error) {
	op.Index = f.ops
	f.ops++
	f.counts[op.Kind]++
	if f.stopWhen != nil && f.stopAt < 0 && f.stopWhen(op) {
		f.stopAt = op.Index
	}
	if f.stopAt >= 0 && op.Index >= f.stopAt {
		return op.Index == f.stopAt, fmt.Errorf("%s: %w", op, ErrStopped)
	}
	if f.inject != nil {
		if err := f.inject(op); err != nil {
			return false, &fs.PathError{Op: string(op.Kind), Path: op.Name, Err: err}
		}
	}
	return true, nil
}

// do runs an operation: the change itself, and the trace of it.
func (f *FS) do(op Op, change func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	effect, failure := f.begin(op)
	if !effect {
		return failure
	}
	if err := change(); err != nil {
		return &fs.PathError{Op: string(op.Kind), Path: op.Name, Err: err}
	}
	if failure != nil {
		return failure
	}
	switch op.Kind {
	case Open, List, Lock, Read:
	default:
		if f.Trace != nil {
			f.Trace(op.String())
		}
	}
	return nil
}

// take counts n more bytes as used, or fewer if n is negative.
func (f *FS) take(n int64) error {
	if n > 0 && f.capacity >= 0 && f.used+n > f.capacity {
		return syscall.ENOSPC
	}
	f.used += n
	return nil
}

// Create implements [journal.FS].
func (f *FS) Create(name string) (journal.File, error) {
	name = filepath.Clean(name)
	node := &inode{name: name}
	err := f.do(Op{Kind: Create, Name: name}, func() error {
		if f.live[name] != nil {
			return fs.ErrExist
		}
		if !f.dirs[filepath.Dir(name)] {
			return fs.ErrNotExist
		}
		f.live[name] = node
		f.changes = append(f.changes, change{dir: filepath.Dir(name), set: name, node: node})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{fs: f, node: node}, nil
}

// Open implements [journal.FS].
func (f *FS) Open(name string) (journal.File, error) {
	name = filepath.Clean(name)
	var node *inode
	err := f.do(Op{Kind: Open, Name: name}, func() error {
		if node = f.live[name]; node == nil {
			return fs.ErrNotExist
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &file{fs: f, node: node}, nil
}

// Rename implements [journal.FS].
func (f *FS) Rename(from, to string) error {
	from, to = filepath.Clean(from), filepath.Clean(to)
	return f.do(Op{Kind: Rename, Name: from, To: to}, func() error {
		node := f.live[from]
		if node == nil {
			return fs.ErrNotExist
		}
		if old := f.live[to]; old != nil {
			f.take(-int64(len(old.live)))
		}
		f.live[to] = node
		delete(f.live, from)
		node.name = to
		f.changes = append(f.changes, change{dir: filepath.Dir(to), set: to, node: node, drop: from})
		return nil
	})
}

// Remove implements [journal.FS].
func (f *FS) Remove(name string) error {
	name = filepath.Clean(name)
	return f.do(Op{Kind: Remove, Name: name}, func() error {
		node := f.live[name]
		if node == nil {
			return fs.ErrNotExist
		}
		f.take(-int64(len(node.live)))
		delete(f.live, name)
		f.changes = append(f.changes, change{dir: filepath.Dir(name), drop: name})
		return nil
	})
}

// MkdirAll implements [journal.FS]. A folder is durable, with all that is in it, only
// after a sync of the one that it lies in.
func (f *FS) MkdirAll(dir string) error {
	dir = filepath.Clean(dir)
	return f.do(Op{Kind: MkdirAll, Name: dir}, func() error {
		for ; !f.dirs[dir]; dir = filepath.Dir(dir) {
			f.dirs[dir] = true
			f.changes = append(f.changes, change{dir: filepath.Dir(dir), make: dir})
		}
		return nil
	})
}

// Guard implements [journal.FS]: there is nobody else here.
func (f *FS) Guard(string) (narrowed int, err error) { return 0, nil }

// List implements [journal.FS].
func (f *FS) List(dir string) ([]string, error) {
	dir = filepath.Clean(dir)
	var names []string
	err := f.do(Op{Kind: List, Name: dir}, func() error {
		if !f.dirs[dir] {
			return fs.ErrNotExist
		}
		for name := range f.live {
			if filepath.Dir(name) == dir {
				names = append(names, filepath.Base(name))
			}
		}
		for name := range f.dirs {
			if filepath.Dir(name) == dir && name != dir {
				names = append(names, filepath.Base(name))
			}
		}
		return nil
	})
	slices.Sort(names)
	return names, err
}

// SyncDir implements [journal.FS].
func (f *FS) SyncDir(dir string) error {
	dir = filepath.Clean(dir)
	return f.do(Op{Kind: SyncDir, Name: dir}, func() error {
		if f.stopAt >= 0 && f.ops > f.stopAt {
			return nil // stopped in the middle: nothing is certain
		}
		var rest []change
		for _, c := range f.changes {
			if c.dir == dir {
				c.apply(f.durable, f.lasting)
			} else {
				rest = append(rest, c)
			}
		}
		f.changes = rest
		return nil
	})
}

// apply makes the change. A file that is renamed has one name after it, also if
// a rename before this one did not survive.
func (c change) apply(names map[string]*inode, dirs map[string]bool) {
	if c.make != "" {
		dirs[c.make] = true
	}
	if c.drop != "" {
		delete(names, c.drop)
	}
	if c.set != "" {
		maps.DeleteFunc(names, func(_ string, node *inode) bool { return node == c.node })
		names[c.set] = c.node
	}
}

// Lock implements [journal.FS].
func (f *FS) Lock(name string) (io.Closer, error) {
	err := f.do(Op{Kind: Lock, Name: name}, func() error {
		if f.locked[name] {
			return journal.ErrLocked
		}
		f.locked[name] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	return unlocker(func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.locked, name)
		return nil
	}), nil
}

type unlocker func() error

// Close gives up the lock.
func (u unlocker) Close() error { return u() }

// misuse fails the test that does what no correct caller does.
func misuse(format string, args ...any) {
	panic("journaltest: misuse: " + strings.TrimSpace(fmt.Sprintf(format, args...)))
}
