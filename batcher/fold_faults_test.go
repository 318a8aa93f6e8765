package batcher_test

import (
	"strings"
	"syscall"
	"time"

	"github.com/open-destinations/destinations/journal/journaltest"
)

// breakS3 lets S3 fail in another way than before.
func (s *service) breakS3() {
	r, m := s.run.rand, &s.run.s3.faults
	bucket := s.run.dests[r.IntN(len(s.run.dests))].bucket
	n := r.IntN(10)
	if !s.run.plan.refusals {
		n %= 4
	}
	s.note("S3 fails in way %d of %s", n, bucket)
	s.run.s3.change(func() {
		switch n {
		case 0:
			m.lost = float64(r.IntN(3)) / 3
		case 1:
			m.slow = time.Duration(r.IntN(3000)) * time.Millisecond
		case 2:
			m.hang = float64(r.IntN(3)) / 6
		case 3:
			m.lost, m.slow, m.hang = 0, 0, 0
		case 4, 5:
			if m.bucket[bucket] == nil {
				m.bucket[bucket] = pick(r, refusal("AccessDenied", 403), refusal("SlowDown", 503), refusal("NoSuchBucket", 404))
			} else {
				delete(m.bucket, bucket)
			}
		case 6:
			m.all = pick(r, nil, refusal("ExpiredToken", 400), refusal("InternalError", 500))
			m.own = m.others.IntN(2) == 0
		case 7:
			m.all = nil
			clear(m.bucket)
		case 8, 9:
			m.poison = pick(r, 0, 0.1, 0.5)
			clear(m.batch)
		}
	})
	if n == 6 && s.alive {
		s.batcher.TenantsChanged()
	}
}

// fillDisk leaves no room on the disk, or none for files of one kind, or makes some.
func (s *service) fillDisk() {
	switch n := s.run.rand.IntN(8); {
	case n < 2:
		s.stallControl()
	case n < 4:
		s.note("the disk is full")
		s.disk.SetCapacity(s.disk.Used())
	case n < 6:
		s.noRoomFor(pick(s.run.rand, "control-", "events-", "state-", "parked/"))
	default:
		s.makeRoom()
	}
}

func (s *service) noRoomFor(kind string) {
	s.note("there is no room for files of the kind %s", kind)
	s.disk.Fail(func(op journaltest.Op) error {
		if op.Kind == journaltest.Write && strings.Contains(op.Name, kind) {
			return syscall.ENOSPC
		}
		return nil
	})
}

// stallControl lets nothing that is decided become durable for a while, although it is
// done: S3 takes what it is given, and what it could not take before.
func (s *service) stallControl() {
	s.run.s3.change(func() { s.run.s3.faults.lost = 1 })
	s.busy(false)
	pass(s.cfg.Window)
	s.noRoomFor("control-")
	s.run.s3.heal()
	s.redrive(true)
	s.busy(false)
	pass(2 * s.cfg.RetryMax)
	if s.run.plan.crashes {
		pick(s.run.rand, s.kill, s.losePower, s.makeRoom)()
	}
}

func (s *service) makeRoom() {
	s.disk.scarce.Store(0)
	s.disk.SetCapacity(-1)
	s.disk.Fail(nil)
}
