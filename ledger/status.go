package ledger

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/open-destinations/destinations/journal"
)

// Span is what a receipt stands for: a destination's events from the first to the last of its
// own, others' in between included.
type Span struct {
	Digest      [DigestBytes]byte // of the destination
	First, Last Place
}

// Receipt is what somebody asks for.
type Receipt struct {
	Span
	Partition int
	Received  time.Time // when the first event was received
}

// Phase is how far events are that are not known to be delivered, in the order in which one of
// several counts.
type Phase int

const (
	// PhaseNone: there are none.
	PhaseNone Phase = iota
	// PhaseUploading: their batch is on its way to S3.
	PhaseUploading
	// PhasePending: they wait, in the log, in memory or in a sealed batch.
	PhasePending
	// PhaseParked: their batch lies in a file.
	PhaseParked
	// PhaseDead: their batch is not tried by itself.
	PhaseDead
)

// Health is how a destination is.
type Health struct {
	Tenant, Bucket, Prefix string // empty if the shard does not know it
	Blocked                bool   // or what all share is
	Behind                 bool   // it works again, and its backlog is being read
	Failing                bool   // the last try failed, and Code and Message say why
	Code, Message          string
	NextTry                time.Time // zero = no pause has to pass
	BacklogEvents          uint64    // undelivered
	BacklogBytes           uint64
	Oldest                 time.Time // when the first of them was received
}

// OpenBatch is a sealed batch that its shard does not know to be delivered.
type OpenBatch struct {
	ID     [16]byte
	Phase  Phase
	Reason string // why it is dead
}

// Undelivered is what the shard knows of a span.
type Undelivered struct {
	Health   Health
	Batches  []OpenBatch // that hold some of its events
	Unsealed Phase       // of those that are in no batch that was sealed
	Before   Phase       // of earlier events of the destination; duplicates in the span are of those
}

// State is what became of the events of a receipt.
type State int

const (
	// StatePending: none is delivered yet.
	StatePending State = iota + 1
	// StateUploading: their batch is on its way to S3.
	StateUploading
	// StateBlocked: they wait until the destination works again.
	StateBlocked
	// StatePartial: some are delivered, others not yet.
	StatePartial
	// StateDelivered: all are.
	StateDelivered
	// StateDead: some are in a batch that is dead, or was discarded.
	StateDead
)

// Delivery is the answer.
type Delivery struct {
	Tenant, Bucket, Prefix string // empty if the destination is not known any more
	State                  State
	Objects                []*Row // that hold them, in the order of the events
	ObjectsOmitted         uint64
	Code, Message          string
	NextTry                time.Time
	DetailsExpired         bool // it is delivered, and not all objects are known any more
}

// ErrUnknown says that a receipt is none of this journal's as it is now.
var ErrUnknown = errors.New("the token's events are not those of this journal")

// UnknownError says which one it is.
type UnknownError struct{ Index int }

// Error implements error.
func (e *UnknownError) Error() string { return fmt.Sprintf("token %d: %v", e.Index, ErrUnknown) }

// Unwrap makes it an ErrUnknown.
func (e *UnknownError) Unwrap() error { return ErrUnknown }

// codeClosed is the code of a partition that is closed by damage.
const codeClosed = "PARTITION_UNAVAILABLE"

// maxObjects is how many objects are told of a receipt, and maxObjectsInAll of those of one call.
const (
	maxObjects      = 1000
	maxObjectsInAll = 10_000
)

// awaitAtMost is for how long an answer waits for what was decided a moment ago to be written.
const awaitAtMost = 2 * time.Second

// Desk answers what became of events: the ledger knows what was delivered, the shards what is
// not.
type Desk struct {
	ledger  *Ledger
	shards  Shards
	settled []atomic.Bool // by partition: the ledger has read who took it over
}

// NewDesk returns a desk. Its methods may be called together.
func NewDesk(l *Ledger, shards Shards) *Desk {
	return &Desk{l, shards, make([]atomic.Bool, len(l.passed))}
}

// question is a receipt on its way to its answer.
type question struct {
	*Receipt
	index  int
	most   int // objects that are told
	ledger found
	shard  *Undelivered // nil = it need not be asked
	closed *journal.CorruptError
	behind bool // the ledger has not everything that was decided
}

// Deliveries says what became of the events of receipts, in their order. An error is ctx's, wraps
// [ErrFailed], or is a *[UnknownError] or [journal.ErrClosed].
func (d *Desk) Deliveries(ctx context.Context, receipts []Receipt) ([]Delivery, error) {
	ask := map[int][]*question{} // by partition
	all := make([]*question, len(receipts))
	room := maxObjectsInAll
	for i := range receipts {
		q := &question{Receipt: &receipts[i], index: i, most: min(maxObjects, room)}
		all[i] = q
		if err := d.ledger.lookFor(ctx, q); err != nil {
			return nil, err
		}
		if room -= len(q.ledger.rows); !q.ledger.final(&q.Span) {
			ask[q.Partition] = append(ask[q.Partition], q)
		}
	}
	for partition, questions := range ask {
		if err := d.askShard(ctx, partition, questions); err != nil {
			return nil, err
		}
	}
	answers := make([]Delivery, len(all))
	for i, q := range all {
		answers[i] = q.answer()
	}
	return answers, nil
}

// lookFor reads what the database has, and refuses what is not of this journal: events behind its
// end, and such as were received before the events at that place can have been.
func (l *Ledger) lookFor(ctx context.Context, q *question) error {
	if q.Partition < 0 || q.Partition >= len(l.passed) || q.Last.packed() < q.First.packed() ||
		q.Last.Offset >= l.params.Journal.Partition(q.Partition).Events().Committed() {
		return &UnknownError{q.index}
	}
	err := l.using(ctx, "look for a receipt", func(s *store) (err error) {
		q.ledger, err = s.look(ctx, q.Partition, &q.Span, q.most)
		return err
	})
	if err == nil && q.ledger.opened > 0 && q.Received.UnixNano() < q.ledger.opened {
		return &UnknownError{q.index}
	}
	return err
}

// askShard asks what of some questions of one partition is undelivered; where that is nothing, the
// ledger is read again when it has everything that the shard had.
func (d *Desk) askShard(ctx context.Context, partition int, questions []*question) error {
	spans := make([]Span, len(questions))
	for i, q := range questions {
		spans[i] = q.Span
	}
	answers, control, err := d.shards.Undelivered(ctx, partition, spans)
	if damage, ok := errors.AsType[*journal.CorruptError](err); ok {
		for _, q := range questions {
			q.closed = damage
		}
		return nil
	}
	if err != nil {
		return err
	}
	done := !d.settled[partition].Load()
	for i, q := range questions {
		q.shard = &answers[i]
		done = done || len(q.shard.Batches) == 0 && q.shard.Unsealed == PhaseNone
	}
	if !done {
		return nil // what is delivered meanwhile is told to who asks again
	}
	waiting, cancel := context.WithTimeout(ctx, awaitAtMost)
	defer cancel()
	written := d.ledger.Await(waiting, partition, control)
	d.settled[partition].CompareAndSwap(false, written)
	for _, q := range questions {
		q.behind = !written
		if err := d.ledger.lookFor(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

// answer puts together what is known.
func (q *question) answer() Delivery {
	f := &q.ledger
	a := Delivery{Tenant: f.tenant, Bucket: f.bucket, Prefix: f.prefix, ObjectsOmitted: f.omitted}
	phase := PhaseNone
	ended := map[[16]byte]bool{}
	for _, r := range f.rows {
		switch r.State {
		case RowDelivered:
			a.Objects = append(a.Objects, r)
			ended[r.ID] = true
		case RowDiscarded:
			ended[r.ID] = true
		}
	}
	if f.dead {
		phase, a.Message = PhaseDead, "discarded, as somebody has asked"
	}
	switch {
	case q.closed != nil:
		return q.answerClosed(a, phase)
	case q.shard == nil: // all of it has ended
	default:
		phase = max(phase, q.undelivered(&a, ended))
	}
	a.State = q.state(phase, len(a.Objects) > 0 || f.omitted > 0)
	a.DetailsExpired = a.State == StateDelivered && !f.covered(&q.Span) && (!f.complete || q.behind || f.open > 0 || len(f.rows) > len(a.Objects))
	return a
}

// undelivered adds what the shard knows, and returns the phase of what is not delivered.
func (q *question) undelivered(a *Delivery, ended map[[16]byte]bool) Phase {
	h := &q.shard.Health
	if a.Bucket == "" {
		a.Tenant, a.Bucket, a.Prefix = h.Tenant, h.Bucket, h.Prefix
	}
	phase := q.shard.Unsealed
	for _, b := range q.shard.Batches {
		if ended[b.ID] {
			continue // the ledger has read more
		}
		if phase = max(phase, b.Phase); b.Phase == PhaseDead {
			a.Message = b.Reason
		}
	}
	if phase == PhaseNone && len(q.ledger.rows) == 0 && q.ledger.omitted == 0 {
		// Nothing but duplicates, or what was forgotten. What was sent before is
		// delivered when all that came before is.
		if phase = q.shard.Before; phase == PhaseDead && !q.ledger.complete {
			phase = PhaseNone
		}
	}
	if phase != PhaseNone && (h.Blocked || h.Failing) {
		a.Code, a.NextTry = h.Code, h.NextTry
		if a.Message == "" {
			a.Message = h.Message
		}
	}
	return phase
}

// state is what a receipt is told, by what is not delivered of it.
func (q *question) state(phase Phase, some bool) State {
	switch {
	case phase == PhaseDead:
		return StateDead
	case phase == PhaseNone:
		return StateDelivered
	case some:
		return StatePartial
	case q.shard.Health.Blocked:
		return StateBlocked
	case phase == PhaseUploading:
		return StateUploading
	}
	return StatePending
}

// answerClosed is the answer while the partition is closed by damage: what is delivered
// is known by the ledger alone, and the rest is not known to be so.
func (q *question) answerClosed(a Delivery, phase Phase) Delivery {
	a.State, a.Code, a.Message = StateBlocked, codeClosed, q.closed.Error()
	switch {
	case phase == PhaseDead:
		a.State = StateDead
	case len(a.Objects) > 0 || a.ObjectsOmitted > 0:
		a.State = StatePartial
	}
	return a
}
