package journal

import (
	"errors"
	"fmt"
	"syscall"
)

var (
	// ErrClosed answers every call on a journal, a log or a reader after Close.
	ErrClosed = errors.New("journal: closed")

	// ErrFull answers an append for which there is no room: the disk is full,
	// or the quota is reached. The record is not in the log and never will be
	// unless it is appended again. The log needs no repair: the next append
	// tries again, so it recovers once there is space. It answers likewise
	// what is written beside the logs.
	ErrFull = errors.New("journal: no space")

	// ErrBroken is wrapped by the error that is final for a journal: a failed
	// sync, or a failed write that was not for want of space. Whether the
	// records that waited for it are in the log is decided by the next Open.
	ErrBroken = errors.New("journal: broken")

	// ErrTooLarge answers an append of a record that no segment can hold; see
	// [Log.Limit].
	ErrTooLarge = errors.New("journal: record too large")

	// ErrLocked says that another process has the data folder open.
	ErrLocked = errors.New("journal: data folder is in use by another process")

	// ErrReleased answers a reader whose offset lies below the start of the
	// log: its records were released and may be gone.
	ErrReleased = errors.New("journal: offset is released")
)

// CorruptError says that bytes which were durable once cannot be read back, or
// do not read back as they were written. It closes one partition, for good,
// until somebody has looked at the file.
type CorruptError struct {
	// Partition is the number of the partition that is closed; 0 also where none is
	// open, as with a [Folder].
	Partition int
	// File is the path of the damaged file, or of the partition's folder if it is
	// the records of several that do not fit together.
	File string
	// Offset is the position in File, in bytes, of the first header, block or
	// field that does not verify.
	Offset int64
	// Err says what was found there.
	Err error
}

// Error names the file, the position and the finding.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("journal: damage in %s at byte %d: %v", e.File, e.Offset, e.Err)
}

// Unwrap returns the finding.
func (e *CorruptError) Unwrap() error { return e.Err }

// QuotaError is in an [ErrFull] if it is the quota that leaves no room, and not the
// disk. Smaller segments do not help then.
type QuotaError struct {
	Need, Used, Quota int64 // bytes: those that were asked for, and as [Journal.Used] and [Journal.Quota]
}

// Error names the quota and what it is used for.
func (e *QuotaError) Error() string {
	return fmt.Sprintf("the quota of event segments and spools is reached: %d bytes of %d are used, and %d more are needed", e.Used, e.Quota, e.Need)
}

// MismatchError says that a data folder was made with another setting than the
// one it is opened with. Such a folder is not opened: its records would go to
// the wrong shard or the wrong endpoint.
type MismatchError struct {
	// Field is what differs: format, partitions, hash or endpoint.
	Field string
	// Have is the value that the folder was made with.
	Have string
	// Want is the value that it was opened with.
	Want string
}

// Error names the field and both values.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("journal: the data folder was made with %s %q, and is opened with %q",
		e.Field, e.Have, e.Want)
}

// lacksRoom tells an error that time or an operator cures (the disk is full, a
// quota of the file system or the table of open files is exhausted) from one
// after which the state of a file is unknown.
func lacksRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) ||
		errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// full makes an error of the kind ErrFull out of the cause.
func full(cause error) error { return fmt.Errorf("%w: %w", ErrFull, cause) }
