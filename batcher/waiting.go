package batcher

import (
	"context"
	"errors"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

// errHeld is the outcome of an upload that was not begun, because what all destinations
// share does not work.
var errHeld = errors.New("the endpoint or the credentials do not work")

// conditionProbed is the message that S3 was asked, with the key of dest, whether what
// all share works again.
type conditionProbed struct {
	subject subject
	dest    *destination
	key     string
	err     error
	signed  subject // the credentials that it was begun with
}

// waitFor lets d wait until a subject works again. It is not d's fault, so nothing of
// it stands in the journal.
func (s *shard) waitFor(d *destination, on subject) {
	d.doubtful = d.doubtful || on.kind == kindEndpoint && d.failed > 0
	d.since, d.pause, d.retryAt = time.Time{}, nil, time.Time{}
	s.block(d, on)
	s.waiting[d] = struct{}{}
	s.causes[on]++
	s.conditions.await(on, 1)
	s.setTimer(d)
}

// holdsUp reports whether a probe of d, which is blocked by itself, has to wait for
// what all share. If nothing else waits for that, it is found out with d.
func (s *shard) holdsUp(d *destination) bool {
	on := s.conditions.blocked(d.tenant, d.bucket)
	if on == subjectNone {
		return false
	}
	now := time.Now()
	if s.conditions.claim(on, now) {
		s.probeFor(on, d)
	}
	s.planTry(d, now)
	s.setTimer(d)
	return true
}

// stopWaiting takes d out of those that wait.
func (s *shard) stopWaiting(d *destination) {
	if _, ok := s.waiting[d]; ok {
		delete(s.waiting, d)
		if s.causes[d.cause]--; s.causes[d.cause] == 0 {
			delete(s.causes, d.cause)
		}
		s.conditions.await(d.cause, -1)
	}
}

// serveWaiting frees those that wait for what works again, and probes what does not.
func (s *shard) serveWaiting(now time.Time) {
	if len(s.waiting) == 0 || s.stopping || !s.opened {
		return
	}
	for on := range s.causes {
		if s.conditions.claim(on, now) {
			s.probeFor(on, s.leastFailed(on))
		}
	}
	freed := s.conditions.freed.Load()
	if freed == s.freedSeen {
		return
	}
	s.freedSeen = freed
	for d := range s.waiting {
		if !s.conditions.isDown(d.cause) || !s.conditions.concerns(d.cause, d.tenant, d.bucket) {
			s.stopWaiting(d)
			d.failed = 0
			s.recovered(d)
		}
	}
}

// leastFailed is a destination to probe with for all that wait for a subject: one that fails by itself would
// hide that the others work.
func (s *shard) leastFailed(on subject) (best *destination) {
	for d := range s.waiting {
		if d.cause == on && (best == nil || d.failed < best.failed) {
			best = d
		}
	}
	return best
}

// probeFor finds out whether a subject works that was claimed. If all share it, it is one
// request, and nothing is uploaded meanwhile: it need not wait behind those that fail by
// themselves, nor in the lane of a bucket. What is a tenant's has the tenant's turn, and no slot
// that others could upload with.
func (s *shard) probeFor(on subject, d *destination) {
	s.uploads++
	s.claimed[on] = struct{}{}
	key := s.probeKey(d)
	slots, lane := s.uploadPool, laneOf{}
	if on.tenant != "" {
		slots, lane = s.probePool, laneOf{d.tenant, d.bucket}
	}
	slots.submit(lane, true, func() {
		m := conditionProbed{subject: on, dest: d, key: key, err: context.Canceled}
		if !s.told() {
			m.signed = s.conditions.credentialsOf(d.tenant)
			m.err = s.uploader.Probe(s.probeCtx, d.tenant, d.bucket, key)
		}
		s.inbox.put(m)
	})
}

// conditionProbed takes the outcome of such a probe.
func (s *shard) conditionProbed(m conditionProbed) {
	s.uploads--
	delete(s.claimed, m.subject)
	s.noteProbe(m.dest, m.key, m.err)
	now := time.Now()
	if s.stopping || s.told() {
		s.conditions.giveUp(m.subject)
		return
	}
	d := m.dest
	if !s.conditions.concerns(m.subject, d.tenant, d.bucket) { // the bucket has turned out to be elsewhere, or the tenant has other credentials
		s.conditions.freed.Add(1)
		s.conditions.giveUp(m.subject)
		return
	}
	if works := s.conditions.probed(m.subject, m.err, now); works {
		s.log.Info("works again", "what", m.subject.String())
		if d.mode == modeBlocked && d.cause == subjectNone && !s.byHand(d) {
			d.retryAt = now
			s.setTimer(d)
		}
	} else {
		d.failed++
		s.log.Debug("does not work yet", "what", m.subject.String(), "error", m.err)
	}
	s.blame(d, m.signed, m.err, now)
}

// blame finds out whether an answer for d, to what was signed with some credentials, tells that
// these do not work. If d's tenant has others now it tells nothing: those that it was given since would
// be blamed, and if they are the service's, everybody would wait for them.
func (s *shard) blame(d *destination, signed subject, err error, now time.Time) {
	if err != nil && uploader.Classify(err) == uploader.ClassCredentials && signed == s.conditions.credentialsOf(d.tenant) {
		s.blockCondition(signed, err, now)
	}
}

func (s *shard) blockCondition(on subject, err error, now time.Time) {
	switch {
	case !s.conditions.block(on, err, now):
	case on.tenant != "":
		s.log.Warn("the credentials of a tenant do not work; its destinations wait for them", "tenant", on.tenant, "error", err)
	default:
		s.log.Error("does not work; everything waits for it", "what", on.String(), "error", err)
	}
}
