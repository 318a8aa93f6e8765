package main

import (
	"context"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/ledger"
)

// shards is the batcher as the ledger asks it.
type shards struct {
	batcher interface {
		Spans(ctx context.Context, partition int, spans []batcher.Span) ([]batcher.SpanStatus, uint64, error)
		Destination(ctx context.Context, tenant, bucket, prefix string) (batcher.Status, error)
	}
}

// Undelivered implements [ledger.Shards].
func (s shards) Undelivered(ctx context.Context, partition int, of []ledger.Span) ([]ledger.Undelivered, uint64, error) {
	spans := make([]batcher.Span, len(of))
	for i, span := range of {
		spans[i] = batcher.Span{Digest: span.Digest, First: batcher.Place(span.First), Last: batcher.Place(span.Last)}
	}
	found, control, err := s.batcher.Spans(ctx, partition, spans)
	answers := make([]ledger.Undelivered, len(found))
	for i := range found {
		answers[i] = undeliveredOf(&found[i])
	}
	return answers, control, err
}

// Destination implements [ledger.Shards].
func (s shards) Destination(ctx context.Context, tenant, bucket, prefix string) (ledger.Health, error) {
	st, err := s.batcher.Destination(ctx, tenant, bucket, prefix)
	return healthOf(&st), err
}

func undeliveredOf(d *batcher.SpanStatus) ledger.Undelivered {
	u := ledger.Undelivered{Health: healthOf(&d.Status), Unsealed: phaseOf(d.Unsealed), Before: phaseOf(d.Before)}
	for _, b := range d.Batches {
		u.Batches = append(u.Batches, ledger.OpenBatch{ID: b.ID, Phase: phaseOf(b.Progress), Reason: b.Reason})
	}
	return u
}

func healthOf(st *batcher.Status) ledger.Health {
	h := ledger.Health{
		Tenant: st.Tenant, Bucket: st.Bucket, Prefix: st.Prefix,
		Blocked: st.State == batcher.StateBlocked, Behind: st.State == batcher.StateCatchingUp, Failing: st.State == batcher.StateRetrying,
		NextTry: st.NextTry, BacklogEvents: st.BacklogEvents, BacklogBytes: st.BacklogBytes, Oldest: st.Oldest,
	}
	if h.Blocked || h.Failing {
		h.Code, h.Message = st.Code, st.Message
	}
	if st.WaitsFor != "" { // what was said of it may name what is another tenant's
		h.Message = "waits for the " + st.WaitsFor
	}
	return h
}

func phaseOf(p batcher.Progress) ledger.Phase {
	return map[batcher.Progress]ledger.Phase{
		batcher.ProgressUploading: ledger.PhaseUploading, batcher.ProgressWaiting: ledger.PhasePending,
		batcher.ProgressParked: ledger.PhaseParked, batcher.ProgressDead: ledger.PhaseDead,
	}[p]
}
