package batcher

import (
	"context"
	"slices"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

const (
	// leftoverPause is how often a key is tried under which a multipart upload may have
	// been left behind, and leftoverGivenUp for how long.
	leftoverPause   = 24 * time.Hour
	leftoverGivenUp = 7 * leftoverPause
	// maxLeftovers is how many such keys a shard remembers.
	maxLeftovers = 1000
	// leftoverOverhead is charged for one of them beside its names.
	leftoverOverhead = 128
	// multipartAbove is the least size of an object that may go up in parts.
	multipartAbove = 5 << 20
	// oldTenant is whose a leftover is of a state that did not say so yet.
	oldTenant = "default"
)

// leftover is a key under which a multipart upload of ours may have been left behind:
// its parts are paid for, and nobody sees them.
type leftover struct {
	tenant, bucket, key string
	since, next         time.Time // noticed; to be tried
}

// leftovers are those of a shard.
type leftovers struct {
	all    []*leftover // the one that was noticed first in front
	next   time.Time   // the earliest of all; zero = none
	trying bool        // one of them is being tried
}

// leftoverTried is the message that a leftover was tried.
type leftoverTried struct {
	*leftover
	aborted int
	err     error
}

// plan lets l be tried at the next time of day at which it was noticed, so that it comes
// to its turn also if no process lives for a day.
func (l *leftover) plan(now time.Time) {
	days := max(now.Sub(l.since), 0) / leftoverPause
	l.next = l.since.Add((days + 1) * leftoverPause)
}

func (l *leftover) size() int64 {
	return int64(len(l.tenant) + len(l.bucket) + len(l.key) + leftoverOverhead)
}

// bytes is what all of them are charged for.
func (o *leftovers) bytes() (n int64) {
	for _, l := range o.all {
		n += l.size()
	}
	return n
}

// changed finds out when the next one has to be tried.
func (o *leftovers) changed() {
	o.next = time.Time{}
	for _, l := range o.all {
		o.next = earlier(l.next, o.next)
	}
}

// noteLeftover remembers a key under which something may have been left behind.
func (s *shard) noteLeftover(found leftover) {
	o := &s.leftovers
	if slices.ContainsFunc(o.all, func(l *leftover) bool { return l.bucket == found.bucket && l.key == found.key }) {
		return
	}
	if len(o.all) == maxLeftovers {
		s.giveUpLeftover(o.all[0], "there are too many")
	}
	l := &found
	l.plan(time.Now())
	o.all = append(o.all, l)
	o.changed()
	s.memory.chargeTables(l.size())
}

// NoteLeftover remembers a key of a destination, which no batch has, under which a
// multipart upload may have been left behind: it is aborted when that is granted, or no
// longer looked for after a week. Errors are those of [Batcher.Flush].
func (b *Batcher) NoteLeftover(ctx context.Context, tenant, bucket, prefix, key string) error {
	return b.ask(ctx, b.partitions(false, tenant, bucket, prefix), func(int) func(*shard, *operation) error {
		return func(s *shard, _ *operation) error {
			s.noteLeftover(leftover{tenant: tenant, bucket: bucket, key: key, since: time.Now()})
			return nil
		}
	})
}

// noteProbe remembers the key of a probe that may have left something behind.
func (s *shard) noteProbe(d *destination, key string, err error) {
	if uploader.Leftover(err) {
		s.noteLeftover(leftover{tenant: d.tenant, bucket: d.bucket, key: key, since: time.Now()})
	}
}

// suspect remembers the key of a large object that an earlier process has delivered with
// more than one try: what that knew of it may have died with it.
func (s *shard) suspect(m *journalv1.Delivered) {
	since := time.Unix(0, m.GetDeliveredUnixNanos())
	if s.opened || m.GetAttempts() < 2 || m.GetSeal().GetRawBytes() <= multipartAbove || time.Since(since) > leftoverGivenUp {
		return
	}
	of := m.GetSeal().GetDestination()
	s.noteLeftover(leftover{tenant: of.GetTenant(), bucket: of.GetBucket(), key: m.GetSeal().GetKey(), since: since})
}

func (s *shard) forgetLeftover(l *leftover) {
	o := &s.leftovers
	before := len(o.all)
	o.all = slices.DeleteFunc(o.all, func(other *leftover) bool { return other == l })
	if len(o.all) < before {
		s.memory.chargeTables(-l.size())
	}
	o.changed()
}

func (s *shard) giveUpLeftover(l *leftover, reason string) {
	s.log.Warn("a multipart upload may have been left behind; it is not looked for any more", "bucket", l.bucket, "key", l.key,
		"since", l.since.UTC(), "reason", reason)
	s.forgetLeftover(l)
}

// nextLeftover is when one has to be tried; zero if that is not known now.
func (s *shard) nextLeftover() time.Time {
	if s.leftovers.trying || s.stopping || !s.opened {
		return time.Time{}
	}
	return s.leftovers.next
}

// tryLeftovers tries the next leftover whose time has come: one after the other, since
// none is urgent.
func (s *shard) tryLeftovers(now time.Time) {
	o := &s.leftovers
	for t := s.nextLeftover(); !t.IsZero() && !now.Before(t); t = s.nextLeftover() {
		i := slices.IndexFunc(o.all, func(l *leftover) bool { return !now.Before(l.next) })
		l := o.all[i]
		l.plan(now)
		o.changed()
		if !s.undelivered(l) && s.conditions.blocked(l.tenant, l.bucket) == subjectNone {
			s.tryLeftover(l)
		}
	}
}

// undelivered reports whether the batch of a key is not delivered: it may be uploaded at
// any time, and that upload must not be aborted.
func (s *shard) undelivered(l *leftover) bool {
	for _, d := range s.dests {
		if d.bucket == l.bucket && slices.ContainsFunc(d.queue, func(b *batch) bool { return b.seal.GetKey() == l.key }) {
			return true
		}
	}
	return false
}

func (s *shard) tryLeftover(l *leftover) {
	s.leftovers.trying = true
	s.uploads++
	s.probePool.submit(laneOf{l.tenant, l.bucket}, false, func() {
		m := leftoverTried{leftover: l, err: context.Canceled}
		if !s.told() {
			m.aborted, m.err = s.uploader.AbortLeftovers(s.probeCtx, l.tenant, l.bucket, l.key)
		}
		s.inbox.put(m)
	})
}

// leftoverTried takes the outcome.
func (s *shard) leftoverTried(m leftoverTried) {
	s.uploads--
	s.leftovers.trying = false
	if m.aborted > 0 {
		s.log.Info("multipart uploads that were left behind aborted", "bucket", m.bucket, "key", m.key, "uploads", m.aborted)
	}
	switch {
	case m.err == nil:
		s.forgetLeftover(m.leftover)
	case s.stopping || s.told(): // the next process tries it
	case time.Since(m.since) >= leftoverGivenUp:
		s.giveUpLeftover(m.leftover, m.err.Error())
	default:
		s.log.Debug("a multipart upload may have been left behind; it is looked for tomorrow", "bucket", m.bucket, "key", m.key, "error", m.err)
	}
}

// clearFirst aborts, before b is uploaded, what an earlier process may have left under its
// key: it was killed, and can't have noted it. It does nothing for a batch of this
// process, or once it has been done. An error does not hold the upload up.
func (s *shard) clearFirst(b *batch) func(context.Context) (cleared bool, err error) {
	if !b.rebuilt || b.cleared || b.seal.GetRawBytes() <= multipartAbove && !b.dest.mayBeProbed {
		return func(context.Context) (bool, error) { return false, nil }
	}
	up, log, tenant, bucket, key := s.uploader, s.log, b.dest.tenant, b.dest.bucket, b.seal.GetKey()
	return func(ctx context.Context) (bool, error) {
		n, err := up.AbortLeftovers(ctx, tenant, bucket, key)
		if n > 0 {
			log.Info("multipart uploads of an earlier process aborted", "bucket", bucket, "key", key, "uploads", n)
		}
		return true, err
	}
}
