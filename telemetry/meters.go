package telemetry

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
)

// bulkSet are the histograms of single events.
type bulkSet struct{ accept, delivery *bulk }

func makeBulks(now time.Time) bulkSet {
	return bulkSet{newBulk(row(nameAcceptDuration), now), newBulk(row(nameDeliveryDuration), now)}
}

func (s bulkSet) all() sdkmetric.Producer {
	if Disabled() {
		return bulks{}
	}
	return bulks{s.accept, s.delivery}
}

// row is the table's row of a name.
func row(name string) Instrument {
	for _, i := range Table() {
		if i.Name == name {
			return i
		}
	}
	panic("invariant: no instrument is called " + name)
}

// meters are the instruments, and the counters behind those that are read when somebody
// collects.
type meters struct {
	bulkSet
	histograms map[string]metric.Float64Histogram
	observed   map[string]metric.Observable
	meter      metric.Meter
	syncs      map[journal.Kind]metric.MeasurementOption // there are many of them

	received, accepted, delivered, skewed atomic.Uint64
	rejected                              counters // by RejectionCode
	contexts                              counters // by source
	spans                                 counters // by span and outcome
	principals                            counters // by principal
	refused                               counters // by reason
	closed                                counters // connections, by listener and reason
	named                                 names    // principals
}

// counters are counters of one instrument, by their attributes.
type counters struct {
	mu sync.Mutex
	by map[attribute.Set]uint64
}

// add counts n, of which there are few kinds.
func (c *counters) add(kind attribute.Set, n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[attribute.Set]uint64{}
	}
	c.by[kind] += n
}

// each calls visit for each kind that was counted.
func (c *counters) each(visit func(kind attribute.Set, n uint64)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for kind, n := range c.by {
		visit(kind, n)
	}
}

// newMeters makes every instrument of the table.
func newMeters(meter metric.Meter, b bulkSet) (*meters, error) {
	m := &meters{bulkSet: b, meter: meter, histograms: map[string]metric.Float64Histogram{}, observed: map[string]metric.Observable{}}
	m.syncs = map[journal.Kind]metric.MeasurementOption{}
	for _, log := range []journal.Kind{journal.EventsLog, journal.ControlLog} {
		m.syncs[log] = metric.WithAttributeSet(attributes(keyLog, log.String()))
	}
	for _, i := range Table() {
		if i.Name == b.accept.instrument.Name || i.Name == b.delivery.instrument.Name {
			continue
		}
		if err := m.make(i); err != nil {
			return nil, fmt.Errorf("instrument %s: %w", i.Name, err)
		}
	}
	return m, nil
}

func (m *meters) make(i Instrument) (err error) {
	describe, unit := metric.WithDescription(i.Meaning), metric.WithUnit(i.Unit)
	switch {
	case i.Kind == Histogram:
		m.histograms[i.Name], err = m.meter.Float64Histogram(i.Name, describe, unit, metric.WithExplicitBucketBoundaries(i.Bounds...))
	case i.Kind == Counter:
		m.observed[i.Name], err = m.meter.Int64ObservableCounter(i.Name, describe, unit)
	case i.Unit == "s":
		m.observed[i.Name], err = m.meter.Float64ObservableGauge(i.Name, describe, unit)
	default:
		m.observed[i.Name], err = m.meter.Int64ObservableGauge(i.Name, describe, unit)
	}
	return err
}

// record adds a value to a histogram. It takes no context: an exemplar of a batch would
// say nothing about an event.
func (m *meters) record(name string, value float64, kind ...attribute.KeyValue) {
	m.histograms[name].Record(context.Background(), value, metric.WithAttributeSet(attribute.NewSet(kind...)))
}

// observing hands the numbers of one collection to the SDK.
type observing struct {
	metric.Observer
	by map[string]metric.Observable
}

func (o observing) count(name string, n uint64, kind ...attribute.KeyValue) {
	o.ObserveInt64(o.by[name].(metric.Int64Observable), int64(n), metric.WithAttributes(kind...))
}

func (o observing) gauge(name string, n int64, kind ...attribute.KeyValue) {
	o.ObserveInt64(o.by[name].(metric.Int64Observable), n, metric.WithAttributes(kind...))
}

func (o observing) seconds(name string, d time.Duration, kind ...attribute.KeyValue) {
	o.ObserveFloat64(o.by[name].(metric.Float64Observable), d.Seconds(), metric.WithAttributes(kind...))
}

// own tells what is counted here.
func (m *meters) own(o observing) {
	o.count(nameReceived, m.received.Load())
	o.count(nameAccepted, m.accepted.Load())
	o.count(nameDelivered, m.delivered.Load())
	o.count(nameSkewed, m.skewed.Load())
	for name, c := range map[string]*counters{nameRejected: &m.rejected, nameContexts: &m.contexts, nameSpans: &m.spans, namePrincipals: &m.principals, nameRefused: &m.refused, nameCutOff: &m.closed} {
		c.each(func(kind attribute.Set, n uint64) {
			o.ObserveInt64(o.by[name].(metric.Int64Observable), int64(n), metric.WithAttributeSet(kind))
		})
	}
}

// rejectionText is a rejection code as an attribute.
func rejectionText(code destinationsv1.RejectionCode) string {
	return strings.ToLower(strings.TrimPrefix(code.String(), "REJECTION_CODE_"))
}

// countSpans counts what became of spans.
func (m *meters) countSpans(kind, outcome string, n uint64) {
	if n > 0 {
		m.spans.add(spanAttributes(kind, outcome), n)
	}
}
