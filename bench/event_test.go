package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

func newTestCorpus(t *testing.T) *corpus {
	t.Helper()
	c, err := newCorpus()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestRequestIsWhatProtobufReads(t *testing.T) {
	c := newTestCorpus(t)
	sent := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
	id := requestID{stream: 3, sequence: 500}
	for _, destinations := range []int{1, 10_000} {
		b := c.appendRequest(nil, requestParams{ID: id, Sent: sent, Spread: spread{destinations: destinations}, Settled: 499})
		var got destinationsv1.StreamS3Request
		if err := proto.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if got.Sequence != 500 || got.Settled != 499 || got.Bucket != bucket || len(got.SenderId) != 0 || len(got.Events) != eventsPerRequest {
			t.Fatalf("got sequence %d, settled %d, bucket %q, sender %x, %d events",
				got.Sequence, got.Settled, got.Bucket, got.SenderId, len(got.Events))
		}
		for i, e := range got.Events {
			number := id.firstNumber() + uint64(i)
			if d, ok := parsePrefix(e.GetPrefix()); !ok || d != (spread{destinations: destinations}).of(number) {
				t.Errorf("event %d: got prefix %q, want destination %d", i, e.GetPrefix(), spread{destinations: destinations}.of(number))
			}
			var text struct{ ID, Time string }
			if err := json.Unmarshal(e.Payload, &text); err != nil || len(e.Payload) != payloadBytes {
				t.Fatalf("event %d: %d bytes, %v: %s", i, len(e.Payload), err, e.Payload)
			}
			n, ok := parseDigits([]byte(strings.TrimPrefix(text.ID, "evt_")))
			if !ok || n != number || requestOf(n) != id || text.Time != "2026-01-02T03:04:05.678Z" {
				t.Errorf("event %d: got id %s, time %s, want number %d", i, text.ID, text.Time, number)
			}
		}
	}
}

func TestFirstRequestNamesItsSender(t *testing.T) {
	c, sender := newTestCorpus(t), newSender()
	b := c.appendRequest(nil, requestParams{ID: requestID{stream: 0, sequence: 1}, Spread: spread{destinations: 1}, Sender: sender})
	var got destinationsv1.StreamS3Request
	if err := proto.Unmarshal(b, &got); err != nil || !bytes.Equal(got.SenderId, sender) || got.Sequence != 1 {
		t.Errorf("got sender %x, sequence %d, %v, want %x, 1", got.SenderId, got.Sequence, err, sender)
	}
}

func TestEventsCompressLikeRealOnes(t *testing.T) {
	if err := checkRatio(newTestCorpus(t)); err != nil {
		t.Error(err)
	}
}

func TestDestinationsAreDrawnEvenly(t *testing.T) {
	counts := map[int]int{}
	const draws, destinations = 100_000, 100
	for n := range uint64(draws) {
		counts[spread{destinations: destinations}.of(n)]++
	}
	for d := range destinations {
		if n := counts[d]; n < 800 || n > 1200 {
			t.Errorf("destination %d was drawn %d times of %d, want about %d", d, n, draws, draws/destinations)
		}
	}
}

func TestPrefixes(t *testing.T) {
	for prefix, want := range map[string]int{"bench/00042/": 42, "bench/99999/": 99_999, "bench/0042/": -1, "other/00042/": -1, "bench/0004x/": -1, "": -1} {
		got, ok := parsePrefix(prefix)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", prefix, got, want)
		}
	}
}

func BenchmarkAppendRequest(b *testing.B) {
	c, err := newCorpus()
	if err != nil {
		b.Fatal(err)
	}
	var encoded []byte
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		encoded = c.appendRequest(encoded[:0], requestParams{ID: requestID{1, 2}, Sent: now, Spread: spread{destinations: 10_000}})
	}
	b.SetBytes(int64(len(encoded)))
}

func TestEvenSpreadTakesTurns(t *testing.T) {
	s := spread{destinations: 7, even: true}
	for n := range uint64(100) {
		if got := s.of(n); got != int(n%7) {
			t.Fatalf("event %d: got destination %d, want %d", n, got, n%7)
		}
	}
}
