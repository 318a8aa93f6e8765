package batcher

import (
	"encoding/json"
	"fmt"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// Watched is what is kept of single events of a batch, for who watches.
type Watched struct {
	Receipts      []Receipt // of all events, ascending; none = not known, as of a batch that an older version has parked
	Traced        []Traced  // those that are sampled, in the order in which they were read
	TracedOmitted uint64    // sampled events that are not among them
}

// watching collects a Watched while the events of a batch are read.
type watching struct {
	on       bool // somebody wants to know
	receipts receipts
	traced   traced
}

// add takes an event, and returns by how many bytes the memory has grown.
func (w *watching) add(at position, received int64, e *eventRecord) (grown int64) {
	if !w.on {
		return 0
	}
	grown = w.receipts.add(received)
	if w.traced.most > 0 && e.isSampled() {
		grown += w.traced.add(at, received, e)
	}
	return grown
}

// bytes is what it is charged for.
func (w *watching) bytes() int64 { return w.receipts.bytes() + w.traced.bytes }

// all is what was collected, when all events have been read.
func (w *watching) all() *Watched {
	return &Watched{Receipts: w.receipts.all, Traced: w.traced.all, TracedOmitted: w.traced.omitted}
}

// manifestWatched is a Watched as it stands in the manifest of a parked batch, whose
// events may not be in the journal any more when it is delivered.
type manifestWatched struct {
	Receipts      [][2]int64       `json:"receipts,omitempty"` // Unix nanoseconds, and how many
	Traced        []manifestTraced `json:"traced,omitempty"`
	TracedOmitted uint64           `json:"traced_omitted,omitempty"`
}

// manifestTraced is a Traced in there.
type manifestTraced struct {
	Context  []byte `json:"context"`
	State    string `json:"state,omitempty"`
	ID       string `json:"id,omitempty"`
	Offset   uint64 `json:"offset"`
	Index    uint32 `json:"index"`
	Received int64  `json:"received"`
	More     uint64 `json:"more,omitempty"`
}

// maxManifestTraced bounds what a manifest says of sampled events, in bytes as they are
// charged for in memory.
const maxManifestTraced = 512 << 10

// manifest is w as it stands there.
func (w *Watched) manifest() manifestWatched {
	m := manifestWatched{TracedOmitted: w.TracedOmitted}
	for _, r := range w.Receipts {
		m.Receipts = append(m.Receipts, [2]int64{r.At, int64(r.Events)})
	}
	size := int64(0)
	for i := range w.Traced {
		t := &w.Traced[i]
		if size += t.size(); size > maxManifestTraced {
			m.TracedOmitted += max(1, t.More)
			continue
		}
		m.Traced = append(m.Traced, manifestTraced{t.Context[:], t.State, t.ID, t.Offset, t.Index, t.Received, t.More})
	}
	return m
}

// watched is m as it was before.
func (m *manifestWatched) watched() *Watched {
	w := &Watched{TracedOmitted: m.TracedOmitted}
	for _, r := range m.Receipts {
		w.Receipts = append(w.Receipts, Receipt{At: r[0], Events: uint64(r[1])})
	}
	for _, t := range m.Traced {
		if len(t.Context) == contextBytes {
			w.Traced = append(w.Traced, Traced{[contextBytes]byte(t.Context), t.State, t.ID, t.Offset, t.Index, t.Received, t.More})
		}
	}
	return w
}

// readWatched reads what the manifest of a parked batch says. Nothing but what
// observers are told depends on it.
func readWatched(part *journal.Partition, seal *journalv1.Seal) (*Watched, error) {
	data, err := part.PeekFile(manifestName(seal))
	if err != nil {
		return &Watched{}, err
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return &Watched{}, fmt.Errorf("manifest: %w", err)
	}
	return m.watched(), nil
}

// watchedOf is what is kept of a parked batch's events; nil for one that has it in memory.
// The upload's goroutine calls it.
func (s *shard) watchedOf(b *batch) *Watched {
	if b.parked == nil {
		return nil
	}
	w, err := readWatched(s.part, b.seal)
	if err != nil {
		s.log.Warn("the manifest of a parked batch can't be read: its events are not traced", "key", b.seal.GetKey(), "error", err)
	}
	return w
}
