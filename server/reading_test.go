package server_test

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/server"
)

// rawCodec sends bytes as they are.
type rawCodec struct{}

func (rawCodec) Name() string { return "proto" }

func (rawCodec) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(v.([]byte))}, nil
}

func (rawCodec) Unmarshal(data mem.BufferSlice, v any) error {
	return proto.Unmarshal(data.Materialize(), v.(proto.Message))
}

// openRaw opens a stream that sends bytes.
func (h *harness) openRaw(t testing.TB) grpc.ClientStream {
	t.Helper()
	conn := h.connect(t, grpc.WithDefaultCallOptions(grpc.ForceCodecV2(rawCodec{})))
	t.Cleanup(func() { conn.Close() })
	stream, err := conn.NewStream(t.Context(), &destinationsv1.Destinations_ServiceDesc.Streams[0], destinationsv1.Destinations_SendS3_FullMethodName)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func encoded(t testing.TB, r *destinationsv1.SendS3Request) []byte {
	t.Helper()
	b, err := proto.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sized is a request of exactly that many bytes, with four events.
func sized(t testing.TB, sequence uint64, size int) *destinationsv1.SendS3Request {
	t.Helper()
	payload := strings.Repeat("x", size/4-1000)
	r := numbered(sequence, request("a", payload, payload, payload, payload))
	filled := r.GetEvents()[0] // with what counts as absent
	for proto.Size(r) < size {
		filled.Tracestate += strings.Repeat("f", max(1, size-proto.Size(r)-10))
	}
	if got := proto.Size(r); got != size {
		t.Fatalf("got a request of %d bytes, want %d", got, size)
	}
	return r
}

// empties is a request with that many empty events, two bytes each.
func empties(n int) []byte { return bytes.Repeat([]byte{1<<3 | 2, 0}, n) }

func TestMostEventsOfARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
		stream := h.openRaw(t)
		if err := stream.SendMsg(empties(100_000)); err != nil {
			t.Fatal(err)
		}
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
		var got destinationsv1.SendS3Response
		if err := stream.RecvMsg(&got); err != nil || got.GetRejected() != 100_000 || len(got.GetRejections()) != 1000 {
			t.Errorf("got %d rejected, %d rejections, %v; want 100,000 and 1,000", got.GetRejected(), len(got.GetRejections()), err)
		}
	})
}

func TestUnreadableRequest(t *testing.T) {
	notUTF8 := encoded(t, request("ab", "x"))
	notUTF8[len(notUTF8)-1] = 0xff
	tests := []struct {
		name   string
		bytes  []byte
		code   codes.Code
		reason string
	}{
		{"not protobuf", []byte{0xff, 0xff, 0xff}, codes.Internal, "MALFORMED_REQUEST"},
		{"cut off", encoded(t, request("a", "hello"))[:8], codes.Internal, "MALFORMED_REQUEST"},
		{"a string that is not UTF-8", notUTF8, codes.Internal, "MALFORMED_REQUEST"},
		{"4 MiB + 1", encoded(t, sized(t, 9, 4<<20+1)), codes.ResourceExhausted, "REQUEST_TOO_LARGE"},
		{"8 MiB", make([]byte, 8<<20), codes.ResourceExhausted, "REQUEST_TOO_LARGE"},
		{"100,001 events", empties(100_001), codes.ResourceExhausted, "REQUEST_TOO_LARGE"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				j := &fakeJournal{t: t}
				h := start(t, setup{journal: j})
				stream := h.openRaw(t)
				for _, b := range [][]byte{encoded(t, numbered(5, request("a", "x"))), tt.bytes} {
					if err := stream.SendMsg(b); err != nil {
						t.Fatal(err)
					}
				}
				done := make(chan error, 1)
				go func() { done <- stream.RecvMsg(new(destinationsv1.SendS3Response)) }()
				synctest.Wait()
				select {
				case err := <-done:
					t.Fatalf("got %v while an append was under way", err)
				default:
				}
				j.taken()[0].answer(nil)
				err := <-done
				wantStatus(t, err, tt.code, tt.reason, "5")
				if !strings.HasPrefix(status.Convert(err).Message(), "request 2: ") {
					t.Errorf("got %v, which does not name the request", err)
				}
			})
		})
	}
}

// Reading such a request would cost the memory that the limit protects, so gRPC
// refuses it by its length, before there is anything to answer with.
func TestRequestOfMoreThanTwiceTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
		stream := h.openRaw(t)
		_ = stream.SendMsg(make([]byte, 8<<20+1))
		err := stream.RecvMsg(new(destinationsv1.SendS3Response))
		if status.Code(err) != codes.ResourceExhausted {
			t.Errorf("got %v, want ResourceExhausted", err)
		}
	})
}

func TestLargestRequestIsTaken(t *testing.T) {
	for _, size := range []int{4<<20 - 1, 4 << 20} {
		synctest.Test(t, func(t *testing.T) {
			h := start(t, setup{journal: &fakeJournal{t: t, auto: true}})
			r, err := h.sendAll(t, sized(t, 1, size))
			if got := mustAnswer(t, r, err); got.GetAccepted() != 4 {
				t.Errorf("%d bytes: got %v", size, got)
			}
		})
	}
}

func TestLimitsAreTheConfiguredOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := server.DefaultConfig()
		config.MaxPayloadBytes, config.MaxRequestBytes = 2<<20, 16<<20
		h := start(t, setup{config: config, journal: &fakeJournal{t: t, auto: true}})
		payload := strings.Repeat("x", 2<<20)
		r, err := h.sendAll(t, request("a", payload, payload, payload, payload+"x"))
		if got := mustAnswer(t, r, err); got.GetAccepted() != 3 || !strings.Contains(got.GetRejections()[0].GetReason(), "limit 2,097,152 (2 MiB)") {
			t.Errorf("got %v", got)
		}
	})
}
