package destinations_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	destinations "github.com/open-destinations/destinations/clients/go"
	"github.com/open-destinations/destinations/clients/go/internal/api"
)

// TestLargeEventsPassAnEmptyBuffer, whatever its size.
func TestLargeEventsPassAnEmptyBuffer(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{MaxBufferedBytes: 1024})
		for range 3 {
			send(t, c, strings.Repeat("x", 5000))
		}
		must(t, c.Flush(t.Context()))
	})
}

// TestDestinations: events of the request's own destination leave it out, others name
// theirs, with no prefix of the request's.
func TestDestinations(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{NoReceipts: true})
		for _, e := range []destinations.S3Event{
			{Bucket: "bucket", Prefix: "p", Payload: "1"}, {Bucket: "bucket", Prefix: "p", Payload: "2", ID: "id"},
			{Bucket: "bucket", Payload: map[string]int{"n": 3}}, {Bucket: "other", Prefix: "p", Payload: []byte("4")},
		} {
			_, err := c.Send.S3(t.Context(), e)
			must(t, err)
		}
		must(t, c.Close(t.Context()))
		want := &api.StreamS3Request{
			Bucket: "bucket", Prefix: "p", Sequence: 1, SenderId: s.streams[0].requests[0].GetSenderId(),
			Events: []*api.S3Event{
				{Payload: []byte("1")}, {Payload: []byte("2"), Id: "id"},
				{Bucket: "bucket", Payload: []byte(`{"n":3}`)}, {Bucket: "other", Prefix: proto.String("p"), Payload: []byte("4")},
			},
		}
		same(t, "the request", s.streams[0].requests[0], want)
	})
}

// TestCallsOfBadEvents fail, and nothing else does.
func TestCallsOfBadEvents(t *testing.T) {
	s := &service{}
	inBubble(t, s, func(t *testing.T) {
		c := s.connect(t, destinations.Options{})
		for want, e := range map[string]destinations.S3Event{
			"bucket":  {Payload: "x"},
			"prefix":  {Bucket: "b", Prefix: "\xff", Payload: "x"},
			"id":      {Bucket: "b", ID: "\xff", Payload: "x"},
			"payload": {Bucket: "b", Payload: ""},
		} {
			got := (*destinations.RejectedError)(nil)
			if _, err := c.Send.S3(t.Context(), e); !errors.As(err, &got) || got.Field != want || got.Reason == "" {
				t.Errorf("%s: got %v", want, err)
			}
		}
		if _, err := c.Send.S3(t.Context(), destinations.S3Event{Bucket: "b", Payload: func() {}}); !errors.As(err, new(*destinations.SerializationError)) {
			t.Errorf("got %v", err)
		}
		must(t, send(t, c, "good").Wait(t.Context()))
	})
}

// TestOptions names what is wrong.
func TestOptions(t *testing.T) {
	_, err := destinations.Connect("localhost:1", destinations.Options{
		MaxBufferedBytes: -1, WhenFull: 7, BlockTimeout: -1, BatchBytes: 5 << 20, BatchDelay: -1, MaxStreams: 65,
		ReconnectInitial: time.Second, ReconnectMax: time.Millisecond, KeepaliveTime: time.Second, KeepaliveTimeout: -1, CloseTimeout: -1,
		Token: "t", TokenSource: func() (string, error) { return "", nil },
	})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, field := range []string{"MaxBufferedBytes", "WhenFull", "BlockTimeout", "BatchBytes", "BatchDelay", "MaxStreams", "ReconnectMax", "KeepaliveTime", "KeepaliveTimeout", "CloseTimeout", "Token"} {
		if !slices.ContainsFunc(strings.Split(err.Error(), "\n"), func(line string) bool { return strings.HasPrefix(line, field+":") }) {
			t.Errorf("nothing is said of %s in %q", field, err)
		}
	}
	if _, err := destinations.Connect("example.com:1", destinations.Options{Insecure: true, Token: "secret"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a token over plaintext: got %v", err)
	}
	if _, err := destinations.Connect("localhost:1", destinations.Options{Token: "secret\n"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a token that no header can say: got %v", err)
	}
	if _, err := destinations.Connect("", destinations.Options{}); err == nil {
		t.Error("no target: got no error")
	}
}

// TestCallsAllocateLittle: an event costs its interface and a part of its request.
func TestCallsAllocateLittle(t *testing.T) {
	s := &service{answer: func(_ int, one *served) error {
		<-one.Context().Done()
		return nil
	}}
	s.start(t)
	c := s.connect(t, destinations.Options{CloseTimeout: time.Millisecond})
	payload := bytes.Repeat([]byte("x"), 400)
	ctx := t.Context()
	got := testing.AllocsPerRun(20_000, func() {
		if _, err := c.Send.S3(ctx, destinations.S3Event{Bucket: "bucket", Prefix: "p", Payload: payload}); err != nil {
			t.Fatal(err)
		}
	})
	if got > 2 {
		t.Errorf("got %v allocations for an event, want at most 2", got)
	}
}
