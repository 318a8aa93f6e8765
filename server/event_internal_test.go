package server

import (
	"fmt"
	"strings"
	"testing"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

func newChecker() *checker {
	return &checker{directory: newDirectory(4, "default"), admission: admitAll{}, ownership: unowned{}, maxPayloadBytes: 1 << 20, request: 1}
}

// admitAll lets every destination take more.
type admitAll struct{}

func (admitAll) Refusal(_, _, _ string) string { return "" }

func TestInheritance(t *testing.T) {
	set := func(s string) *string { return &s }
	tests := []struct {
		name                        string
		requestBucket, requestPrefx string
		eventBucket                 string
		eventPrefix                 *string
		want                        string // bucket:prefix, or the code
	}{
		{"all from the request", "demo", "a", "", nil, "demo:a/"},
		{"prefix of its own", "demo", "a", "", set("b"), "demo:b/"},
		{"no prefix, said so", "demo", "a", "", set(""), "demo:"},
		{"bucket of its own inherits nothing", "demo", "a", "other", nil, "other:"},
		{"both of its own", "demo", "a", "other", set("b"), "other:b/"},
		{"the request's bucket named again inherits nothing", "demo", "a", "demo", nil, "demo:"},
		{"request without a bucket", "", "a", "other", nil, "other:"},
		{"no bucket at all", "", "a", "", nil, "BUCKET_INVALID"},
		{"no bucket, but a prefix", "", "", "", set("b"), "BUCKET_INVALID"},
		{"request's bucket is bad", "BAD", "a", "", nil, "BUCKET_INVALID"},
		{"request's bucket is bad and not needed", "BAD", "..", "other", nil, "other:"},
		{"request's prefix is bad", "demo", "..", "", nil, "PREFIX_INVALID"},
		{"request's prefix is bad and not needed", "demo", "..", "", set(""), "demo:"},
		{"event's prefix is bad", "demo", "a", "", set("a\n"), "PREFIX_INVALID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			request := &destinationsv1.StreamS3Request{Bucket: tt.requestBucket, Prefix: tt.requestPrefx}
			event := &destinationsv1.S3Event{Bucket: tt.eventBucket, Prefix: tt.eventPrefix, Payload: []byte("x")}
			request.Events = append(request.Events, event)
			in := decoded(t, request)
			to, _, p := newChecker().check(in, &in.events[0])
			got := ""
			if p != nil {
				got = strings.TrimPrefix(p.code.String(), "REJECTION_CODE_")
			} else {
				got = to.bucket + ":" + to.prefix
			}
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestLimitsOfAnEvent(t *testing.T) {
	long := strings.Repeat("a", 899)
	mebibyte := strings.Repeat("x", 1<<20)
	tests := []struct {
		name  string
		event *destinationsv1.S3Event
		want  string // "" = accepted
	}{
		{"id of 127", &destinationsv1.S3Event{Id: strings.Repeat("i", 127), Payload: []byte("x")}, ""},
		{"id of 128", &destinationsv1.S3Event{Id: strings.Repeat("i", 128), Payload: []byte("x")}, ""},
		{"id of 129", &destinationsv1.S3Event{Id: strings.Repeat("i", 129), Payload: []byte("x")}, "ID_TOO_LONG id id: 129 bytes, limit 128"},
		{"no payload", &destinationsv1.S3Event{}, "PAYLOAD_EMPTY payload payload: 0 bytes, at least 1"},
		{"payload of 1 MiB - 1", &destinationsv1.S3Event{Payload: []byte(mebibyte[1:])}, ""},
		{"payload of 1 MiB", &destinationsv1.S3Event{Payload: []byte(mebibyte)}, ""},
		{"payload of 1 MiB + 1", &destinationsv1.S3Event{Payload: []byte(mebibyte + "x")}, "PAYLOAD_TOO_LARGE payload payload: 1,048,577 bytes, limit 1,048,576 (1 MiB)"},
		{"payload with a line break", &destinationsv1.S3Event{Payload: []byte("a\nb")}, "PAYLOAD_LINE_BREAK payload payload: line break at byte 1, and not one JSON value"},
		{"prefix of 900", &destinationsv1.S3Event{Prefix: &long, Payload: []byte("x")}, ""},
		{"prefix of 901", &destinationsv1.S3Event{Prefix: new(long + "a"), Payload: []byte("x")}, `PREFIX_INVALID prefix prefix: 901 bytes, limit 900 when completed with "/"`},
		{"bucket of 64", &destinationsv1.S3Event{Bucket: strings.Repeat("b", 64), Payload: []byte("x")}, `BUCKET_INVALID bucket bucket: "` + strings.Repeat("b", 64) + `": 64 bytes, must be 3 to 63`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := decoded(t, &destinationsv1.StreamS3Request{Bucket: "demo", Events: []*destinationsv1.S3Event{tt.event}})
			_, line, p := newChecker().check(in, &in.events[0])
			got := ""
			if p != nil {
				got = fmt.Sprintf("%s %s %s", strings.TrimPrefix(p.code.String(), "REJECTION_CODE_"), p.field, p.reason)
			} else if string(line) != string(tt.event.GetPayload()) {
				t.Error("the line is not the payload")
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNamesOfOneDestinationAreOne(t *testing.T) {
	d := newDirectory(4, "default")
	a, b, other := d.find("demo", "test"), d.find("demo", "test/"), d.find("demo", "test//")
	if a != b || a == other || a.prefix != "test/" || a.partition != Partition("default", "demo", "test/", 4) {
		t.Errorf("got %+v, %+v, %+v", a, b, other)
	}
}

func TestDirectoryIsBounded(t *testing.T) {
	d := newDirectory(4, "default")
	const names = maxKnownBytes / knownOverhead // more than fit
	forgotten := false
	for i := range names {
		before := len(d.known)
		d.trim(maxKnownBytes)
		forgotten = forgotten || len(d.known) < before
		d.find("demo", fmt.Sprint(i))
		d.find("BAD", fmt.Sprint(i))
		if len(d.known) > names {
			t.Fatalf("got %d names, want at most %d", len(d.known), names)
		}
	}
	if !forgotten {
		t.Errorf("got %d names kept, want them forgotten at %d bytes", len(d.known), maxKnownBytes)
	}
	d.trim(0)
	d.find(strings.Repeat("b", 1<<20), "")
	d.find("demo", strings.Repeat("p", 1<<20))
	if len(d.known) != 0 {
		t.Errorf("got %d names kept, want none so long", len(d.known))
	}
}

func TestCheckOfAKnownDestinationAllocatesNothing(t *testing.T) {
	c := newChecker()
	in := decoded(t, fullRequest())
	c.check(in, &in.events[0])
	if n := testing.AllocsPerRun(100, func() { c.check(in, &in.events[0]) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}
