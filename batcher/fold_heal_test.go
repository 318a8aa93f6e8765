package batcher_test

import (
	"fmt"
	"testing/synctest"
	"time"
)

// heal lets nothing fail any more, until everything must have been delivered.
func (r *foldRun) heal() {
	r.note("HEAL")
	r.healed = true
	r.s3.heal()
	for _, s := range r.services {
		s.makeRoom()
		clear(s.rejects)
	}
	before, same := "", 0
	for n := 0; ; n++ {
		for _, s := range r.services {
			s.serveAll()
			s.lookAtDead()
			s.redrive(true)
		}
		pass(20 * time.Second)
		why := r.unsettled()
		if why == "" {
			break
		}
		if same++; why != before { // much that was sent again takes its time
			before, same = why, 0
		}
		if same == 100 || n == 2000 {
			r.t.Errorf("half an hour after everything has healed it is not settled: %s", why)
			break
		}
	}
	if r.rand.IntN(10) == 0 {
		pass(25 * time.Hour)
		r.checkLeftovers()
	}
	for _, s := range r.services { // a replay finds nothing more to deliver
		pick(r.rand, s.restart, s.kill, func() {})()
	}
	pass(2 * time.Minute)
	synctest.Wait()
	for _, s := range r.services {
		if batches, _, _ := s.batcher.Memory(); batches != 0 && !r.t.Failed() {
			r.t.Errorf("%snothing is to be delivered, and batches are charged for %d bytes", s.name, batches)
		}
	}
}

// serveAll lets every client have every answer. What is sent again takes room in the journal,
// so not everything is at once: else the duplicates alone would fill it.
func (s *service) serveAll() {
	progress := true
	for n := 0; progress && n < 20; n++ {
		progress = false
		for _, c := range s.clients {
			for _, st := range c.allStreams() {
				for len(st.pending) < 8 && s.handle(st) {
					progress = true
				}
			}
			synctest.Wait()
			progress = s.collectAnswers() || progress
			for lane := range c.lanes {
				if c.lanes[lane].ended {
					c.reconnect(lane, false)
				}
			}
		}
	}
}

// unsettled says who has not every answer, or what stands in the logs and is not in S3; empty
// if there is nothing of it.
func (r *foldRun) unsettled() string {
	for _, s := range r.services {
		s.look()
		if why := s.ailing(); why != "" {
			return s.name + why
		}
		for _, c := range s.clients {
			for lane, st := range c.lanes {
				if n := len(c.unanswered(lane)); n > 0 || len(st.queue) > 0 || len(st.pending) > 0 {
					return fmt.Sprintf("%sstream %d has %d requests without an answer, %d to be sent, %d under way", s.name, st.number, n, len(st.queue), len(st.pending))
				}
			}
			for _, st := range c.ghosts {
				if !st.ended && (len(st.queue) > 0 || len(st.pending) > 0) {
					return fmt.Sprintf("%sold stream %d has %d requests to be handled, %d under way", s.name, st.number, len(st.queue), len(st.pending))
				}
			}
		}
		for part, l := range s.logs {
			by := l.judge(r.plan.idWindow)
			taken := map[place]bool{}
			for _, b := range l.seals(by) {
				if !r.isThere(b.GetDestination().GetBucket() + "/" + b.GetKey()) {
					return fmt.Sprintf("%spartition %d: batch %s is not there", s.name, part, b.GetKey())
				}
				for _, m := range b.members {
					taken[m.at] = true
				}
			}
			for d, events := range by {
				if missing := r.untaken(events, func(p place) bool { return taken[p] }); len(missing) > 0 {
					return fmt.Sprintf("%spartition %d: the event at %v of %v is in no batch", s.name, part, missing[0].at, d)
				}
			}
		}
	}
	return ""
}
