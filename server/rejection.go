package server

import (
	"slices"
	"sort"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// maxRejections is how many rejections a response describes.
const maxRejections = 1000

// rejections counts the rejected events of a stream and keeps the first of them,
// in the order of the events, in whatever order they become known.
type rejections struct {
	total uint64
	kept  []*destinationsv1.Rejection // ordered by index
}

// add rejects the event with that place in the stream.
func (r *rejections) add(index uint64, p *problem) {
	r.total++
	at := sort.Search(len(r.kept), func(i int) bool { return r.kept[i].GetIndex() > index })
	if at == maxRejections {
		return
	}
	if len(r.kept) == maxRejections {
		r.kept = r.kept[:maxRejections-1]
	}
	r.kept = slices.Insert(r.kept, at, &destinationsv1.Rejection{Index: index, Code: p.code, Field: p.field, Reason: p.reason})
}

// addPart rejects the events of a part whose partition is closed.
func (r *rejections) addPart(first uint64, p *part) {
	closed := &problem{
		code:   destinationsv1.RejectionCode_REJECTION_CODE_PARTITION_UNAVAILABLE,
		reason: "the part of the journal that holds this destination is closed because its files are damaged",
	}
	for _, place := range p.places {
		r.add(first+uint64(place), closed)
	}
	r.total += p.accepted - uint64(len(p.places))
}
