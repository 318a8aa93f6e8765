package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// follower reads the control log of one partition. It belongs to the recorder.
type follower struct {
	partition   int
	part        *journal.Partition
	incarnation func(part *journal.Partition) ([]byte, error)
	reader      *journal.Reader // nil = it has to begin
	closed      bool            // the partition is: nothing more is read
	progress
}

// castagnoli is the checksum of records.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// open goes on where a database says that it was, or begins, if that is nil or if what
// comes next is gone. It fails with errForeign if the place is of another log than this.
func (f *follower) open(c *changes, at *progress) error {
	start, end := f.part.Start().Control, f.part.Control().Committed()
	if at == nil {
		return f.begin(c)
	}
	if at.next > end {
		return fmt.Errorf("%w: it has read partition %d up to %d, which ends at %d", errForeign, f.partition, at.next, end)
	}
	if at.next < start {
		return f.begin(c)
	}
	f.progress = *at
	if at.next == start {
		return f.readFrom(at.next)
	}
	if err := f.readFrom(at.next - 1); err != nil {
		return err
	}
	rec, _, err := f.reader.Next()
	if err != nil {
		return fmt.Errorf("read partition %d: %w", f.partition, err)
	}
	if crc32.Checksum(rec, castagnoli) != at.sum {
		return fmt.Errorf("%w: what it has read last of partition %d is another record", errForeign, f.partition)
	}
	return nil
}

// begin begins where the partition begins: every Seal of a batch that has an event at or
// behind the start of the events log stands there.
func (f *follower) begin(c *changes) error {
	start := f.part.Start()
	epoch, err := f.incarnation(f.part)
	if err != nil {
		return fmt.Errorf("partition %d: whose Seals count: %w", f.partition, err)
	}
	f.progress = progress{next: start.Control, epoch: epoch, known: max(f.known, packed(start.Events, 0))}
	c.begin(f.partition)
	c.note(f)
	return f.readFrom(start.Control)
}

// note lets the changes say how far f has read.
func (c *changes) note(f *follower) {
	at := f.progress
	c.partitions[f.partition] = &at
}

func (f *follower) readFrom(offset uint64) (err error) {
	f.close()
	if f.reader, err = f.part.Control().NewReader(offset); err != nil {
		return fmt.Errorf("read partition %d: %w", f.partition, err)
	}
	return nil
}

func (f *follower) close() {
	if f.reader != nil {
		f.reader.Close() // only read from: nothing to lose
		f.reader = nil
	}
}

// read reads what there is, but not more than fits into one transaction. It reports whether
// there is more.
func (f *follower) read(c *changes, find func(id []byte) (*Row, error)) (more bool, err error) {
	if f.closed {
		return false, nil
	}
	if f.reader == nil {
		if err := f.begin(c); err != nil {
			return false, f.ended(err)
		}
	}
	for c.size < transactionBytes {
		rec, offset, err := f.reader.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, f.ended(err)
		}
		var m journalv1.Control
		if err := proto.Unmarshal(rec, &m); err != nil { // the shard says so, and closes the partition
			return false, f.ended(fmt.Errorf("record %d of the control log: %w", offset, err))
		}
		if err := f.apply(c, &m, find); err != nil {
			return false, err
		}
		f.next, f.sum = offset+1, crc32.Checksum(rec, castagnoli)
		c.size += len(rec)
		c.note(f)
	}
	return true, nil
}

// ended takes an error of reading: what was released is passed over, and a partition that
// is closed is not read any more.
func (f *follower) ended(err error) error {
	var damage *journal.CorruptError
	switch {
	case errors.Is(err, journal.ErrReleased):
		f.close() // it begins again
		return errLeftBehind
	case errors.Is(err, journal.ErrFull): // no file descriptor
		return err
	case errors.Is(err, journal.ErrClosed), errors.As(err, &damage):
		f.closed = true
		f.close()
		return nil
	}
	f.closed = true
	f.close()
	return fmt.Errorf("%w: %w", errNotFollowed, err)
}

// errNotFollowed says that nothing more is read of a partition.
var errNotFollowed = errors.New("it can't be read")

// errLeftBehind says that records have gone before they were read.
var errLeftBehind = errors.New("the journal has gone on without the ledger")

// apply lets a control record take effect, by the rules of the log.
func (f *follower) apply(c *changes, m *journalv1.Control, find func(id []byte) (*Row, error)) error {
	if f.epoch == nil {
		f.epoch = bytes.Clone(m.GetIncarnation())
	}
	for _, d := range m.GetDecisions() {
		if opened := d.GetOpened(); opened != nil {
			f.epoch = bytes.Clone(m.GetIncarnation())
			if opened.EventsOffset != nil {
				c.openings = append(c.openings, opening{f.partition, opened.GetEventsOffset(), opened.GetOpenedUnixNanos()})
			}
		}
		if delivered := d.GetDelivered(); delivered != nil {
			c.put(f.delivered(delivered))
		}
		if !bytes.Equal(m.GetIncarnation(), f.epoch) {
			continue // void
		}
		if err := f.applyOwners(c, d, find); err != nil {
			return err
		}
	}
	return nil
}

// applyOwners lets a decision of the partition's owner take effect.
func (f *follower) applyOwners(c *changes, d *journalv1.Decision, find func(id []byte) (*Row, error)) error {
	switch kind := d.GetKind().(type) {
	case *journalv1.Decision_Seal:
		c.put(rowOf(f.partition, kind.Seal))
	case *journalv1.Decision_Parked:
		r := rowOf(f.partition, kind.Parked.GetSeal())
		r.State, r.LastReceived = RowParked, timeAt(kind.Parked.GetLastReceivedUnixNanos())
		c.put(r)
	case *journalv1.Decision_SetAside:
		m := kind.SetAside
		r := rowOf(f.partition, m.GetParked().GetSeal())
		r.State, r.LastReceived = RowDead, timeAt(m.GetParked().GetLastReceivedUnixNanos())
		r.LastError, r.Ended = m.GetDead().GetReason(), timeAt(m.GetDead().GetSinceUnixNanos())
		c.put(r)
	case *journalv1.Decision_Dead:
		return c.change(find, kind.Dead.GetId(), func(r *Row) {
			r.State, r.LastError, r.Ended = RowDead, kind.Dead.GetReason(), timeAt(kind.Dead.GetSinceUnixNanos())
		})
	case *journalv1.Decision_Redriven:
		return c.change(find, kind.Redriven.GetId(), func(r *Row) { r.State = RowParked })
	case *journalv1.Decision_Discarded:
		return c.change(find, kind.Discarded.GetId(), func(r *Row) { r.State = RowDiscarded })
	}
	return nil
}

// change changes the row of a batch that is not delivered. One that is not known stays so.
func (c *changes) change(find func(id []byte) (*Row, error), id []byte, how func(r *Row)) error {
	if len(id) != len(Row{}.ID) {
		return nil
	}
	r := c.byID[[16]byte(id)]
	if r == nil {
		found, err := find(id)
		if err != nil || found == nil {
			return err
		}
		c.put(found)
		r = found
	}
	if r.State < RowDiscarded {
		how(r)
	}
	return nil
}

func (f *follower) delivered(m *journalv1.Delivered) *Row {
	r := rowOf(f.partition, m.GetSeal())
	r.State, r.ETag, r.Size, r.Attempts = RowDelivered, m.GetEtag(), m.GetSize(), m.GetAttempts()
	r.Ended, r.LastError = timeAt(m.GetDeliveredUnixNanos()), m.GetLastError()
	return r
}
