package batcher

import (
	"context"
	"crypto/rand"
	"maps"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// probed is the message that S3 was asked whether a destination works.
type probed struct {
	dest  *destination
	key   string
	err   error
	owned bool // S3 was told whose the bucket must be

	signed subject // the credentials that it was begun with
}

// try tries d again, after its pause.
func (s *shard) try(d *destination) {
	if d.mode == modeBlocked {
		s.probe(d)
	} else {
		s.upload(d)
	}
}

// probe finds out whether a blocked destination works again. It takes none of its
// events.
func (s *shard) probe(d *destination) {
	if d.deciding || d.probe != nil || !s.opened || s.stopping || s.holdsUp(d) || s.goneWithOthers(d) {
		return
	}
	s.uploads++
	key := s.probeKey(d)
	d.probe = s.probePool.submit(laneOf{d.tenant, d.bucket}, d.urgent, func() {
		m := probed{dest: d, key: key, err: context.Canceled}
		if !s.told() {
			m.signed = s.conditions.credentialsOf(d.tenant)
			before := s.tenantOf(d.tenant).ExpectsOwner
			m.err = s.uploader.Probe(s.probeCtx, d.tenant, d.bucket, key)
			m.owned = before && s.tenantOf(d.tenant).ExpectsOwner
		}
		s.inbox.put(m)
	})
}

// probeKey is the key of d's next object, or if there is none yet one of the same
// form that no object will ever have.
func (s *shard) probeKey(d *destination) string {
	if b := d.next(); b != nil {
		return b.seal.GetKey()
	}
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	return uploader.Key(d.prefix, time.Now(), s.identifier(d, position{}, nonce))
}

// identifier is the identifier in the key of an object.
func (s *shard) identifier(d *destination, first position, nonce [16]byte) string {
	return uploader.Identifier(uploader.KeyParams{
		JournalID: s.journalID, Partition: uint32(s.id),
		FirstOffset: first.offset, FirstIndex: first.index,
		Tenant: d.tenant, Bucket: d.bucket, Prefix: d.prefix, Nonce: nonce,
	})
}

// probed takes the outcome of a probe.
func (s *shard) probed(m probed) {
	s.uploads--
	d := m.dest
	d.probe, d.urgent = nil, false
	s.noteProbe(d, m.key, m.err)
	if d.mode != modeBlocked || d.cause != subjectNone || s.stopping || s.told() {
		return
	}
	s.conditions.answered(d.bucket, m.err)
	if m.err == nil && d.blocked.GetByHand() && !m.owned { // it was asked too little
		s.planTry(d, time.Now())
		s.setTimer(d)
		return
	}
	if m.err == nil {
		d.deciding = true
		s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Freed{Freed: &journalv1.Freed{Destination: d.proto()}}})
		s.tell(bucketWorks{d.bucket})
		return
	}
	s.blame(d, m.signed, m.err, time.Now())
	d.fail(m.err, time.Now())
	if s.lost(d) && !d.blocked.GetByHand() {
		s.decideBlocked(d, true)
		return
	}
	s.planTry(d, time.Now())
	s.setTimer(d)
	s.wantDiagnosis(d, time.Now())
	s.log.Debug("destination still blocked", "bucket", d.bucket, "prefix", d.prefix, "code", d.code,
		"since", d.since.UTC(), "next_try_s", time.Until(d.retryAt).Seconds(), "error", m.err)
}

// bucketWorks is the message that one of a bucket's destinations works.
type bucketWorks struct{ bucket string }

// wakeBucket lets all blocked destinations of a bucket be probed, since one of them
// works: what was wrong was most likely wrong for all.
func (s *shard) wakeBucket(bucket string, now time.Time) {
	maps.DeleteFunc(s.woken, func(_ string, at time.Time) bool { return now.Sub(at) > s.cfg.RetryMax })
	if _, lately := s.woken[bucket]; lately {
		return
	}
	s.woken[bucket] = now
	for _, d := range s.dests {
		if d.bucket == bucket && d.mode == modeBlocked && !d.retryAt.IsZero() {
			d.retryAt = now
			s.setTimer(d)
		}
	}
}
