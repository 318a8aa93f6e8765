package server

// Journal is what the server needs of the log.
type Journal interface {
	// ID is the journal's random identity. It never changes.
	ID() [16]byte

	// Partitions is the number of partitions, at least 1. It never changes.
	Partitions() int

	// Append takes rec to be appended to the events log of a partition
	// (0 ... Partitions-1), and returns at once. rec is the journal's until the
	// append is answered, and then the caller's again, who writes something else
	// into it. Records of one caller get their offsets in the order of its calls. Any number of
	// callers may call together.
	Append(partition int, rec []byte) Append
}

// Append is one record on its way to the disk. *[journal.Append] is one.
type Append interface {
	// Done is closed once the append is answered. Every append is answered, also
	// when the journal is closed or broken.
	Done() <-chan struct{}

	// Offset is the record's offset. It means something after Done, if Err is nil;
	// then the record is durable.
	Offset() uint64

	// Err says, after Done, why the record is not known to be durable: it wraps
	// [journal.ErrFull] (nothing was written), [journal.ErrTooLarge] (nothing was
	// written), [journal.ErrClosed], [journal.ErrBroken], or is a
	// [*journal.CorruptError] (this partition takes nothing).
	Err() error
}
