package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// bucketOf is a bucket in memory: object -> lines.
type bucketOf struct {
	objects []harness.Object
	lines   map[string][][]byte
	broken  string // key of an object that can't be read
	at      time.Time
}

func (b *bucketOf) List(context.Context, string, string) ([]harness.Object, error) {
	return slices.Clone(b.objects), nil
}

func (b *bucketOf) Lines(_ context.Context, o harness.Object, f func([]byte) error) error {
	for _, line := range b.lines[o.Key] {
		if err := f(bytes.Clone(line)); err != nil {
			return err
		}
	}
	if o.Key == b.broken {
		return errors.New("checksum")
	}
	return nil
}

func (b *bucketOf) Appeared(harness.Object) (time.Time, error) { return b.at, nil }

// scene is a run in which every stream has sent two requests, and the second ones
// of the last stream have no answer.
type scene struct {
	corpus       *corpus
	load         *load
	bucket       *bucketOf
	destinations int
}

func newScene(t *testing.T, destinations int) *scene {
	began := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := &scene{
		corpus: newTestCorpus(t), load: &load{began: began}, destinations: destinations,
		bucket: &bucketOf{lines: map[string][][]byte{}, at: began.Add(12 * time.Second)},
	}
	for i := range s.load.streams {
		log := &s.load.streams[i]
		log.sent = []int64{began.UnixNano(), began.Add(2 * time.Second).UnixNano()}
		log.latencies = []time.Duration{time.Millisecond, 2 * time.Millisecond}
		log.lastAck = began.Add(2 * time.Second)
	}
	s.load.streams[streams-1].latencies = s.load.streams[streams-1].latencies[:1]
	for i := range uint64(2 * streams * eventsPerRequest) {
		s.put(spread{destinations: destinations}.of(i), s.line(i))
	}
	return s
}

// line is an event as it was sent.
func (s *scene) line(number uint64) []byte {
	line := bytes.Clone(s.corpus.payloadOf(number))
	id := requestOf(number)
	sent := time.Unix(0, s.load.streams[id.stream].sent[id.sequence-1]).UTC()
	stampPayload(line, number, []byte(sent.Format(timeFormat)))
	return line
}

// put puts a line into the object of a destination.
func (s *scene) put(destination int, line []byte) {
	key := s.key(destination)
	if s.bucket.lines[key] == nil {
		s.bucket.objects = append(s.bucket.objects, harness.Object{Bucket: bucket, Key: key, Prefix: fmt.Sprintf("bench/%05d/", destination)})
	}
	s.bucket.lines[key] = append(s.bucket.lines[key], line)
}

func (s *scene) key(destination int) string { return fmt.Sprintf("bench/%05d/object.gz", destination) }

// remove takes an event out of its object.
func (s *scene) remove(number uint64) {
	key, line := s.key(spread{destinations: s.destinations}.of(number)), s.line(number)
	s.bucket.lines[key] = slices.DeleteFunc(s.bucket.lines[key], func(l []byte) bool { return bytes.Equal(l, line) })
}

func (s *scene) read(t *testing.T) *readback {
	t.Helper()
	rb := newReadback(readbackParams{Source: s.bucket, Corpus: s.corpus, Load: s.load, Spread: spread{destinations: s.destinations}})
	if err := rb.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	return rb
}

// unanswered is an event that has no answer, answered one that has.
const (
	answered   = uint64(7)
	unanswered = uint64((2*streams - 1) * eventsPerRequest)
)

func TestReadbackIsTrue(t *testing.T) {
	for _, destinations := range []int{1, 5, 10_000} {
		s := newScene(t, destinations)
		rb := s.read(t)
		if err := rb.verdict(); err != nil {
			t.Errorf("%d destinations: %v", destinations, err)
		}
		const events = 2 * streams * eventsPerRequest
		if rb.bytes != events*payloadBytes || rb.objects != len(s.bucket.objects) || !rb.last.Equal(s.bucket.at) {
			t.Errorf("%d destinations: got %d bytes, %d objects, last %v", destinations, rb.bytes, rb.objects, rb.last)
		}
		if half, all := rb.freshness(0.5), rb.freshness(0.99); half != 10*time.Second+ageStep || all != 12*time.Second+ageStep {
			t.Errorf("%d destinations: ages of half %v, of nearly all %v, want 10s and 12s", destinations, half, all)
		}
	}
}

func TestReadbackTellsWhatIsWrong(t *testing.T) {
	tests := []struct {
		name   string
		change func(*scene)
		want   string // "" = nothing is wrong
	}{
		{"an acknowledged event is missing", func(s *scene) { s.remove(answered) }, "LOST: 1 acknowledged"},
		{"an event without an answer is missing", func(s *scene) { s.remove(unanswered) }, ""},
		{"an event is there twice in an object", func(s *scene) { s.put(spread{destinations: 5}.of(answered), s.line(answered)) }, "DUPLICATED"},
		{"an event without an answer is there twice", func(s *scene) { s.put(spread{destinations: 5}.of(unanswered), s.line(unanswered)) }, "DUPLICATED"},
		{"an event is in another destination's object", func(s *scene) {
			s.remove(answered)
			s.put((spread{destinations: 5}.of(answered)+1)%5, s.line(answered))
		}, "MISPLACED"},
		{"a byte is another", func(s *scene) { s.bucket.lines[s.key(0)][0][100] ^= 1 }, "CHANGED"},
		{"a line is cut", func(s *scene) { s.bucket.lines[s.key(0)][0] = s.bucket.lines[s.key(0)][0][:399] }, "FOREIGN"},
		{"a line has no number", func(s *scene) { s.bucket.lines[s.key(0)][0][numberAt] = 'x' }, "FOREIGN"},
		{"an event was never sent", func(s *scene) {
			line := s.line(answered)
			putDigits(line[numberAt:numberEnd], 3*streams*eventsPerRequest)
			s.put(0, line)
		}, "never sent"},
		{"a number is beyond all", func(s *scene) {
			line := s.line(answered)
			putDigits(line[numberAt:numberEnd], 999_999_999_999)
			s.put(0, line)
		}, "never sent"},
		{"an object can't be read", func(s *scene) { s.bucket.broken = s.key(0) }, "checksum"},
		{"everything is missing", func(s *scene) { s.bucket.objects = nil }, "LOST: 1500 acknowledged"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(t, 5)
			tt.change(s)
			err := s.read(t).verdict()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want no error", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReadbackReadsAnObjectOnce(t *testing.T) {
	s := newScene(t, 5)
	late := s.bucket.objects[3:]
	s.bucket.objects = s.bucket.objects[:3]
	rb := s.read(t)
	if n, _ := rb.missing(); n == 0 {
		t.Error("nothing is missing, want what comes later")
	}
	s.bucket.objects = append(s.bucket.objects, late...)
	if err := rb.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := rb.verdict(); err != nil || rb.objects != 5 {
		t.Errorf("got %v, %d objects", err, rb.objects)
	}
	again := s.bucket.objects[0]
	again.Key += "-again"
	s.bucket.lines[again.Key] = s.bucket.lines[s.bucket.objects[0].Key]
	s.bucket.objects = append(s.bucket.objects, again)
	if err := rb.next(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := rb.verdict(); err == nil || !strings.Contains(err.Error(), "more of these") {
		t.Errorf("a second copy of an object: got %v", err)
	}
}
