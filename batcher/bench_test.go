package batcher

import (
	"bytes"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// Records of the benchmarks: events of this size, this many in each.
const (
	benchEvents  = 100
	benchPayload = 400
)

// benchRecord is a record whose events go to the given number of destinations by
// turns, beginning with the first-th.
func benchRecord(b *testing.B, first, destinations int) []byte {
	b.Helper()
	r := &journalv1.Events{ReceivedUnixNanos: time.Now().UnixNano(), SenderId: make([]byte, 16), Sequence: 2, Settled: 1}
	payload := bytes.Repeat([]byte("x"), benchPayload)
	for i := range min(benchEvents, destinations) {
		r.Destinations = append(r.Destinations, &journalv1.Destination{
			Tenant: "default", Bucket: "bench", Prefix: fmt.Sprintf("bench/%05d/", (first+i)%destinations),
		})
	}
	for i := range benchEvents {
		r.Events = append(r.Events, &journalv1.Event{
			Destination: uint32(i % len(r.Destinations)), Index: uint32(i), Payload: payload,
		})
	}
	rec, err := proto.Marshal(r)
	if err != nil {
		b.Fatal(err)
	}
	return rec
}

func reportEvents(b *testing.B) {
	b.ReportMetric(float64(b.N)*benchEvents/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkDecode decodes records of 100 events.
func BenchmarkDecode(b *testing.B) {
	rec := benchRecord(b, 0, benchEvents)
	var r eventsRecord
	b.ReportAllocs()
	b.SetBytes(benchEvents * benchPayload)
	for b.Loop() {
		if err := r.decode(rec); err != nil {
			b.Fatal(err)
		}
	}
	reportEvents(b)
}

// BenchmarkFold decodes records of 100 events and adds them to the open batches of
// 1 and of 10,000 destinations. Chunks are cut and thrown away where a compressor
// would take them.
func BenchmarkFold(b *testing.B) {
	for _, destinations := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("destinations=%d", destinations), func(b *testing.B) {
			var records [][]byte
			for first := 0; first < destinations; first += benchEvents {
				records = append(records, benchRecord(b, first, destinations))
			}
			s := benchShard()
			next := 0
			fold := func() {
				if err := s.foldWhole(records[next%len(records)]); err != nil {
					b.Fatal(err)
				}
				next++
			}
			for range records {
				fold() // every destination is known
			}
			b.ReportAllocs()
			b.SetBytes(benchEvents * benchPayload)
			for b.Loop() {
				fold()
			}
			reportEvents(b)
		})
	}
}

// benchShard is a shard that closes no batch and has nobody to compress.
func benchShard() *shard {
	cfg := DefaultConfig()
	cfg.MaxEvents, cfg.MaxRawBytes, cfg.MaxObjectSize = math.MaxInt64, math.MaxInt64, math.MaxInt64
	return &shard{
		spares:      &sync.Pool{},
		cfg:         &cfg,
		memory:      &memory{limit: math.MaxInt64, wake: func() {}},
		compressors: newPool[*uploader.Compressor](nil),
		inbox:       newMailbox[any](),
		dests:       map[string]*destination{},
	}
}

// foldWhole folds one record as the next one of the log.
func (s *shard) foldWhole(rec []byte) error {
	if err := s.record.decode(rec); err != nil {
		return err
	}
	s.offset, s.at, s.atSet = s.offset+1, 0, true
	if err := s.findDestinations(); err != nil {
		return err
	}
	err := s.foldRecord()
	s.compressors.mu.jobs, s.chunks = nil, 0
	return err
}
