package journal

import "io"

// FS is what the journal needs of a file system, so that a test can crash it,
// fail it and fill it up. [OS] is the real one. All methods may be called
// together. Names are paths as package filepath makes them.
//
// Errors for want of space must satisfy errors.Is(err, syscall.ENOSPC), and an
// absent name errors.Is(err, fs.ErrNotExist): the journal branches on both.
type FS interface {
	// Create makes an empty file, open for reading and writing. It must not
	// exist yet.
	Create(name string) (File, error)
	// Open opens an existing file for reading and writing.
	Open(name string) (File, error)
	// Rename moves a file within its folder and replaces what has the new
	// name. It is atomic, and durable only after SyncDir.
	Rename(from, to string) error
	// Remove takes a file away. It is durable only after SyncDir.
	Remove(name string) error
	// List returns the names in a folder, without the folder, sorted.
	List(dir string) ([]string, error)
	// MkdirAll makes a folder with its parents, unless it is there.
	MkdirAll(dir string) error
	// Guard makes sure that a data folder, and what the journal has put into it, is for
	// its owner alone, who must be the user of this process: an error says that it is of
	// somebody else, or that others could write to it. What others could only read is
	// narrowed, and counted.
	Guard(dir string) (narrowed int, err error)
	// SyncDir returns once the names in a folder are on stable storage.
	SyncDir(dir string) error
	// Lock takes the lock of that name for this process, or returns an error
	// that wraps [ErrLocked] at once when another has it. Closing the result,
	// or the end of the process, gives it up.
	Lock(name string) (io.Closer, error)
}

// File is what the journal needs of an open file. One goroutine writes; others
// may read at the same time through files of their own.
type File interface {
	io.ReaderAt
	// WriteAt never grows a file: Allocate comes first.
	io.WriterAt
	io.Closer
	// Size returns the length in bytes.
	Size() (int64, error)
	// Allocate grows the file to size bytes of zeros with space of its own
	// on the disk, so that writing into them later does not run out of it
	// where the file system can promise that.
	Allocate(size int64) error
	// Truncate cuts the file to size bytes and frees the rest.
	Truncate(size int64) error
	// Sync returns once every byte written before the call, and the length,
	// are on stable storage. After an error nothing is known about them, and
	// no method but Close is called any more.
	Sync() error
}
