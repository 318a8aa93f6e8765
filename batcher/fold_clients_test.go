package batcher_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// event is what a caller wants delivered.
type event struct {
	to       dest
	id, line string
	acked    bool // an answer has counted it as accepted
	copied   bool // the data folder was copied after it was sent
}

// request is one request of a stream, as its client has cut it; it is sent again as it is.
type request struct {
	sequence uint64 // 0 = not numbered
	events   []*event
	lane     int
	answered bool
	givenUp  bool // never sent again
}

// client sends over several streams at once.
type client struct {
	of       *service
	sender   []byte // nil = nobody in particular: nothing of it is sent again, unless it has ids
	resends  bool
	requests []*request // all of them; numbered by their places, from 1, if it is a sender
	lanes    []*stream
	ghosts   []*stream // old streams whose handlers go on
}

// sent is a request on a stream, with what it says is settled.
type sent struct {
	*request
	settled uint64
}

// stream is one stream, at both of its ends.
type stream struct {
	client  *client
	number  int
	queue   []sent     // sent, not yet handled
	pending []*pending // handled, not yet answered; answers come in this order
	gone    bool       // the client does not listen any more
	ended   bool       // the server has ended it
}

func (s *service) newClient() {
	r := s.run.rand
	c := &client{of: s}
	switch r.IntN(8) {
	case 0: // neither numbered nor with ids
	case 1: // ids alone
		c.resends = true
	default:
		c.resends = true
		c.sender = make([]byte, 16)
		for i := range c.sender {
			c.sender[i] = byte(r.IntN(256))
		}
	}
	for range 1 + r.IntN(s.run.plan.lanes) {
		c.lanes = append(c.lanes, s.newStream(c))
	}
	s.clients = append(s.clients, c)
}

func (s *service) newStream(c *client) *stream {
	s.streams++
	return &stream{client: c, number: s.streams}
}

// settled is up to where the client has every answer.
func (c *client) settled() uint64 {
	if c.sender == nil {
		return 0
	}
	for i, r := range c.requests {
		if !r.answered {
			return uint64(i)
		}
	}
	return uint64(len(c.requests))
}

// cut makes a request and puts it on a stream.
func (c *client) cut() {
	run := c.of.run
	n := 1 + run.rand.IntN(4)
	if run.rand.IntN(12) == 0 {
		n = 20
	}
	q := &request{lane: run.rand.IntN(len(c.lanes))}
	for size := 0; n > 0 && size < int(run.plan.segment)/4; n-- {
		e := run.newEvent(c.sender == nil && c.resends)
		q.events = append(q.events, e)
		size += len(e.line)
	}
	c.requests = append(c.requests, q)
	if c.sender != nil || run.rand.IntN(2) == 0 {
		q.sequence = uint64(len(c.requests))
	}
	c.send(c.lanes[q.lane], q)
}

func (c *client) send(st *stream, q *request) {
	settled := c.settled()
	if settled >= q.sequence {
		settled = 0 // not numbered, or answered meanwhile
	}
	st.queue = append(st.queue, sent{q, settled})
	c.of.note("stream %d: request %d (settled %d): %s", st.number, q.sequence, settled, q)
}

func (q *request) String() string {
	var b strings.Builder
	for _, e := range q.events {
		fmt.Fprintf(&b, " %.7s>%v", e.line, e.to)
		if e.id != "" {
			fmt.Fprintf(&b, "[%s]", e.id)
		}
	}
	return b.String()
}

// newEvent makes an event that no other is equal to; but its id may be another's of its
// destination: a workflow step that runs again.
func (r *foldRun) newEvent(mustHaveID bool) *event {
	e := &event{to: r.dests[r.rand.IntN(len(r.dests))]}
	if r.rand.IntN(3) == 0 {
		e.to = r.dests[0]
	}
	if mustHaveID || r.rand.Float64() < r.plan.ids {
		e.id = fmt.Sprint("step-", r.rand.IntN(12))
		if r.rand.IntN(2) == 0 {
			e.id = fmt.Sprint("own-", len(r.events))
		}
	}
	e.line = fmt.Sprintf("%07d", len(r.events)) + r.padding()
	r.events = append(r.events, e)
	r.byLine[e.line] = e
	return e
}

func (r *foldRun) padding() string {
	if r.rand.Float64() < r.plan.large {
		b := make([]byte, 0, 220_000)
		for n := 20_000 + r.rand.IntN(200_000); len(b) < n; {
			b = binary.NativeEndian.AppendUint64(b, r.rand.Uint64())
		}
		return strings.ReplaceAll(string(b), "\n", "")
	}
	return strings.Repeat("x", r.rand.IntN(r.plan.payload))
}

// unanswered are those that the client sends again.
func (c *client) unanswered(lane int) (found []*request) {
	for _, q := range c.requests {
		if !q.answered && !q.givenUp && q.lane == lane {
			found = append(found, q)
		}
	}
	return found
}

// reconnect gives up a stream and sends what it has no answer for over others, in any
// order. The handler of the old one may go on as a ghost.
func (c *client) reconnect(lane int, ghost bool) {
	r := c.of.run.rand
	old := c.lanes[lane]
	old.gone = true
	if ghost && !old.ended && len(old.queue) > 0 {
		c.ghosts = append(c.ghosts, old)
	}
	again := c.unanswered(lane)
	c.lanes[lane] = c.of.newStream(c)
	c.of.note("stream %d is broken (ghost: %v), stream %d begins", old.number, ghost, c.lanes[lane].number)
	if !c.resends {
		for _, q := range again {
			q.givenUp = true
		}
		return
	}
	if r.IntN(2) == 0 {
		r.Shuffle(len(again), func(i, j int) { again[i], again[j] = again[j], again[i] })
	}
	for _, q := range again {
		if r.IntN(4) == 0 {
			q.lane = r.IntN(len(c.lanes))
		}
		c.send(c.lanes[q.lane], q)
	}
}

// sendTwice sends a request again although its stream is alive: nobody knows whether
// the answer only takes long.
func (c *client) sendTwice() {
	r := c.of.run.rand
	lane := r.IntN(len(c.lanes))
	if again := c.unanswered(lane); c.resends && len(again) > 0 {
		q := again[r.IntN(len(again))]
		c.send(c.lanes[r.IntN(len(c.lanes))], q)
	}
}

// giveUp never sends a request again.
func (c *client) giveUp() {
	if again := c.unanswered(c.of.run.rand.IntN(len(c.lanes))); len(again) > 0 {
		again[c.of.run.rand.IntN(len(again))].givenUp = true
	}
}

// allStreams are the streams on which something may still happen.
func (c *client) allStreams() []*stream { return slices.Concat(c.lanes, c.ghosts) }

// pick draws one of several.
func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }
