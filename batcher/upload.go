package batcher

import (
	"context"
	"errors"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/uploader"
)

// upload hands the first undelivered batch of d to the upload pool, if it is ready
// and not there already. It may be called at any time.
func (s *shard) upload(d *destination) {
	s.park(d)
	b := d.next()
	if b == nil || !b.ready() || b.deciding || b.condemned != "" || d.uploading() != nil || d.mode == modeBlocked || d.deciding || !s.opened || s.stopping || !d.retryAt.IsZero() {
		return
	}
	if on := s.conditions.blocked(d.tenant, d.bucket); on != subjectNone {
		s.waitFor(d, on)
		return
	}
	if s.goneWithOthers(d) {
		return
	}
	b.state = batchUploading
	s.uploads++
	failing := s.failing(d, time.Now())
	slots, share := s.uploadPool, shareClosed
	if failing {
		slots, share = s.retryPool, shareFailed
	}
	if b.parked == nil {
		s.recharge(b, share)
	}
	send, clearFirst := s.send(b), s.clearFirst(b)
	b.job = slots.submit(laneOf{d.tenant, d.bucket}, false, func() {
		m := uploaded{batch: b, err: context.Canceled}
		switch { // what waited for a slot meanwhile is not begun
		case s.told():
		case s.conditions.blocked(d.tenant, d.bucket) != subjectNone, s.goneFor(d), !failing && s.conditions.fails(d.bucket) != nil:
			m.err = errHeld
		default:
			m.cleared, m.clearErr = clearFirst(s.uploadCtx)
			m.watched = s.watchedOf(b)
			m.began, m.signed = time.Now(), s.conditions.credentialsOf(d.tenant)
			m.result, m.err = send(s.uploadCtx)
		}
		s.inbox.put(m)
	})
}

// uploading is the batch of d that S3 has been asked to store, or is to be; nil = none.
func (d *destination) uploading() *batch {
	for _, b := range d.queue {
		if b.state == batchUploading {
			return b
		}
	}
	return nil
}

// send is how b gets into S3: from memory, or from its file.
func (s *shard) send(b *batch) func(context.Context) (uploader.Result, error) {
	if b.parked != nil {
		part, up, d, m := s.part, s.uploader, b.dest, b.parked
		return func(ctx context.Context) (uploader.Result, error) { return sendParked(ctx, part, up, d, m) }
	}
	up, object := s.uploader, b.object()
	return func(ctx context.Context) (uploader.Result, error) { return up.Upload(ctx, object) }
}

// failing reports whether d is to have one of the few slots of those that fail, and none of
// the rest: a bucket that only times out would keep them from those that work. If its
// bucket fails and not yet d itself, it does from now on.
func (s *shard) failing(d *destination, now time.Time) bool {
	if d.failed > 0 {
		return true
	}
	if s.conditions.fails(d.bucket) == nil {
		d.since, d.blockAt = time.Time{}, time.Time{}
		return false
	}
	if d.since.IsZero() {
		d.since, d.blockAt = now, now.Add(s.cfg.BlockAfter)
		s.setTimer(d)
	}
	return true
}

// lasting blocks a destination that has failed, or waited for one of the slots of those
// that do, for as long as it may. If it is being tried just now, that decides.
func (s *shard) lasting(d *destination, now time.Time) {
	alone := d.failed > 0 && uploader.Classify(d.err) == uploader.ClassBatch // refused says what becomes of it
	if d.mode == modeBlocked || d.deciding || d.next() == nil || alone || !s.withdraw(d) {
		return
	}
	if d.failed == 0 {
		err := s.conditions.fails(d.bucket)
		if err == nil { // it works again
			s.upload(d)
			return
		}
		d.fail(err, d.since)
	}
	s.suspectEndpoint(d, d.err, now)
	if on := s.conditions.blocked(d.tenant, d.bucket); on != subjectNone {
		s.waitFor(d, on)
		return
	}
	s.decideBlocked(d, s.lost(d))
}

// withdraw takes back what S3 was to be asked to store of d. It reports whether S3 was not
// asked yet.
func (s *shard) withdraw(d *destination) bool {
	b := d.uploading()
	if b == nil {
		return true
	}
	if !b.job.withdraw() {
		return false
	}
	s.uploads--
	b.state = batchSealed
	return true
}

// suspectEndpoint takes the endpoint for down, if d has failed for long by what may be
// its fault and most of the others fail, too.
func (s *shard) suspectEndpoint(d *destination, err error, now time.Time) {
	if uploader.Classify(err) == uploader.ClassTransient && !d.doubtful && s.conditions.mostFail(s.conditions.regionOf(d.bucket)) {
		s.blockCondition(s.conditions.endpointOf(d.bucket), err, now)
	}
}

// next is the first batch of d that is not in S3, without those that are dead.
func (d *destination) next() *batch {
	for _, b := range d.queue {
		if b.state < batchStored && b.dead == nil {
			return b
		}
	}
	return nil
}

// uploaded takes the outcome of an upload.
func (s *shard) uploaded(m uploaded) {
	s.uploads--
	b := m.batch
	b.attempts += uint32(m.result.Attempts)
	b.cleared = b.cleared || m.cleared
	if m.result.Leftover || uploader.Leftover(m.err) || m.clearErr != nil {
		s.noteLeftover(leftover{tenant: b.dest.tenant, bucket: b.dest.bucket, key: b.seal.GetKey(), since: time.Now()})
	}
	now := time.Now()
	var try *Try
	if !m.began.IsZero() {
		try = s.describeTry(&m, now)
		s.observer.Tried(try)
	}
	if b.state == batchGone {
		return // somebody else has delivered it
	}
	if m.err != nil {
		s.blame(b.dest, m.signed, m.err, now)
		s.failedUpload(b, m.err, try, now)
		return
	}
	b.state = batchStored
	lastError := b.dest.lastError()
	b.dest.works()
	s.conditions.note(b.dest, nil, now)
	s.conditions.worked(b.dest.tenant, b.dest.bucket)
	s.logDelivered(b, try, now)
	s.keepForObserver(b, try)
	s.rechargeClosed(b.dest)
	s.decide(&journalv1.Decision{Kind: &journalv1.Decision_Delivered{Delivered: &journalv1.Delivered{
		Seal: b.seal, Etag: m.result.ETag, Size: uint64(m.result.Size), Attempts: b.attempts,
		DeliveredUnixNanos: now.UnixNano(), Existed: m.result.Existed, LastError: lastError,
	}}})
	s.upload(b.dest)
}

// failedUpload lets b be tried again after a pause, or blocks its destination.
// Whatever the error, the batch stays: its key is its own, so another try can't make
// a second object.
func (s *shard) failedUpload(b *batch, err error, try *Try, now time.Time) {
	b.state = batchSealed
	if s.stopping || s.told() || b.parked != nil && s.failedFile(b, err) {
		return
	}
	if b.parked == nil {
		s.recharge(b, shareFailed)
	}
	d := b.dest
	if errors.Is(err, errHeld) {
		s.upload(d)
		return
	}
	s.conditions.note(d, err, now)
	d.fail(err, now)
	s.rechargeClosed(d)
	s.logFailure(b, try)
	class, lasts := uploader.Classify(err), now.Sub(d.since) >= s.cfg.BlockAfter
	if lasts {
		s.suspectEndpoint(d, err, now)
	}
	switch on := s.conditions.blocked(d.tenant, d.bucket); {
	case d.mode == modeBlocked:
		s.rewind(b)
	case class == uploader.ClassBatch:
		s.refused(b, now)
	case class == uploader.ClassDestination:
		s.decideBlocked(d, s.lost(d))
	case on != subjectNone:
		s.waitFor(d, on)
	case lasts:
		s.decideBlocked(d, s.lost(d))
	default:
		s.planTry(d, now)
		s.setTimer(d)
	}
}

func (s *shard) logFailure(b *batch, try *Try) {
	d, err := b.dest, try.Err
	d.traced = try.ids()
	var s3 uploader.Error
	if e := (*uploader.Error)(nil); errors.As(err, &e) {
		s3 = *e
	}
	s.log.Warn("upload failed; it is tried again", "bucket", d.bucket, "key", b.seal.GetKey(), "events", b.seal.GetEvents(),
		"class", uploader.Classify(err).String(), "code", d.code, "status", s3.Status, "request_id", s3.RequestID,
		"failures", d.failed, "since", d.since.UTC(), d.traced, "error", err)
}

func (s *shard) logDelivered(b *batch, try *Try, now time.Time) {
	r := try.Result
	s.log.Info("delivered", "bucket", b.dest.bucket, "key", b.seal.GetKey(), "events", b.events, "raw_bytes", b.rawBytes,
		"size", r.Size, "etag", r.ETag, "existed", r.Existed, "multipart", r.Multipart, "attempts", b.attempts,
		"reason", reasons[b.seal.GetReason()], "replayed", b.rebuilt,
		"oldest_event_age_s", now.Sub(time.Unix(0, b.firstReceived)).Seconds(), "upload_s", r.Duration.Seconds(),
		"sampled_events", try.sampled(), try.ids())
}
