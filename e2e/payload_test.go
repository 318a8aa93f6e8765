package e2e_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"sort"
)

// atoms are what JSON strings of the tests are made of: text of several scripts
// and lengths, and every kind of escape. None may be cut in two.
var atoms = []string{
	"workflow ", "deployed ", "the quick brown fox ", "0123456789", "a", "{}[]:, ",
	"é", "Ünïcödé ", "日本語のテキスト", "Привет ", "مرحبا ", "😀👩‍👩‍👧", "\u2028", "\u00a0",
	`\n`, `\r\n`, `\t`, `\"`, `\\`, `\/`, `\u00e9`, `\ud83d\ude00`, `\u0000`, `\u2028`,
}

// jsonMaker makes JSON events from one long text that it cuts pieces out of, so
// that a hundred thousand of them cost little more than copying.
type jsonMaker struct {
	rnd  *rand.Rand
	text []byte
	cuts []int // where text may be cut, ascending
}

// newJSONMaker returns a maker whose events depend on the seed alone.
func newJSONMaker(seed uint64) *jsonMaker {
	m := &jsonMaker{rnd: rand.New(rand.NewPCG(seed, 1))}
	for len(m.text) < 512<<10 {
		m.cuts = append(m.cuts, len(m.text))
		m.text = append(m.text, atoms[m.rnd.IntN(len(atoms))]...)
	}
	return m
}

// event makes an event of exactly size bytes, and at least 50, that no other
// (stream, n) has.
func (m *jsonMaker) event(stream, n, size int) []byte {
	payload := make([]byte, 0, size)
	payload = fmt.Appendf(payload, `{"stream":%d,"n":%d,"text":"`, stream, n)
	room := size - len(payload) - len(`"}`)
	from := m.cuts[m.rnd.IntN(len(m.cuts)/2)]
	to := m.cuts[sort.SearchInts(m.cuts, from+max(room, 0)+1)-1]
	payload = append(payload, m.text[from:to]...)
	for len(payload) < size-len(`"}`) {
		payload = append(payload, '.')
	}
	return append(payload, `"}`...)
}

// logUniform draws a size between low and high, each order of magnitude as likely
// as the other.
func (m *jsonMaker) logUniform(low, high int) int {
	return int(float64(low) * math.Pow(float64(high)/float64(low), m.rnd.Float64()))
}

// noise makes n bytes that don't compress and hold no line break.
func noise(src *rand.ChaCha8, n int) []byte {
	b := make([]byte, n)
	_, _ = src.Read(b)
	for i, c := range b {
		if c == '\n' || c == '\r' {
			b[i] = ' '
		}
	}
	return b
}
