package ledger

import (
	"fmt"
	"sort"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
)

// Place is an event's position in its partition's events log.
type Place struct {
	Offset uint64 // of its record
	Index  uint32 // its place in the record
}

// place is a Place in one number, which sorts as the log does.
type place int64

const (
	indexBits = 24
	maxIndex  = 1<<indexBits - 1
	maxOffset = 1<<(63-indexBits) - 1
)

// packed packs a place. The journal's limits on records are far below those of the parts.
func packed(offset uint64, index uint32) place {
	return place(min(offset, maxOffset)<<indexBits | uint64(min(index, maxIndex)))
}

func (p Place) packed() place { return packed(p.Offset, p.Index) }

func placeOf(p *journalv1.Position) place { return packed(p.GetOffset(), p.GetIndex()) }

// RowState is what became of a batch. The order is that in which states may replace each other,
// but for a redrive.
type RowState int

const (
	// RowSealed: its Seal is durable.
	RowSealed RowState = iota + 1
	// RowParked: it lies in a file as a finished object.
	RowParked
	// RowDead: it is parked and not tried by itself.
	RowDead
	// RowDiscarded: somebody has destroyed it.
	RowDiscarded
	// RowDelivered: it is in S3.
	RowDelivered
)

// Row is what is kept of one batch. Times that are not known are zero.
type Row struct {
	Tenant, Bucket, Prefix string
	Partition              int
	ID                     [16]byte // of the batch
	State                  RowState
	Key                    string // of its object
	Events, RawBytes       uint64
	Size                   uint64 // of the object; 0 = not known
	ETag                   string // as S3 gave it; empty = not known
	FirstReceived          time.Time
	LastReceived           time.Time
	Sealed                 time.Time // the time in the key
	Ended                  time.Time // when it was delivered, died or was discarded
	Attempts               uint32
	LastError              string

	change      int64 // counts the changes of all rows; that which made it what it is
	destination int64 // number of its destination in the database
	first, last place
	through     place // everything of the destination below is decided
	excluded    []byte
}

// rowOf is the row of a batch that was sealed.
func rowOf(partition int, seal *journalv1.Seal) *Row {
	d := seal.GetDestination()
	r := &Row{
		Tenant: d.GetTenant(), Bucket: d.GetBucket(), Prefix: d.GetPrefix(), Partition: partition,
		State: RowSealed, Key: seal.GetKey(), Events: seal.GetEvents(), RawBytes: seal.GetRawBytes(),
		FirstReceived: timeAt(seal.GetFirstReceivedUnixNanos()), LastReceived: timeAt(seal.GetLastReceivedUnixNanos()),
		Sealed: timeAt(seal.GetClosedUnixNanos()),
		first:  placeOf(seal.GetFirst()), last: placeOf(seal.GetLast()), through: placeOf(seal.GetThrough()),
	}
	copy(r.ID[:], seal.GetId())
	if len(seal.GetExcluded()) > 0 {
		b, err := proto.Marshal(&journalv1.Seal{Excluded: seal.GetExcluded()})
		if err != nil {
			panic("invariant: what was read from the journal can be marshalled: " + err.Error())
		}
		r.excluded = b
	}
	return r
}

// holds reports whether events from first to last may be members of the batch, and whether some
// of those are left out.
func (r *Row) holds(first, last place) (holds, leftOut bool, err error) {
	if last < r.first || r.last < first {
		return false, false, nil
	}
	if len(r.excluded) == 0 {
		return true, false, nil
	}
	var seal journalv1.Seal
	if err := proto.Unmarshal(r.excluded, &seal); err != nil {
		return false, false, fmt.Errorf("%w: what batch %s leaves out: %w", ErrFailed, r.Key, err)
	}
	runs := seal.GetExcluded()
	i := sort.Search(len(runs), func(i int) bool { return placeOf(runs[i].GetLast()) >= last })
	holds = i == len(runs) || first < placeOf(runs[i].GetFirst())
	i = sort.Search(len(runs), func(i int) bool { return placeOf(runs[i].GetLast()) >= first })
	return holds, i < len(runs) && placeOf(runs[i].GetFirst()) <= last, nil
}

// timeAt is the time of Unix nanoseconds, of which 0 is none.
func timeAt(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}

// nanos is the reverse of timeAt.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}
