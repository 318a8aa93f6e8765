package batcher

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

const (
	// diagnosisEvery is how often a blocked destination is looked at, at most, while S3
	// refuses it with the same code. It is looked at when a probe has failed, and so no
	// more often than it is probed.
	diagnosisEvery = 5 * time.Minute
	// diagnosisPause is the pause between two of a shard, and diagnosesAtOnce how many
	// there are at a time of all shards: a policy that is taken away blocks many at once.
	diagnosisPause  = time.Second
	diagnosesAtOnce = 2
	// maxWaiting is how many destinations of a shard wait for theirs. Whoever is not
	// among them comes again when his next probe has failed.
	maxWaiting = 64
	// maxDiagnoses is how many a shard keeps; the one that was made first goes.
	maxDiagnoses = 100
	// stepOverhead and diagnosisOverhead are charged for one beside its texts.
	stepOverhead, diagnosisOverhead = 160, 160
)

// Checker finds out what exactly it is that S3 refuses. *[uploader.Uploader] is one. Its
// methods may be called together.
type Checker interface {
	Check(ctx context.Context, tenant, bucket, prefix string) (*uploader.Diagnosis, error)
}

// diagnoses are those of a shard's blocked destinations.
type diagnoses struct {
	waiting  []*destination // for theirs, the longest in front
	next     time.Time      // when the next one may begin; zero = none waits
	underWay bool
	kept     []*destination // that have one, the one that was made first in front
}

// diagnosis is what is known of why S3 refuses a destination.
type diagnosis struct {
	found *uploader.Diagnosis // nil = nothing; never changed
	at    time.Time           // when it was last asked for; zero = never since it was blocked
	code  string              // that S3 refused it with then
}

// diagnosed is the message that a destination was looked at.
type diagnosed struct {
	dest  *destination
	found *uploader.Diagnosis
	err   error
}

// wantDiagnosis lets d be looked at, if S3 refuses it and that is not known to be
// because of the same as when it was looked at last.
func (s *shard) wantDiagnosis(d *destination, now time.Time) {
	o := &s.diagnoses
	fresh := d.code == d.diagnosis.code && now.Sub(d.diagnosis.at) < diagnosisEvery
	if fresh || !s.diagnosable(d) || slices.Contains(o.waiting, d) || len(o.waiting) == maxWaiting {
		return
	}
	if len(o.waiting) == 0 && o.next.Before(now) {
		o.next = now
	}
	o.waiting = append(o.waiting, d)
}

// diagnosable reports whether d is blocked because S3 refuses it. Of a bucket that is gone
// nothing is asked: it may be somebody else's by now.
func (s *shard) diagnosable(d *destination) bool {
	if s.checker == nil || !s.opened || s.stopping || d.mode != modeBlocked || d.cause != subjectNone {
		return false
	}
	class := uploader.Classify(d.err)
	return (class == uploader.ClassDestination || class == uploader.ClassBatch) && !s.byHand(d) && !s.goneFor(d)
}

// nextDiagnosis is when the next one may begin; zero = that is not known now.
func (s *shard) nextDiagnosis() time.Time {
	if o := &s.diagnoses; !o.underWay && len(o.waiting) > 0 && !s.stopping {
		return o.next
	}
	return time.Time{}
}

// serveDiagnoses begins the next one. They have goroutines of their own, so that they hold up
// neither an upload nor a probe.
func (s *shard) serveDiagnoses(now time.Time) {
	o := &s.diagnoses
	for t := s.nextDiagnosis(); !t.IsZero() && !now.Before(t); t = s.nextDiagnosis() {
		d := o.waiting[0]
		o.waiting = slices.Delete(o.waiting, 0, 1)
		if s.diagnosable(d) {
			s.diagnose(d, now)
		}
	}
}

func (s *shard) diagnose(d *destination, now time.Time) {
	d.diagnosis.at, d.diagnosis.code = now, d.code
	s.diagnoses.underWay = true
	s.uploads++
	s.checkPool.submit(laneOf{d.tenant, d.bucket}, false, func() {
		m := diagnosed{dest: d, err: context.Canceled}
		if !s.told() {
			m.found, m.err = s.checker.Check(s.probeCtx, d.tenant, d.bucket, d.prefix)
		}
		s.inbox.put(m)
	})
}

// diagnosed takes what was found out. If nothing is in the way any more d is probed at
// once.
func (s *shard) diagnosed(m diagnosed) {
	s.uploads--
	o, d, now := &s.diagnoses, m.dest, time.Now()
	o.underWay, o.next = false, now.Add(diagnosisPause)
	if m.err != nil {
		s.log.Debug("blocked destination not checked", "bucket", d.bucket, "prefix", d.prefix, "error", m.err)
		return
	}
	if m.found.Leftover {
		s.noteLeftover(leftover{tenant: d.tenant, bucket: d.bucket, key: m.found.Key, since: now})
	}
	if !s.diagnosable(d) {
		return
	}
	s.keepDiagnosis(d, shortened(m.found))
	s.log.Info("blocked destination checked", "bucket", d.bucket, "prefix", d.prefix,
		"outcome", m.found.Outcome().String(), "missing", m.found.Missing())
	if works := m.found.Outcome(); (works == uploader.OutcomeWorks || works == uploader.OutcomeWarns) && !d.retryAt.IsZero() && d.probe == nil {
		d.retryAt = now
		s.setTimer(d)
	}
}

// keepDiagnosis keeps what was found out of d until it works, or others need the room.
func (s *shard) keepDiagnosis(d *destination, found *uploader.Diagnosis) {
	s.dropDiagnosis(d)
	o := &s.diagnoses
	if len(o.kept) == maxDiagnoses {
		s.dropDiagnosis(o.kept[0])
	}
	d.diagnosis.found = found
	o.kept = append(o.kept, d)
	s.memory.chargeTables(diagnosisSize(found))
}

// dropDiagnosis forgets what was found out of d.
func (s *shard) dropDiagnosis(d *destination) {
	if d.diagnosis.found == nil {
		return
	}
	s.memory.chargeTables(-diagnosisSize(d.diagnosis.found))
	d.diagnosis.found = nil
	o := &s.diagnoses
	o.kept = slices.DeleteFunc(o.kept, func(other *destination) bool { return other == d })
}

// endDiagnosis forgets what was found out of d, which works: when it is blocked again it
// is looked at again.
func (s *shard) endDiagnosis(d *destination) {
	s.dropDiagnosis(d)
	d.diagnosis = diagnosis{}
}

// bytes is what all of them are charged for.
func (o *diagnoses) bytes() (n int64) {
	for _, d := range o.kept {
		n += diagnosisSize(d.diagnosis.found)
	}
	return n
}

// diagnosisSize is what one is charged for. Most texts of it are constants.
func diagnosisSize(found *uploader.Diagnosis) int64 {
	n := diagnosisOverhead + len(found.Key) + len(found.Region)
	for _, step := range found.Steps {
		n += stepOverhead + len(step.Code) + len(step.Message) + len(step.RequestID)
	}
	return int64(n)
}

// shortened is a diagnosis with no longer texts than those that are kept of failures.
func shortened(found *uploader.Diagnosis) *uploader.Diagnosis {
	short := *found
	short.Steps = slices.Clone(found.Steps)
	for i := range short.Steps {
		step := &short.Steps[i]
		step.Message = shorten(strings.ToValidUTF8(step.Message, "\uFFFD"))
	}
	return &short
}
