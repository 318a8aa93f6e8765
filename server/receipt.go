package server

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// Limits of the receipts in a response. The size counts each with the longest
// number of events that it may come to have.
const (
	maxReceipts     = 1000
	maxReceiptBytes = 1 << 20 // encoded
	maxOmitted      = 100_000 // as far as the omitted ones are counted
)

// receipts collects what each destination of a stream has accepted. Once a
// destination has no room, those that come new have none either, so that the
// receipts are those of the first destinations.
type receipts struct {
	tokens  *tokens
	entries []*entry          // in the order of their first events
	known   map[digest]*entry // the same
	bytes   int               // encoded, at most
	full    bool
	omitted map[digest]struct{}
}

// What is charged for receipts, which stay until a SendS3 ends: for each beside its names, and
// for a destination that has none.
const (
	entryCost   = 400
	omittedCost = 50
	// freeReceiptBytes are not charged, so that a stream with few destinations never waits for
	// itself alone.
	freeReceiptBytes = 64 << 10
)

// size is about what it takes in memory.
func (r *receipts) size() int64 {
	return int64(r.bytes) + entryCost*int64(len(r.entries)) + omittedCost*int64(len(r.omitted))
}

// entry is a receipt in the making.
type entry struct {
	receipt *destinationsv1.Receipt
	token   Token
}

func newReceipts(t *tokens) *receipts {
	return &receipts{tokens: t, known: make(map[digest]*entry), omitted: make(map[digest]struct{})}
}

// add counts what a destination got of a request, and reports whether there was
// room for it.
func (r *receipts) add(t *touch, of *request) bool {
	to, offset := t.destination, of.parts[t.part].offset
	e, ok := r.known[to.digest]
	if !ok {
		e = &entry{
			receipt: &destinationsv1.Receipt{Bucket: to.bucket, Prefix: to.prefix},
			token: Token{
				Tenant:      to.tenant,
				Destination: to.digest,
				Partition:   uint32(to.partition),
				First:       Position{Offset: offset, Index: t.first},
				Received:    r.tokens.received(of.received),
			},
		}
		if !r.keep(e) {
			return false
		}
	}
	e.receipt.Accepted += t.accepted
	e.token.Last = Position{Offset: offset, Index: t.last}
	return true
}

// keep takes a new entry if there is room, and counts it as omitted if not.
func (r *receipts) keep(e *entry) bool {
	size := sizeAtMost(e)
	if r.full = r.full || len(r.entries) == maxReceipts || r.bytes+size > maxReceiptBytes; r.full {
		if len(r.omitted) < maxOmitted {
			r.omitted[e.token.Destination] = struct{}{}
		}
		return false
	}
	r.bytes += size
	r.entries = append(r.entries, e)
	r.known[e.token.Destination] = e
	return true
}

// sizeAtMost is what the entry's receipt takes of a response when it is finished.
func sizeAtMost(e *entry) int {
	r := e.receipt
	return protowire.SizeTag(4) + protowire.SizeBytes(proto.Size(&destinationsv1.Receipt{
		Bucket: r.GetBucket(), Prefix: r.GetPrefix(), Accepted: math.MaxUint64,
	})+protowire.SizeTag(4)+protowire.SizeBytes(encodedTokenBytes(e.token)))
}

// finished returns the receipts with their tokens.
func (r *receipts) finished() []*destinationsv1.Receipt {
	all := make([]*destinationsv1.Receipt, len(r.entries))
	for i, e := range r.entries {
		e.receipt.Token = r.tokens.encode(e.token)
		all[i] = e.receipt
	}
	return all
}
