package telemetry

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// bulk is a histogram that takes many events of one size at once. It has no
// attributes. Its methods may be called together.
type bulk struct {
	instrument Instrument
	began      time.Time

	mu struct {
		sync.Mutex
		count     uint64
		sum       float64
		counts    []uint64                       // by bucket
		exemplars []metricdata.Exemplar[float64] // by bucket: the last one; without a TraceID there was none
	}
}

func newBulk(i Instrument, now time.Time) *bulk {
	b := &bulk{instrument: i, began: now}
	b.mu.counts = make([]uint64, len(i.Bounds)+1)
	b.mu.exemplars = make([]metricdata.Exemplar[float64], len(i.Bounds)+1)
	return b
}

// add counts n events of a size.
func (b *bulk) add(size float64, n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.counts[b.bucket(size)] += n
	b.mu.count += n
	b.mu.sum += size * float64(n)
}

// exemplify makes one of the events that were counted the example of its bucket.
func (b *bulk) exemplify(size float64, trace [16]byte, span [8]byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mu.exemplars[b.bucket(size)] = metricdata.Exemplar[float64]{Time: time.Now(), Value: size, TraceID: trace[:], SpanID: span[:]}
}

// bucket is the place of the first bucket that a size is not above.
func (b *bulk) bucket(size float64) int {
	at, _ := slices.BinarySearch(b.instrument.Bounds, size)
	return at
}

// collect is what was counted so far.
func (b *bulk) collect() metricdata.Metrics {
	b.mu.Lock()
	defer b.mu.Unlock()
	point := metricdata.HistogramDataPoint[float64]{
		Attributes: *attribute.EmptySet(), StartTime: b.began, Time: time.Now(),
		Count: b.mu.count, Sum: b.mu.sum, Bounds: b.instrument.Bounds, BucketCounts: slices.Clone(b.mu.counts),
	}
	for _, e := range b.mu.exemplars {
		if e.TraceID != nil {
			point.Exemplars = append(point.Exemplars, e)
		}
	}
	return metricdata.Metrics{
		Name: b.instrument.Name, Description: b.instrument.Meaning, Unit: b.instrument.Unit,
		Data: metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: []metricdata.HistogramDataPoint[float64]{point}},
	}
}

// bulks gives histograms to the SDK's readers, as a metric.Producer.
type bulks []*bulk

// Produce returns what was counted so far.
func (all bulks) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: scopeName}}
	for _, b := range all {
		scope.Metrics = append(scope.Metrics, b.collect())
	}
	return []metricdata.ScopeMetrics{scope}, nil
}
