package batcher

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// Batcher turns the events of a journal into objects in S3. Its methods may be
// called together.
type Batcher struct {
	journal     *journal.Journal
	partitionOf func(tenant, bucket, prefix string) int
	shards      []*shard // by partition; nil where the partition is closed by damage
	uploads     *lanes
	retries     *lanes
	probes      *lanes
	diagnoses   *lanes
	compressors *pool[*uploader.Compressor]
	questions   chan struct{} // has room for as many as may be in hand; see Spans
	files       *pool[struct{}]
	spools      *pool[struct{}]
	counts      *counters
	common      *shared

	stop          chan struct{} // closed when Close begins
	stopUploads   context.CancelFunc
	stopProbes    context.CancelFunc
	closeOnce     sync.Once
	running       sync.WaitGroup // shards
	failed        chan struct{}  // closed when err is set
	flushesOrStop sync.RWMutex   // held shared while a flush is handed over
	mu            struct {
		sync.Mutex
		err   error
		ended map[int]error // by partition: why its shard has ended
	}
}

// Start takes the journal's partitions over and begins to work. What has been
// decided about their events is read before anything is decided: a batch that was
// sealed by an earlier process is delivered as it was sealed.
//
// It returns an error if a value of the configuration can't be used or a log can't
// be read; damage of a partition is no error, that partition is left out.
func Start(p Params) (*Batcher, error) {
	b, err := prepare(p)
	if err != nil {
		return nil, err
	}
	for _, s := range b.shards {
		if s != nil {
			b.running.Go(func() { b.ended(s, s.run()) })
		}
	}
	return b, nil
}

// prepare makes everything but the goroutines of the shards.
func prepare(p Params) (*Batcher, error) {
	if err := p.Config.Validate(); err != nil {
		return nil, err
	}
	b := &Batcher{
		journal: p.Journal, partitionOf: p.PartitionOf,
		shards: make([]*shard, p.Journal.Partitions()), counts: &counters{},
		stop: make(chan struct{}), failed: make(chan struct{}), questions: make(chan struct{}, questionsAtOnce),
	}
	b.mu.ended = map[int]error{}
	b.common = &shared{
		memory: &memory{limit: p.Config.MemoryBytes, wake: b.wakeAll}, spares: &sync.Pool{}, counts: b.counts,
		parkAbove: parkAbove(p.Journal.Quota()),
		tenantOf:  p.tenantOf, tenantBacklogs: tenantBacklogs{bytes: map[string]int64{}},
		conditions: newConditions(&p.Config, p.RegionOf, p.ownCredentials, b.wakeAll), journal: p.Journal, tell: b.tell,
	}
	b.common.observed = p.Observer != nil
	if !b.common.observed {
		p.Observer = unobserved{}
	}
	for i := range b.shards {
		if err := p.Journal.Partition(i).Err(); err != nil {
			b.mu.ended[i] = err
			continue
		}
		s, err := newShard(&p, i, b.common)
		switch {
		case isDamage(err):
			b.mu.ended[i] = err
			continue
		case err != nil:
			return nil, errors.Join(fmt.Errorf("partition %d: %w", i, err), b.closeReaders())
		}
		s.stop = b.stop
		b.shards[i] = s
	}
	compressors, err := newCompressors(p.Config.CompressionLevel)
	if err != nil {
		return nil, errors.Join(err, b.closeReaders())
	}
	b.equip(&p, compressors)
	return b, nil
}

// newCompressors makes one compressor a core.
func newCompressors(level int) (made []*uploader.Compressor, err error) {
	for range runtime.GOMAXPROCS(0) {
		c, err := uploader.NewCompressor(level)
		if err != nil {
			return nil, err
		}
		made = append(made, c)
	}
	return made, nil
}

// isDamage reports whether err concerns one partition alone: its records can't be
// read, or do not fit together.
func isDamage(err error) bool {
	var damage *journal.CorruptError
	return errors.As(err, &damage)
}

// shared is what shards have in common.
type shared struct {
	memory *memory
	spares *sync.Pool // of *[]byte: buffers of chunks that are compressed
	counts *counters

	// heldByBlocked is how many bytes of events segments are kept for blocked
	// destinations alone; past parkAbove those are parked.
	heldByBlocked atomic.Int64
	parkAbove     int64

	// backlogTables is how many bytes of the memory's tables are of destinations whose
	// events are not taken.
	backlogTables atomic.Int64

	tenantOf       func(name string) Tenant
	tenantBacklogs tenantBacklogs

	observed   bool // somebody wants to know of single events
	conditions *conditions
	journal    *journal.Journal
	wroteTo    bucketsWritten
	gone       bucketsGone
	refusing   atomic.Int64 // destinations whose new events are refused
	tell       func(m any)  // gives a message to every shard
}

// newShard makes the shard of partition i, which has read and checked what was
// decided, and decided its Opened.
func newShard(p *Params, i int, common *shared) (*shard, error) {
	part := p.Journal.Partition(i)
	events, err := part.Events().NewReader(part.Start().Events)
	if err != nil {
		return nil, fmt.Errorf("read the events log: %w", err)
	}
	control, err := part.Control().NewReader(part.Start().Control)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the control log: %w", err), events.Close())
	}
	incarnation := make([]byte, 16)
	rand.Read(incarnation) // never fails
	s := &shard{
		id: i, cfg: &p.Config, log: p.Log, shared: common, uploader: p.Uploader, checker: p.Checker, observer: p.Observer,
		part: part, events: events, control: control, journalID: p.Journal.ID(),
		inbox: newMailbox[any](), incarnation: incarnation, dests: map[string]*destination{},
		byDigest: map[[DigestBytes]byte]*destination{}, digestOf: p.DigestOf, gate: p.Gate,
		waiting: map[*destination]struct{}{}, causes: map[subject]int{}, claimed: map[subject]struct{}{}, behind: map[*destination]struct{}{}, woken: map[string]time.Time{},
		dedupe: newDedupe(&p.Config, p.Journal.ID(), p.Journal.Partitions(), common.counts),
	}
	if err := s.readDecided(); err != nil {
		s.giveBack()
		return nil, errors.Join(err, s.closeReaders())
	}
	s.decideOpened()
	return s, nil
}

// readDecided loads the state as of the start, and reads the control log from there
// to its end.
func (s *shard) readDecided() error {
	defer s.noteCrash()
	if err := s.listStates(); err != nil {
		return err
	}
	if err := s.loadCrash(); err != nil {
		return err
	}
	if err := s.loadState(); err != nil {
		return err
	}
	if err := s.readControl(); err != nil {
		return err
	}
	if !s.readAgain.IsZero() {
		return fmt.Errorf("read the control log: %w", journal.ErrFull)
	}
	return s.checkDecided()
}

// equip gives the shards what works for them.
func (b *Batcher) equip(p *Params, compressors []*uploader.Compressor) {
	ctx, cancel := context.WithCancel(context.Background())
	b.stopUploads = cancel
	probes, cancelProbes := context.WithCancel(ctx)
	b.stopProbes = cancelProbes
	retries := max(1, p.Config.Uploads/8)
	uploads := max(1, p.Config.Uploads-retries)
	b.uploads = newLanes(uploads, func(string) int { return uploads - uploads/8 }, p.weight)
	b.retries = newLanes(retries, func(string) int { return (retries + 1) / 2 }, p.weight)
	b.probes = newLanes(retries, func(bucket string) int {
		if b.common.conditions.fails(bucket) != nil {
			return 1
		}
		return retries
	}, p.weight)
	b.diagnoses = newLanes(diagnosesAtOnce, func(string) int { return 1 }, p.weight)
	b.compressors = newPool(compressors)
	b.files = newPool(make([]struct{}, 1)) // they all go to one disk
	b.spools = newPool(make([]struct{}, spoolsAtOnce))
	for _, s := range b.shards {
		if s == nil {
			continue
		}
		s.probeCtx, s.probePool, s.checkPool = probes, b.probes, b.diagnoses
		s.uploadCtx, s.uploadPool, s.retryPool, s.compressors, s.filePool = ctx, b.uploads, b.retries, b.compressors, b.files
		s.spoolPool = b.spools
	}
}

// ended takes note that a shard's goroutine has ended, and why.
func (b *Batcher) ended(s *shard, err error) {
	s.closeReaders() // an error of closing what was read from changes nothing
	if err == nil {
		err = journal.ErrClosed
	} else if !isDamage(err) { // the journal has said so
		s.log.Error("shard ended", "partition", s.id, "error", err)
	}
	b.flushesOrStop.Lock() // no flush may come into the inbox from here on
	b.mu.Lock()
	b.mu.ended[s.id] = err
	b.mu.Unlock()
	b.flushesOrStop.Unlock()
	s.answerFlushes(err)
	s.giveBack()
	b.fail(s.id, err)
}

// fail makes err the batcher's, unless it concerns one partition alone or is the
// ordinary end.
func (b *Batcher) fail(partition int, err error) {
	if errors.Is(err, journal.ErrClosed) || isDamage(err) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.mu.err == nil {
		b.mu.err = fmt.Errorf("partition %d: %w", partition, err)
		close(b.failed)
	}
}

// Failed is closed when a shard has ended for a reason that is final for the
// process; Err says which.
func (b *Batcher) Failed() <-chan struct{} { return b.failed }

// Err is why Failed is closed, or nil.
func (b *Batcher) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mu.err
}

func (b *Batcher) wakeAll() {
	for _, s := range b.shards {
		if s != nil {
			s.inbox.poke()
		}
	}
}

// Flush closes the open batches of one destination, or if all is set of all of a tenant
// (of everybody, if that is empty), those of the bucket if one is named, and returns how many it closed, when everything that was durable in the journal
// before the call is sealed. It does not wait for uploads. What a destination that is
// blocked has not sealed stays so: its events are read when it works again. One that
// is catching up is waited for.
//
// If a partition is closed by damage the error is its *journal.CorruptError, and
// what the others hold is sealed all the same; while the batcher stops it is
// [journal.ErrClosed]. When ctx ends first the rest is sealed later all the same.
func (b *Batcher) Flush(ctx context.Context, all bool, tenant, bucket, prefix string) (batches uint64, err error) {
	var flushes []*flush
	var errs []error
	for i := range b.shards {
		f := &flush{ctx: ctx, tenant: tenant, answer: make(chan flushAnswer, 1), upTo: b.journal.Partition(i).Events().Committed()}
		if !all {
			if i != b.partitionOf(tenant, bucket, prefix) {
				continue
			}
			f.name = name(tenant, bucket, prefix)
		}
		f.tenant, f.bucket = tenant, bucket
		if err := b.hand(i, f); err != nil {
			errs = append(errs, err)
			continue
		}
		flushes = append(flushes, f)
	}
	for _, f := range flushes {
		select {
		case a := <-f.answer:
			batches += a.batches
			errs = append(errs, a.err)
		case <-ctx.Done():
			return batches, ctx.Err()
		}
	}
	return batches, errors.Join(errs...)
}

// hand gives a message to the shard of a partition, unless that has ended.
func (b *Batcher) hand(partition int, m any) error {
	return b.reach(partition, func(in *mailbox[any]) { in.put(m) })
}

// reach lets put reach the mailbox of a partition's shard, unless that has ended.
func (b *Batcher) reach(partition int, put func(*mailbox[any])) error {
	b.flushesOrStop.RLock()
	defer b.flushesOrStop.RUnlock()
	b.mu.Lock()
	err := b.mu.ended[partition]
	b.mu.Unlock()
	if err != nil {
		return err
	}
	put(b.shards[partition].inbox)
	return nil
}

// tell gives a message to every shard that has not ended.
func (b *Batcher) tell(m any) {
	for i, s := range b.shards {
		if s != nil {
			_ = b.hand(i, m) // one that has ended need not know
		}
	}
}

// Close stops: no further event is read, no batch closed, no upload begun. Uploads
// that are running may finish until ctx ends, and what they deliver is noted in the
// journal, which has to be closed after the batcher. What is not delivered stays in
// the journal. Close returns when every goroutine has ended; a second call waits
// likewise.
func (b *Batcher) Close(ctx context.Context) error {
	b.closeOnce.Do(func() { close(b.stop) })
	b.stopProbes()
	stop := context.AfterFunc(ctx, b.stopUploads)
	b.running.Wait()
	stop()
	b.stopUploads()
	b.uploads.close()
	b.retries.close()
	b.probes.close()
	b.diagnoses.close()
	b.compressors.close()
	b.files.close()
	b.spools.close()
	return b.Err()
}

func (b *Batcher) closeReaders() error {
	var errs []error
	for _, s := range b.shards {
		if s != nil {
			errs = append(errs, s.closeReaders())
		}
	}
	return errors.Join(errs...)
}
