package batcher

import (
	"bytes"
	"encoding/binary"
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
// turns, beginning with the first-th, from a sender or from nobody.
func benchRecord(b *testing.B, first, destinations int, sender bool) []byte {
	b.Helper()
	r := &journalv1.Events{ReceivedUnixNanos: time.Now().UnixNano()}
	if sender {
		r.SenderId, r.Sequence, r.Settled = make([]byte, 16), 2, 1
	}
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
	rec := benchRecord(b, 0, benchEvents, true)
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
// 1 and of 10,000 destinations, with and without what tells duplicates. Chunks are cut
// and thrown away where a compressor would take them.
func BenchmarkFold(b *testing.B) {
	for _, destinations := range []int{1, 10_000} {
		for _, with := range []string{"nothing", "senders", "ids"} {
			b.Run(fmt.Sprintf("destinations=%d/with=%s", destinations, with), func(b *testing.B) {
				benchFold(b, destinations, with)
			})
		}
	}
}

func benchFold(b *testing.B, destinations int, with string) {
	var records [][]byte
	for first := 0; first < destinations; first += benchEvents {
		records = append(records, benchRecord(b, first, destinations, with == "senders"))
	}
	s := benchShard()
	next := 0
	ids := make([]byte, benchEvents*16)
	fold := func() {
		if err := s.record.decode(records[next%len(records)]); err != nil {
			b.Fatal(err)
		}
		if with == "ids" {
			for i := range s.record.events {
				id := ids[i*16:][:16]
				binary.BigEndian.PutUint64(id, uint64(next))
				id[15] = byte(i)
				s.record.events[i].id = id
			}
		}
		if err := s.foldWhole(); err != nil {
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
}

// benchShard is a shard that closes no batch and has nobody to compress.
func benchShard() *shard {
	cfg := DefaultConfig()
	cfg.MaxEvents, cfg.MaxRawBytes, cfg.MaxObjectSize = math.MaxInt64, math.MaxInt64, math.MaxInt64
	counts := &counters{}
	return &shard{
		dedupe:      newDedupe(&cfg, [16]byte{}, 1, counts),
		shared:      &shared{memory: &memory{limit: math.MaxInt64, wake: func() {}}, spares: &sync.Pool{}, counts: counts},
		cfg:         &cfg,
		compressors: newPool[*uploader.Compressor](nil),
		inbox:       newMailbox[any](),
		dests:       map[string]*destination{},
	}
}

// foldWhole folds the record in hand as the next one of the log.
func (s *shard) foldWhole() error {
	s.offset, s.at, s.atSet = s.offset+1, 0, true
	if s.record.sequence > 0 { // a sender with 32 requests under way
		s.record.sequence, s.record.settled = s.offset, s.offset-min(s.offset, 32)
	}
	s.dedupe.begin(&s.record, time.Now())
	if err := s.findDestinations(); err != nil {
		return err
	}
	err := s.foldRecord()
	s.compressors.mu.jobs, s.chunks = nil, 0
	return err
}

// BenchmarkDedupe asks the tables for records of 100 events, without anything else of
// the fold.
func BenchmarkDedupe(b *testing.B) {
	for _, with := range []string{"senders", "ids"} {
		b.Run("with="+with, func(b *testing.B) {
			d := newTables(nil)
			r := eventsRecord{received: d.clock.UnixNano(), events: make([]eventRecord, benchEvents)}
			ids := make([]byte, benchEvents*16)
			for i := range r.events {
				r.events[i].index = uint32(i)
				ids[i*16] = byte(i)
				if with == "ids" {
					r.events[i].id = ids[i*16:][:16]
				} else {
					r.senderID = make([]byte, 16)
				}
			}
			dest := name("default", "bench", "bench/00000/")
			var n uint64
			b.ReportAllocs()
			for b.Loop() {
				n++
				r.sequence, r.settled = n, n-min(n, 32)
				d.begin(&r, d.clock)
				for i := range r.events {
					binary.BigEndian.PutUint64(ids[i*16+8:], n)
					if d.take(&r.events[i], dest, position{n, uint32(i)}) != fresh {
						b.Fatal("a duplicate")
					}
				}
				d.end(&r)
			}
			reportEvents(b)
		})
	}
}
