package journal

import "context"

// Append is a record on its way into a log. It is answered exactly once.
type Append struct {
	rec    []byte        // owned by the log until answered
	done   chan struct{} // closed by whoever answers
	offset uint64        // written before done is closed
	err    error         // written before done is closed
}

func newAppend(rec []byte) *Append {
	return &Append{rec: rec, done: make(chan struct{})}
}

// Done is closed when the append is answered: when its record is durable, or
// will never be taken, or the journal is closed or broken.
func (a *Append) Done() <-chan struct{} { return a.done }

// Offset returns the record's offset in its log. It may be called after Done,
// and means something only if Err is nil.
func (a *Append) Offset() uint64 { return a.offset }

// Err may be called after Done. It is nil if the record is durable, and
// otherwise wraps [ErrFull], [ErrTooLarge], [ErrClosed] or [ErrBroken], or is
// the *[CorruptError] of the partition. The record is not in the log, except
// after ErrBroken, when only the next Open knows.
func (a *Append) Err() error { return a.err }

// Wait returns what Offset and Err say once the append is answered, or the
// context's cause if that ends first. The append goes on then: the record may
// still become durable.
func (a *Append) Wait(ctx context.Context) (uint64, error) {
	select {
	case <-a.done:
		return a.offset, a.err
	default:
	}
	select {
	case <-a.done:
		return a.offset, a.err
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
}

func (a *Append) answer(offset uint64, err error) {
	a.rec, a.offset, a.err = nil, offset, err
	close(a.done)
}
