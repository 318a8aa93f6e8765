package telemetry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/open-destinations/destinations/batcher"
)

// Sources are asked when somebody collects. Each answers at once.
type Sources struct {
	Backlog       func() batcher.Backlog
	Counts        func() batcher.Counts
	BatchMemory   func() (batches, tables, limit int64)
	RequestMemory func() (used, limit int64)
	JournalUsed   func() int64
	JournalQuota  func() int64
	Closed        func() int // partitions that damage has closed
}

// Watch asks these from now on, until Close.
func (t *Telemetry) Watch(s Sources) error {
	if Disabled() {
		return nil
	}
	m := t.meters
	_, err := m.meter.RegisterCallback(func(_ context.Context, to metric.Observer) error {
		o := observing{to, m.observed}
		m.own(o)
		s.counts(o)
		s.backlog(o, time.Now())
		s.bounds(o)
		return nil
	}, slices.Collect(maps.Values(m.observed))...)
	if err != nil {
		return fmt.Errorf("telemetry: %w", err)
	}
	return nil
}

func (s *Sources) counts(o observing) {
	c := s.Counts()
	o.count(nameDuplicates, c.DuplicatesBySender, attribute.String(keyBy, "sender"))
	o.count(nameDuplicates, c.DuplicatesByID, attribute.String(keyBy, "id"))
	o.count(nameForgottenEarly, c.SendersForgottenEarly, attribute.String(keyTableName, "senders"))
	o.count(nameForgottenEarly, c.IDsForgottenEarly, attribute.String(keyTableName, "ids"))
	o.count(nameTransitions, c.Blocked, attribute.String(keyState, "blocked"))
	o.count(nameTransitions, c.Freed, attribute.String(keyState, "freed"))
	o.count(namePasses, c.Passes)
	for fate, n := range map[string]uint64{
		"delivered": c.Delivered, "parked": c.Parked, "dead": c.Dead, "redriven": c.Redriven, "discarded": c.Discarded,
	} {
		o.count(nameBatches, n, attribute.String(keyFate, fate))
	}
}

func (s *Sources) backlog(o observing, now time.Time) {
	b := s.Backlog()
	for state, u := range map[string]batcher.Undelivered{"active": b.Active, "waiting": b.Waiting, "blocked": b.Blocked, "dead": b.Dead} {
		kind := attribute.String(keyState, state)
		o.gauge(nameBacklogEvents, u.Events, kind)
		o.gauge(nameBacklogSize, u.Bytes, kind)
		if state == "dead" {
			continue
		}
		age := time.Duration(0)
		if !u.Oldest.IsZero() {
			age = max(0, now.Sub(u.Oldest))
		}
		o.seconds(nameBacklogOldest, age, kind)
	}
	o.gauge(nameBlocked, b.Blocking)
	o.gauge(nameLag, int64(b.Lag))
}

func (s *Sources) bounds(o observing) {
	o.gauge(nameJournalSize, s.JournalUsed())
	o.gauge(nameJournalQuota, s.JournalQuota())
	o.gauge(nameClosed, int64(s.Closed()))
	requests, requestLimit := s.RequestMemory()
	batches, tables, batchLimit := s.BatchMemory()
	budget := func(name string) attribute.KeyValue { return attribute.String(keyBudget, name) }
	o.gauge(nameMemoryUsed, requests, budget("requests"))
	o.gauge(nameMemoryUsed, batches, budget("batches"))
	o.gauge(nameMemoryUsed, tables, budget("tables"))
	o.gauge(nameMemoryLimit, requestLimit, budget("requests"))
	o.gauge(nameMemoryLimit, batchLimit, budget("batches"))
}
