package traffic

import (
	"bytes"
	"fmt"
	"math/rand/v2"

	"github.com/open-destinations/destinations/e2e/harness"
)

const (
	// What makes an event this one and no other stands at the beginning of its
	// payload, always in the same width.
	headFormat = `{"id":"%03d-%012d","text":"`
	headBytes  = len(`{"id":"000-000000000000","text":"`)
	idAt       = len(`{"id":"`)
	idBytes    = len("000-000000000000")
	tail       = `"}`

	// MaxClients is how many clients there may be with one corpus.
	MaxClients = 1000

	// LeastEventBytes is the least size of an event.
	LeastEventBytes = headBytes + len(tail)

	// MostEventBytes is the largest.
	MostEventBytes = 64 << 10
)

// Corpus is what events are made of. It is immutable and holds no more than some
// text, so everyone who makes one of the same parameters has the same events.
type Corpus struct {
	destinations []harness.Destination
	least, most  int // bytes of a payload
	text         []byte
}

// NewCorpus returns a corpus of events whose sizes lie between least and most bytes,
// and which are spread over the destinations.
func NewCorpus(destinations []harness.Destination, least, most int) *Corpus {
	if len(destinations) == 0 || least < LeastEventBytes || most < least || most > MostEventBytes {
		panic(fmt.Sprintf("invariant: events of %d to %d bytes for %d destinations", least, most, len(destinations)))
	}
	words := []string{"order ", "invoice ", "shipped ", "pending ", "to the customer ", "step ", "completed ", "with a warning ",
		"attempt ", "retry in ", "seconds ", "payment ", "provider ", "answered ", "status ", "EUR ", "USD "}
	random := rand.New(rand.NewPCG(1, 2))
	c := &Corpus{destinations: destinations, least: least, most: most}
	for len(c.text) < 4*MostEventBytes {
		c.text = append(c.text, words[random.IntN(len(words))]...)
		c.text = fmt.Appendf(c.text, "%x ", random.Uint32())
	}
	return c
}

// hash is SplitMix64's of an event's name.
func hash(client int, number uint64) uint64 {
	z := (uint64(client)<<48 + number + 1) * 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// destination is where an event goes.
func (c *Corpus) destination(client int, number uint64) *harness.Destination {
	return &c.destinations[hash(client, number)%uint64(len(c.destinations))]
}

// Payload is what an event of a client holds.
func (c *Corpus) Payload(client int, number uint64) []byte {
	return c.appendPayload(nil, client, number)
}

// appendPayload appends the payload of an event to dst.
func (c *Corpus) appendPayload(dst []byte, client int, number uint64) []byte {
	h := hash(client, ^number)
	size := c.least + int(h%uint64(c.most-c.least+1))
	start := len(dst)
	dst = fmt.Appendf(dst, headFormat, client, number)
	from := int(h >> 32 % uint64(len(c.text)-MostEventBytes))
	dst = append(dst, c.text[from:from+size-headBytes-len(tail)]...)
	dst = append(dst, tail...)
	if len(dst)-start != size {
		panic("invariant: heads of payloads are of one size")
	}
	return dst
}

// eventID is the name of an event over all clients.
func eventID(payload []byte) string { return string(payload[idAt : idAt+idBytes]) }

// parse tells which event a line is by its head.
func parse(line []byte) (client int, number uint64, ok bool) {
	if len(line) < LeastEventBytes || !bytes.HasPrefix(line, []byte(headFormat[:idAt])) {
		return 0, 0, false
	}
	c, ok := digits(line[idAt : idAt+3])
	if !ok {
		return 0, 0, false
	}
	number, ok = digits(line[idAt+4 : idAt+idBytes])
	return int(c), number, ok
}

// digits is the number that only digits say.
func digits(b []byte) (n uint64, ok bool) {
	for _, d := range b {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + uint64(d-'0')
	}
	return n, true
}
