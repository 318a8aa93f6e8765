package batcher

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

const (
	// readAtOnce is how many records a shard reads before it looks at its other work.
	readAtOnce = 64
	// readPause is the pause between two commits of the events log that wake a shard. A
	// commit may be a single request, and costs less to read and to compress together with
	// others: a wake-up of the shard, one of a compressor, cold caches. Nobody waits for it:
	// whatever else wakes the shard has it read all that there is.
	readPause = 20 * time.Millisecond
	// chunksUnderWay is how many chunks of one shard may wait for a compressor; past
	// it the shard reads no further.
	chunksUnderWay = 32
	// controlPause is the pause between two appends to the control log. What is decided
	// meanwhile shares the next one and its sync; who decides now and then is not held up.
	controlPause = 50 * time.Millisecond
	// controlRetry is the pause after the journal had no room for a control record.
	controlRetry = time.Second
	// readRetry is the pause after there was no file descriptor to read with.
	readRetry = time.Second
	// saveRetry is the pause after there was no room for a file.
	saveRetry = time.Second
	// releaseEvery is how often a shard looks for segments that it can release.
	releaseEvery = time.Second
	// tablesStep is by how many bytes the tables change before they are charged anew.
	tablesStep = 64 << 10
)

// errFenced ends a shard that has read somebody else's Opened behind its own.
var errFenced = errors.New("another process has taken the partition over")

// shard owns one partition: it folds the partition's two logs into batches. All
// its fields belong to its goroutine, but for inbox, refusals and backlog.
type shard struct {
	*shared
	id  int
	cfg *Config
	log *slog.Logger

	part        *journal.Partition
	events      *journal.Reader // at the shard's position
	control     *journal.Reader
	journalID   [16]byte
	uploadPool  *lanes
	retryPool   *lanes // for destinations and buckets that fail
	probePool   *lanes
	checker     Checker // nil = there is none
	checkPool   *lanes
	filePool    *pool[struct{}]
	spoolPool   *pool[struct{}]
	compressors *pool[*uploader.Compressor]
	uploader    Uploader
	observer    Observer
	uploadCtx   context.Context // ends when running uploads have to stop: the time of Close is up
	probeCtx    context.Context // ends when Close begins

	stop     <-chan struct{}          // closed when Close begins
	refusals atomic.Pointer[refusals] // published for every goroutine
	// countedTenants is what tenantBacklogs has of this shard.
	countedTenants map[string]int64
	backlog        atomic.Pointer[Backlog] // likewise
	inbox          *mailbox[any]           // compressedChunk, uploaded, probed, conditionProbed, diagnosed, leftoverTried, stateSaved, spooled, asideWritten, streamed, streamGone, orphansGone, bucketWorks, bucketVouched, tenantsChanged, *flush, *operation

	incarnation []byte // this shard's, random
	epoch       []byte // the owner's in force where control has been read to
	opened      bool   // the own Opened has been read back
	maxThrough  position
	snapshots   snapshots
	saveErr     error // ends the shard

	parks
	crashes   crashes
	asides    asides
	written   written
	leftovers leftovers
	diagnoses diagnoses
	waiting   map[*destination]struct{} // that wait for the endpoint or the credentials
	freedSeen uint64                    // as conditions.freed was when waiting was looked through
	causes    map[subject]int           // what they wait for: how many
	claimed   map[subject]struct{}      // a probe of them is under way here
	behind    map[*destination]struct{} // that wait for the next pass
	passAt    time.Time                 // when that begins, if none is under way
	pass      *pass                     // under way; nil = none
	woken     map[string]time.Time      // by bucket: when its destinations were tried because one works
	dests     map[string]*destination
	byDigest  map[[DigestBytes]byte]*destination // the same; empty without digestOf
	digestOf  func(tenant, bucket, prefix string) [DigestBytes]byte
	gate      Gate // nil = there is none
	timers    timers
	dedupe    *dedupe
	tables    int64        // of dedupe's bytes, charged
	record    eventsRecord // decoded from the last record that was read
	at        uint32       // events of record that have been folded
	atSet     bool         // record is in hand, folded up to at
	offset    uint64       // of record
	lookup    []byte       // scratch: a destination's name
	byRec     []*destination

	readAfter time.Time // no commit of the events log wakes the shard before
	readAgain time.Time // after there was no descriptor to read with

	decisions   []*journalv1.Decision // made, not yet handed to the journal
	appending   *journal.Append       // nil = none under way
	inFlight    []*journalv1.Decision // what appending holds
	appendAgain time.Time             // when the next one may begin

	chunks     int  // handed to the compressors
	uploads    int  // handed to the pools of uploads and spools
	starved    bool // reading has stopped for want of memory
	stopping   bool
	flushes    []*flush
	operations []*operation
	releaseAt  time.Time
	levelAt    time.Time // when everything that was durable had been read
}

// Messages to a shard, beside *flush and stateSaved.
type (
	compressedChunk struct {
		batch  *batch
		filled int // as the batch's was then
		index  int
		run    []byte
		raw    int // bytes of the chunk
		held   int // bytes of memory that it was charged for
	}
	uploaded struct {
		batch  *batch
		began  time.Time // zero = S3 was not asked
		signed subject   // the credentials that it was begun with
		result uploader.Result
		err    error

		watched *Watched // of a parked batch; nil = the batch has it

		cleared  bool  // AbortLeftovers was called before
		clearErr error // what it said
	}
)

// run is the shard's goroutine. It returns nil when it was stopped and everything
// that it had under way has ended.
func (s *shard) run() error {
	defer s.noteCrash()
	timer := time.NewTimer(time.Hour) // set by each wait
	defer timer.Stop()
	for {
		s.stopping = s.stopping || s.told()
		more, err := s.step()
		if err != nil {
			return err
		}
		if s.stopping && s.finished() {
			return nil
		}
		if !more {
			s.wait(timer)
		}
	}
}

// told reports whether the shard has been told to stop.
func (s *shard) told() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// finished reports whether a shard that stops has nothing under way that it should
// wait for. Once its time is up it leaves decisions behind for which the journal
// has no room: a Seal that is not there is made anew by the next start, and a
// delivery that is not noted is found out by its 412.
func (s *shard) finished() bool {
	noted := s.appending == nil && len(s.decisions) == 0
	return s.uploads == 0 && (noted || s.uploadCtx.Err() != nil)
}

// step does everything that can be done now. It reports whether there is more to
// read at once.
func (s *shard) step() (more bool, err error) {
	for _, m := range s.inbox.take() {
		s.receive(m)
	}
	if s.saveErr != nil {
		return false, s.saveErr
	}
	if err := s.appended(); err != nil {
		return false, err
	}
	s.readAgain = time.Time{} // set again by either log
	if err := s.readControl(); err != nil {
		return false, err
	}
	if more, err = s.readEvents(); err != nil {
		return false, err
	}
	behind, err := s.catchUp()
	if err != nil {
		return false, err
	}
	more = more || behind
	now := time.Now()
	s.fireTimers(now)
	s.serveWaiting(now)
	s.tryLeftovers(now)
	s.serveDiagnoses(now)
	s.serveFlushes()
	s.serveOperations()
	s.appendDecisions(now)
	s.saveAgain(now)
	return more, s.release(now)
}

// wait blocks until there may be something to do.
func (s *shard) wait(timer *time.Timer) {
	now := time.Now()
	until := s.untilTimer(now)
	if until == 0 {
		return
	}
	var stop, appended, timeUp, committed <-chan struct{}
	if pause := s.readAfter.Sub(now); pause > 0 {
		until = min(until, pause)
	} else {
		committed = s.part.Events().Changed()
	}
	timer.Reset(until)
	if !s.stopping {
		stop = s.stop
	}
	if s.appending != nil {
		appended = s.appending.Done()
	}
	if s.stopping && s.uploads == 0 {
		timeUp = s.uploadCtx.Done()
	}
	select {
	case <-committed:
		s.readAfter = time.Now().Add(readPause)
	case <-s.part.Control().Changed():
	case <-s.inbox.ready:
	case <-appended:
	case <-timeUp:
	case <-timer.C:
	case <-stop:
	}
}

// untilTimer is how long the shard may wait for other things at most.
func (s *shard) untilTimer(now time.Time) time.Duration {
	next := now.Add(time.Hour)
	if len(s.timers) > 0 && !s.stopping && s.opened { // a shard that stops fires none
		next = earlier(next, s.timers[0].timer)
	}
	if s.appending == nil && len(s.decisions) > 0 {
		next = earlier(next, s.appendAgain)
	}
	next = earlier(next, s.readAgain)
	next = earlier(next, s.saveAgainAt())
	next = earlier(next, s.nextLeftover())
	next = earlier(next, s.nextDiagnosis())
	next = earlier(next, s.releaseAt)
	if !s.stopping {
		next = earlier(next, s.asides.retryAt)
	}
	if len(s.waiting) > 0 && !s.stopping {
		for on := range s.causes {
			next = earlier(next, s.conditions.nextTry(on))
		}
	}
	if s.pass == nil && len(s.behind) > 0 && !s.stopping {
		next = earlier(next, s.passAt)
	}
	return max(next.Sub(now), 0)
}

// earlier is the earlier of t and u; a zero u is never.
func earlier(t, u time.Time) time.Time {
	if u.IsZero() || t.Before(u) {
		return t
	}
	return u
}

func (s *shard) receive(m any) {
	switch m := m.(type) {
	case compressedChunk:
		s.compressed(m)
	case uploaded:
		s.uploaded(m)
	case probed:
		s.probed(m)
	case conditionProbed:
		s.conditionProbed(m)
	case diagnosed:
		s.diagnosed(m)
	case leftoverTried:
		s.leftoverTried(m)
	case stateSaved:
		s.saved(m)
	case spooled:
		s.spooled(m)
	case asideWritten:
		s.asideWritten(m)
	case streamed:
		s.streamed(m)
	case streamGone:
		s.streamGone(m)
	case orphansGone:
		s.cleared = true
	case tenantsChanged:
		s.tryLost(time.Now())
	case bucketVouched:
		s.vouched(m.bucket)
	case bucketWorks:
		s.wakeBucket(m.bucket, time.Now())
	case *operation:
		s.operations = append(s.operations, m)
	case *flush:
		s.flushes = append(s.flushes, m)
	}
}

// canRead reports whether the shard, or its pass, may take another record.
func (s *shard) canRead() bool {
	return s.opened && !s.stopping && s.chunks < chunksUnderWay && !s.heldByAside() && s.fed()
}

// fed reports whether there is memory for another record. If there is none, it makes
// sure that some comes free.
func (s *shard) fed() bool {
	if s.starved && s.memory.resume() {
		s.starved = false
		s.memory.feed()
	}
	if !s.starved && s.memory.short() {
		s.starved = true
		s.memory.starve()
	}
	if !s.starved {
		return true
	}
	s.closeLargest()
	return !s.evictLargest()
}

// replaying reports whether events that Seals have decided are still being read.
func (s *shard) replaying() bool { return s.position().less(s.maxThrough) }

// position is where the shard stands in the events log: everything below it has
// been folded.
func (s *shard) position() position {
	if s.atSet {
		return position{s.offset, s.at}
	}
	return position{s.events.Offset(), 0}
}

// readEvents folds what can be read now, but not so much that other work waits.
func (s *shard) readEvents() (more bool, err error) {
	for range readAtOnce {
		if !s.canRead() {
			return false, nil
		}
		if !s.atSet {
			ok, err := s.nextRecord()
			if !ok || err != nil {
				return false, err
			}
		}
		if err := s.foldRecord(); err != nil {
			return false, err
		}
		s.crashes.handling = handlingNothing
	}
	return true, nil
}

// nextRecord puts the next record of the events log in hand.
func (s *shard) nextRecord() (ok bool, err error) {
	if s.captureSnapshot() {
		return false, nil
	}
	rec, offset, err := s.events.Next()
	if ok, err := s.wasRead(err); !ok {
		return false, err
	}
	s.crashes.handling, s.offset = handlingRecord, offset
	if err := s.record.decode(rec); err != nil {
		return false, s.part.Damage(fmt.Errorf("record %d of the events log: %w", offset, err))
	}
	s.at, s.atSet = 0, true
	s.dedupe.begin(&s.record, time.Now())
	return true, s.findDestinations()
}

// wasRead says whether a record was read, by the error of the reader: at the commit
// point there is none, and without a file descriptor there is none yet.
func (s *shard) wasRead(err error) (ok bool, _ error) {
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, io.EOF):
		return false, nil
	case errors.Is(err, journal.ErrFull):
		s.readAgain = time.Now().Add(readRetry)
		s.log.Error("the journal can't be read now", "partition", s.id, "error", err)
		return false, nil
	}
	return false, fmt.Errorf("read partition %d: %w", s.id, err)
}
