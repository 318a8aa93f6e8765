package destinations

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// destination is where events go, as the calls name it.
type destination struct{ bucket, prefix string }

// request is a number of events that are sent together. While it is filling it belongs
// to the outbox; then its events never change. What is said of its answer is written
// before done is closed, and never changes then.
type request struct {
	ordinal  uint64      // its place among all of the client's requests, from 1
	sequence uint64      // its number for the service; 0 = it has none yet
	to       destination // of the first event, and of each that names none
	events   []byte      // encoded
	count    int         // events
	bytes    int         // of them, as they count in a request
	weight   int64       // what is held of the buffer for them
	receipts [][]Receipt // of the events, in their order

	questions *questions // of the target that it has its number for
	sends     int        // streams that it was given to

	done       chan struct{}
	err        error                     // of all events
	rejections map[uint32]*RejectedError // by the event's place
	tokens     map[destination]string    // with completed prefixes

	tokensBefore map[destination]string // for those that tokens does not have
}

// fits says whether the request may take another event: by what it counts, and as it will
// be encoded, which is more where there are traces.
func (r *request) fits(e *outEvent, batchBytes int) bool {
	return r.bytes+e.bytes() <= batchBytes && len(r.events)+e.mostEncoded() <= mostEncoded
}

// receiptsAtOnce is how many receipts are made at a time.
const receiptsAtOnce = 128

// add appends an event, for which weight is held of the buffer.
func (r *request) add(e *outEvent, weight int64) *Receipt {
	if r.count == 0 {
		r.to = destination{bucket: e.bucket, prefix: e.prefix}
	}
	r.events = appendEvent(r.events, e, e.bucket == r.to.bucket && e.prefix == r.to.prefix)
	last := len(r.receipts) - 1
	if last < 0 || len(r.receipts[last]) == cap(r.receipts[last]) {
		r.receipts = append(r.receipts, make([]Receipt, 0, min(receiptsAtOnce, max(8, r.count))))
		last++
	}
	slab := append(r.receipts[last], Receipt{request: r, index: uint32(r.count), bucket: e.bucket, prefix: e.prefix, id: e.id})
	r.receipts[last] = slab
	r.count++
	r.bytes += e.bytes()
	r.weight += weight
	return &slab[len(slab)-1]
}

// receipt is that of the event at a place; nil if there is none.
func (r *request) receipt(index uint32) *Receipt {
	for _, slab := range r.receipts {
		if int(index) < len(slab) {
			return &slab[index]
		}
		index -= uint32(len(slab))
	}
	return nil
}

// head encodes what of a request is not its events.
func (r *request) head(settled uint64, first *firstOfStream) []byte {
	head := make([]byte, 0, 64+len(r.to.bucket)+len(r.to.prefix))
	head = protowire.AppendTag(head, requestBucket, protowire.BytesType)
	head = protowire.AppendString(head, r.to.bucket)
	head = protowire.AppendTag(head, requestPrefix, protowire.BytesType)
	head = protowire.AppendString(head, r.to.prefix)
	head = protowire.AppendTag(head, requestSequence, protowire.VarintType)
	head = protowire.AppendVarint(head, r.sequence)
	head = protowire.AppendTag(head, requestSettled, protowire.VarintType)
	head = protowire.AppendVarint(head, settled)
	if first == nil {
		return head
	}
	head = protowire.AppendTag(head, requestSender, protowire.BytesType)
	head = protowire.AppendBytes(head, first.sender)
	if first.receipts {
		head = protowire.AppendTag(head, requestReceipts, protowire.VarintType)
		head = protowire.AppendVarint(head, 1)
	}
	return head
}

// firstOfStream is what only the first request of a stream says.
type firstOfStream struct {
	sender   []byte
	receipts bool
}

// failed is the error of one event; nil if it was accepted.
func (r *request) failed(index uint32) error {
	if r.err != nil {
		return r.err
	}
	if rejected := r.rejections[index]; rejected != nil {
		return rejected
	}
	return nil
}
