package batcher_test

import (
	"testing/synctest"
	"time"
)

// rush lets much happen at one moment: segments begin while batches are closed and others
// are stored. The process ends when it may have released some.
func (s *service) rush() {
	r := s.run.rand
	for range 1 + r.IntN(4) {
		s.busy(false)
		s.flush(r.IntN(3) > 0)
	}
	pass(pick[time.Duration](r, 10, 1500, 3000) * time.Millisecond)
	if s.run.plan.crashes {
		pick(r, s.kill, s.losePower, s.restart)()
	}
}

// flood sends more than fits into the memory, while S3 takes nothing or slowly.
func (s *service) flood() {
	r, m := s.run.rand, &s.run.s3.faults
	if s.floods++; s.floods > 3 {
		return
	}
	s.note("FLOOD")
	if s.run.plan.crashes && r.IntN(2) == 0 { // what is sealed now is too much for the next process
		s.roomy = true
		s.kill()
		s.roomy = false
	}
	s.run.s3.change(func() {
		m.slow = pick[time.Duration](r, 0, 5, 60) * time.Second
		m.all = pick(r, nil, nil, refusal("InternalError", 500), refusal("ExpiredToken", 400))
		for _, d := range s.run.dests {
			if m.all == nil && r.IntN(2) == 0 {
				m.bucket[d.bucket] = refusal("AccessDenied", 403)
			}
		}
	})
	for rest := 10<<20 + r.IntN(14<<20); rest > 0; {
		before := len(s.run.events)
		s.busy(false)
		for _, e := range s.run.events[before:] {
			rest -= len(e.line)
		}
		if r.IntN(8) == 0 {
			pass(time.Duration(r.Int64N(int64(s.cfg.Window))))
		}
	}
	if r.IntN(2) == 0 {
		s.flush(true)
	}
	if s.run.plan.crashes && r.IntN(2) == 0 {
		s.kill()
	}
	s.drain()
	if s.run.plan.crashes && r.IntN(2) == 0 {
		s.kill()
	}
}

// drain lets one after the other work again. While S3 is slow, the memory is full of what
// the first have waiting when the others join them.
func (s *service) drain() {
	r, m := s.run.rand, &s.run.s3.faults
	s.run.s3.change(func() { m.all = nil })
	for _, d := range s.run.dests {
		s.run.s3.change(func() { delete(m.bucket, d.bucket) })
		s.redrive(true)
		pass(pick[time.Duration](r, 0, 10, 1100, 5000) * time.Millisecond)
	}
	if r.IntN(2) == 0 {
		s.run.s3.heal()
	}
}

// waver lets destinations fail, work and fail again while there are few file descriptors:
// what is read for them takes long, and others join, leave, or are delivered meanwhile.
func (s *service) waver() {
	r, m := s.run.rand, &s.run.s3.faults
	s.note("S3 WAVERS")
	refuse := func(chance float64) {
		s.run.s3.change(func() {
			for _, d := range s.run.dests {
				delete(m.bucket, d.bucket)
				if r.Float64() < chance {
					m.bucket[d.bucket] = refusal("AccessDenied", 403)
				}
			}
		})
	}
	refuse(0.8)
	s.busy(false)
	s.flush(true)
	for range 1 + r.IntN(5) {
		s.busy(false)
	}
	if s.run.plan.crashes && r.IntN(3) == 0 {
		s.kill() // so that it happens in a replay
	}
	s.disk.scarce.Store(1 + r.Int64N(5))
	for range 2 + r.IntN(6) {
		refuse(pick(r, 0, 0.5))
		s.redrive(true)
		pass(pick[time.Duration](r, 50, 1200, 4000, 15000) * time.Millisecond)
		if r.IntN(3) == 0 {
			s.busy(false)
		}
		synctest.Wait()
		s.checkStatus()
	}
}

// crowd has more kept for destinations that are blocked than may be, while others go on: between
// the moments at which a batch of those is sealed and is parked, segments begin. The process ends
// when it may have released what is below one of them, or the power fails somewhere on the way,
// or there is no room for their files for a while.
func (s *service) crowd() {
	r, m := s.run.rand, &s.run.s3.faults
	if s.crowds++; s.crowds > 8 {
		return
	}
	s.note("MUCH IS PARKED")
	s.makeRoom()
	s.run.s3.heal()
	s.run.s3.change(func() {
		for _, d := range s.run.dests {
			if d.bucket != s.run.dests[0].bucket {
				m.bucket[d.bucket] = refusal("AccessDenied", 403)
			}
		}
	})
	s.disk.sync.Store(0)
	for range 4 {
		s.busy(false)
		s.flush(true)
		pass(200 * time.Millisecond)
	}
	s.disk.control.Store(int64(pick[time.Duration](r, 30, 300) * time.Millisecond))
	end := pick(r, s.kill, s.losePower, s.restart)
	switch r.IntN(5) {
	case 0, 1:
		s.disk.StopAt(s.disk.Ops() + r.IntN(150))
		end = s.losePower
	case 2:
		s.noRoomFor("parked/")
	}
	for range 1 + r.IntN(3) {
		s.afterPass()
	}
	s.makeRoom()
	s.disk.control.Store(0)
	s.disk.sync.Store(int64(s.run.plan.sync))
	pass(pick[time.Duration](r, 1200, 1800, 2500) * time.Millisecond)
	end()
}

// afterPass sends much when a pass has begun, if one does soon: what it seals is not durable by
// then.
func (s *service) afterPass() {
	before := s.batcher.Counts().Passes
	for range 300 {
		if pass(10 * time.Millisecond); s.batcher.Counts().Passes > before {
			s.busy(false)
			s.collectAnswers()
			return
		}
	}
}
