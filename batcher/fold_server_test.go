package batcher_test

import (
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
)

// pending is a request that the server has handled and not yet answered.
type pending struct {
	sent
	accepted []*event
	appends  []*journal.Append
	failed   bool // an append of it never came to be
}

// handle lets the server take the next request off a stream: what is accepted goes into
// the log of each partition, in one record or two. An append that fails ends the stream;
// what is behind it may have been handed to the log by then.
func (s *service) handle(st *stream) bool {
	if st.ended || len(st.queue) == 0 {
		return false
	}
	p := &pending{sent: st.queue[0]}
	st.queue = st.queue[1:]
	byPartition := make([]*journalv1.Events, s.jcfg.Partitions)
	for i, e := range p.events {
		if s.rejects[e.to] || s.refused(e.to) {
			continue // the answer says so; the caller takes it as final
		}
		p.accepted = append(p.accepted, e)
		part := partitionOf("default", e.to.bucket, e.to.prefix, s.jcfg.Partitions)
		if byPartition[part] == nil {
			byPartition[part] = s.newRecord(st.client, p)
		}
		add(byPartition[part], uint32(i), e)
	}
	for part, rec := range byPartition {
		if rec == nil {
			continue
		}
		if !s.run.healed && s.run.rand.Float64() < s.run.plan.appendFails {
			s.note("stream %d: the append of request %d to partition %d FAILS", st.number, p.sequence, part)
			p.failed = true
			continue
		}
		s.note("stream %d: request %d goes to partition %d, %d events", st.number, p.sequence, part, len(rec.GetEvents()))
		for _, piece := range s.split(rec) {
			p.appends = append(p.appends, s.append(part, piece))
		}
	}
	st.pending = append(st.pending, p)
	return true
}

func (s *service) newRecord(c *client, p *pending) *journalv1.Events {
	received := time.Now()
	if skew := s.run.plan.skew; skew > 0 {
		received = received.Add(time.Duration(s.run.rand.Int64N(int64(2*skew))) - skew)
	}
	return &journalv1.Events{
		ReceivedUnixNanos: received.UnixNano(), SenderId: c.sender, Sequence: p.sequence, Settled: p.settled,
	}
}

func add(rec *journalv1.Events, index uint32, e *event) {
	at := -1
	for i, d := range rec.GetDestinations() {
		if destOf(d) == e.to {
			at = i
		}
	}
	if at < 0 {
		at = len(rec.Destinations)
		rec.Destinations = append(rec.Destinations, e.to.proto())
	}
	rec.Events = append(rec.Events, &journalv1.Event{Destination: uint32(at), Index: index, Id: e.id, Payload: []byte(e.line), TraceContext: contextOf(e.line)})
}

// split cuts a record into two now and then.
func (s *service) split(rec *journalv1.Events) []*journalv1.Events {
	n := len(rec.GetEvents())
	if n < 2 || s.run.rand.Float64() >= s.run.plan.split {
		return []*journalv1.Events{rec}
	}
	at := 1 + s.run.rand.IntN(n-1)
	second := proto.Clone(rec).(*journalv1.Events)
	rec.Events, second.Events = rec.Events[:at], second.Events[at:]
	return []*journalv1.Events{rec, second}
}

func (s *service) append(part int, rec *journalv1.Events) *journal.Append {
	b, err := proto.Marshal(rec)
	if err != nil {
		s.run.t.Fatal(err)
	}
	return s.journal.Partition(part).Events().Append(b)
}

// answer sends the answers that are due on a stream, in order.
func (s *service) answer(st *stream) (progress bool) {
	for !st.ended && len(st.pending) > 0 {
		p := st.pending[0]
		for _, a := range p.appends {
			select {
			case <-a.Done():
			default:
				return progress
			}
			p.failed = p.failed || a.Err() != nil
		}
		progress = true
		st.pending = st.pending[1:]
		if p.failed {
			st.ended = true
			s.note("stream %d ends", st.number)
			return true
		}
		if st.gone || p.answered {
			continue
		}
		p.answered = true
		for _, e := range p.accepted {
			e.acked = true
		}
		s.note("stream %d: request %d is ANSWERED, %d of %d accepted", st.number, p.sequence, len(p.accepted), len(p.events))
	}
	return progress
}

// disconnect ends every stream, as the end of a process does; but the old ones may be
// another server's.
func (s *service) disconnect() {
	for _, c := range s.clients {
		if !s.run.plan.servers {
			c.ghosts = nil
		}
		for _, st := range c.ghosts {
			st.pending = nil
		}
		for lane := range c.lanes {
			c.lanes[lane].ended = true
			c.reconnect(lane, false)
		}
	}
}
