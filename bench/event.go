package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

const (
	payloadBytes     = 400
	eventsPerRequest = 100
	streams          = 8

	// templates is how many different requests there are. So an event's text, but for
	// its number and time, comes again after 25,600 events: further back than deflate
	// looks in one destination, and seldom within its reach in one of many.
	templates = 256

	bucket          = "bench"
	maxDestinations = 100_000

	// What is different in each event has its place at the beginning of the payload,
	// and always the same width.
	eventHead  = `{"id":"evt_000000000000","time":"2000-01-01T00:00:00.000Z",`
	numberAt   = len(`{"id":"evt_`)
	numberEnd  = numberAt + 12
	timeAt     = len(`{"id":"evt_000000000000","time":"`)
	timeFormat = "2006-01-02T15:04:05.000Z"

	prefixFormat   = "bench/00000/"
	prefixNumberAt = len("bench/")
	prefixDigits   = 5
)

// requestID is the place of a request in a run: its stream, and its sequence there,
// from 1.
type requestID struct {
	stream   int
	sequence uint64
}

// index numbers the requests of a run.
func (r requestID) index() uint64 { return (r.sequence-1)*streams + uint64(r.stream) }

// firstNumber is the number of the request's first event; the others follow it.
func (r requestID) firstNumber() uint64 { return r.index() * eventsPerRequest }

// requestOf is the request that the event of a number belongs to.
func requestOf(number uint64) requestID {
	index := number / eventsPerRequest
	return requestID{stream: int(index % streams), sequence: index/streams + 1}
}

// spread is how events are spread over destinations: by their numbers, so that
// whoever reads an event back knows where it belongs.
type spread struct {
	destinations int
	even         bool // they take turns; if not, they are drawn
}

// of is the destination of an event. What is drawn is a hash of its number (that of
// SplitMix64).
func (s spread) of(number uint64) int {
	if s.even {
		return int(number % uint64(s.destinations))
	}
	z := (number + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return int((z ^ z>>31) % uint64(s.destinations))
}

// corpus is the events of a run before they have numbers, times and destinations:
// requests encoded as they go over the wire, so that sending one is a copy and
// writing what is different over it. It is immutable.
type corpus struct {
	requests [templates][]byte // the field `events` of a StreamS3Request
	stride   int               // from one event to the next
	prefix   int               // offset of the first event's prefix
	payload  int               // offset of the first event's payload
}

// newCorpus makes the same events every time.
func newCorpus() (*corpus, error) {
	c := &corpus{}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range c.requests {
		r := &destinationsv1.StreamS3Request{}
		for range eventsPerRequest {
			r.Events = append(r.Events, &destinationsv1.S3Event{
				Prefix:  proto.String(prefixFormat),
				Payload: newPayload(random),
			})
		}
		b, err := proto.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("encode events: %w", err)
		}
		c.requests[i] = b
	}
	b := c.requests[0]
	c.stride = len(b) / eventsPerRequest
	c.prefix = bytes.Index(b, []byte(prefixFormat))
	c.payload = bytes.Index(b, []byte(eventHead))
	return c, nil
}

// payloadOf is the payload of an event before it has a number and a time.
func (c *corpus) payloadOf(number uint64) []byte {
	b := c.requests[number/eventsPerRequest%templates]
	at := int(number%eventsPerRequest)*c.stride + c.payload
	return b[at : at+payloadBytes : at+payloadBytes]
}

// requestParams is what is different in each request.
type requestParams struct {
	ID      requestID
	Sent    time.Time
	Spread  spread
	Settled uint64
	Sender  []byte // goes into a stream's first request alone
}

// appendRequest appends an encoded StreamS3Request to dst.
func (c *corpus) appendRequest(dst []byte, p requestParams) []byte {
	start := len(dst)
	first := p.ID.firstNumber()
	dst = append(dst, c.requests[p.ID.index()%templates]...)
	events := dst[start:]
	stamp := p.Sent.UTC().AppendFormat(make([]byte, 0, 2*len(timeFormat)), timeFormat)
	for i := range uint64(eventsPerRequest) {
		event := events[int(i)*c.stride : int(i+1)*c.stride]
		number := event[c.prefix+prefixNumberAt:]
		putDigits(number[:prefixDigits], uint64(p.Spread.of(first+i)))
		stampPayload(event[c.payload:], first+i, stamp)
	}
	dst = protowire.AppendTag(dst, 2, protowire.BytesType)
	dst = protowire.AppendString(dst, bucket)
	dst = protowire.AppendTag(dst, 4, protowire.VarintType)
	dst = protowire.AppendVarint(dst, p.ID.sequence)
	dst = protowire.AppendTag(dst, 5, protowire.VarintType)
	dst = protowire.AppendVarint(dst, p.Settled)
	if p.ID.sequence == 1 {
		dst = protowire.AppendTag(dst, 6, protowire.BytesType)
		dst = protowire.AppendBytes(dst, p.Sender)
	}
	return dst
}

// stampPayload writes an event's number and time into its payload.
func stampPayload(payload []byte, number uint64, stamp []byte) {
	putDigits(payload[numberAt:numberEnd], number)
	copy(payload[timeAt:], stamp)
}

// putDigits fills dst with the last digits of n.
func putDigits(dst []byte, n uint64) {
	for i := len(dst) - 1; i >= 0; i-- {
		dst[i] = '0' + byte(n%10)
		n /= 10
	}
}

// parseDigits is the number that only digits say.
func parseDigits(b []byte) (n uint64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// newPayload makes the text of an event: what a workflow executor reports about a
// step. A part of it is random and a part comes from few values, so that gzip makes
// a fifth of it.
func newPayload(random *rand.Rand) []byte {
	pick := func(values ...string) string { return values[random.IntN(len(values))] }
	b := []byte(eventHead)
	b = fmt.Appendf(b, `"type":"step.%s","workflow":"%s","run":"%s","step":"%s","attempt":%d,`,
		pick("completed", "completed", "completed", "failed", "retried"),
		pick("order-fulfilment", "invoice-delivery", "customer-onboarding", "inventory-sync", "refund-approval"),
		randomText(random, 32), pick("charge-card", "reserve-stock", "send-email", "update-ledger", "notify-partner", "call-webhook"),
		1+random.IntN(3))
	b = fmt.Appendf(b, `"duration_ms":%d,"customer":{"id":"cus_%s","country":"%s","plan":"%s"},`,
		random.IntN(5000), randomText(random, 18), pick("DE", "FR", "US", "GB", "JP", "BR", "IN"), pick("free", "pro", "enterprise"))
	b = fmt.Appendf(b, `"amount":{"value":%d.%02d,"currency":"%s"},"worker":"executor-%02d.%s.internal","message":"`,
		random.IntN(1000), random.IntN(100), pick("EUR", "USD", "GBP", "JPY"), random.IntN(40), pick("eu-central-1", "us-east-1", "ap-southeast-2"))
	const tail = `"}`
	for len(b) < payloadBytes {
		b = append(b, pick("request accepted by upstream ", "response received ", "waiting for confirmation ", "payment provider ",
			"retry scheduled ", "cache refreshed ", "status unchanged ", "within the limit of "+strconv.Itoa(random.IntN(100))+" seconds ")...)
	}
	return append(b[:payloadBytes-len(tail)], tail...)
}

// randomText is n characters that say nothing.
func randomText(random *rand.Rand, n int) string {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	var s strings.Builder
	for range n {
		s.WriteByte(alphabet[random.IntN(len(alphabet))])
	}
	return s.String()
}
