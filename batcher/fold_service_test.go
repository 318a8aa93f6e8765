package batcher_test

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// service is a service without its edge: a journal on a disk that fails, a batcher, and
// the clients that it has.
type service struct {
	run     *foldRun
	name    string
	cfg     batcher.Config
	jcfg    journal.Config
	disk    *slowDisk
	journal *journal.Journal
	batcher *batcher.Batcher
	wire    *wire
	alive   bool // the process runs

	logs    []*transcript // by partition
	opened  []int         // by partition: how often it had been taken over before the batcher's start
	floors  []floor
	clients []*client
	streams int
	floods  int
	crowds  int
	roomy   bool          // the next process has much memory
	rejects map[dest]bool // the server takes nothing for these now
	owners  []*owner      // others that have owned a partition

	observed observed
}

func (r *foldRun) newService(name string, disk *journaltest.FS) *service {
	s := &service{run: r, name: name, rejects: map[dest]bool{}, cfg: batcher.DefaultConfig(), jcfg: journal.DefaultConfig()}
	s.observed.delivered = map[string]bool{}
	s.jcfg.Dir, s.jcfg.Partitions, s.jcfg.Log = "data", 2, slog.New(slog.DiscardHandler)
	s.jcfg.SegmentBytes, s.jcfg.ControlSegmentBytes, s.jcfg.QuotaBytes = r.plan.segment, 64<<10, r.plan.quota
	s.cfg.TracedPerBatch = 200
	s.cfg.RetryMax, s.cfg.DedupeWindow, s.cfg.CompressionLevel = 5*time.Second, r.plan.idWindow, 1
	for part := range s.jcfg.Partitions {
		l := &transcript{t: r.t, part: part}
		l.mu.lines, l.mu.sealed = map[*journalv1.Event]string{}, map[string]bool{}
		s.logs = append(s.logs, l)
	}
	s.use(disk)
	s.configure()
	for range r.plan.clients {
		s.newClient()
	}
	r.services = append(r.services, s)
	return s
}

func (s *service) use(disk *journaltest.FS) {
	s.disk = &slowDisk{FS: disk, onRelease: s.look}
	s.disk.sync.Store(int64(s.run.plan.sync))
	disk.Trace = func(op string) { s.note("      disk: %s", op) }
}

// look takes in what has become durable.
func (s *service) look() {
	s.disk.looking.Add(1)
	defer s.disk.looking.Add(-1)
	for _, l := range s.logs {
		l.read()
	}
}

// lookFor does so when the process begins to upload an object, whose Seal has to stand in a log
// by then.
func (s *service) lookFor(name string) {
	s.look()
	for _, l := range s.logs {
		if counts, open := l.counts(name); counts || !open {
			return
		}
	}
	if !s.disk.Stopped() { // else it can't be read
		s.run.t.Errorf("%s%s is uploaded, and no Seal that counts says so", s.name, name)
	}
}

func (s *service) note(format string, args ...any) {
	s.run.note(s.name+format, args...)
}

// configure draws what may be another at each start.
func (s *service) configure() {
	r := s.run.rand
	s.cfg.Window = pick[time.Duration](r, 3, 10, 20) * time.Second
	s.cfg.MaxEvents = pick[int64](r, 7, 40, 10_000)
	s.cfg.MemoryBytes = pick[int64](r, 8<<20, 8<<20, 64<<20)
	if s.roomy {
		s.cfg.MemoryBytes = 64 << 20
	}
	s.cfg.Uploads = pick(r, 1, 8, 32)
	s.cfg.BlockAfter, s.cfg.ProbeMax = pick[time.Duration](r, 1, 10, 30)*time.Second, pick[time.Duration](r, 5, 60)*time.Second
	s.cfg.GiveUpAfter = pick[time.Duration](r, 0, 1, 5) * time.Minute
	s.cfg.DestinationQuota = pick[int64](r, 1, 20_000, 1<<30, 1<<30)
	s.cfg.DedupeIDs, s.cfg.DedupeSenders = pick(r, 4096, 500_000), pick(r, 1000, 100_000)
	if s.run.plan.forgets {
		s.cfg.BlockAfter, s.cfg.GiveUpAfter = time.Hour, time.Hour
		s.cfg.DedupeIDs, s.cfg.DedupeSenders = pick(r, 0, 0, 4, 500_000), pick(r, 0, 0, 1, 100_000)
	}
}

func (s *service) start() {
	s.openJournal()
	s.startBatcher()
}

func (s *service) openJournal() {
	s.run.t.Helper()
	s.jcfg.FS = s.disk
	s.disk.scarce.Store(0)
	var err error
	if s.journal, err = journal.Open(s.jcfg); err != nil {
		s.run.t.Fatalf("open the journal: %v", err)
	}
	for part, l := range s.logs {
		l.open(s.journal.Partition(part))
	}
}

func (s *service) startBatcher() {
	s.run.t.Helper()
	s.note("START: window %v, at most %d events, memory %d MiB, %d uploads, %d ids, %d senders", s.cfg.Window, s.cfg.MaxEvents,
		s.cfg.MemoryBytes>>20, s.cfg.Uploads, s.cfg.DedupeIDs, s.cfg.DedupeSenders)
	s.alive, s.opened = true, nil
	for _, l := range s.logs {
		l.read()
		s.opened = append(s.opened, len(l.owners()))
	}
	s.wire = &wire{s3: s.run.s3, dead: make(chan struct{}), note: s.note, onUpload: s.lookFor, stored: map[string]bool{}, left: map[string]bool{}}
	var err error
	s.batcher, err = batcher.Start(batcher.Params{
		Config: s.cfg, Journal: s.journal, Uploader: s.wire, Log: s.run.logger(s.name), Observer: &watcher{&s.observed, s.run, s.wire.dead},
		PartitionOf: func(tenant, bucket, prefix string) int {
			return partitionOf(tenant, bucket, prefix, s.jcfg.Partitions)
		},
		TenantOf: s.run.s3.tenant,
	})
	if err != nil {
		s.run.t.Fatalf("start the batcher: %v", err)
	}
	s.checkOpen()
	for _, c := range s.clients { // what comes late comes before anything new
		for _, st := range c.ghosts {
			for s.run.rand.IntN(2) == 0 && s.handle(st) {
			}
		}
	}
}

// checkOpen fails the test if a partition has been closed: nothing in these runs damages
// the folder.
func (s *service) checkOpen() {
	for part := range s.jcfg.Partitions {
		if err := s.journal.Partition(part).Err(); err != nil {
			s.run.t.Fatalf("%spartition %d was closed: %v", s.name, part, err)
		}
	}
}

// stop is an orderly end.
func (s *service) stop() {
	s.run.t.Helper()
	s.note("STOP")
	s.checkOpen()
	s.alive = false
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := s.batcher.Close(ctx); err != nil {
		s.run.t.Errorf("%sclose the batcher: %v", s.name, err)
	}
	s.look()
	for _, l := range s.logs {
		l.close()
	}
	if err := s.journal.Close(); err != nil {
		s.run.t.Errorf("%sclose the journal: %v", s.name, err)
	}
	s.collectAnswers()
	s.disconnect()
}

// collectAnswers lets every caller have the answers that are there.
func (s *service) collectAnswers() (progress bool) {
	for _, c := range s.clients {
		for _, st := range c.allStreams() {
			progress = s.answer(st) || progress
		}
	}
	return progress
}

// die is the end of a process without notice. What it does from here on reaches
// neither the disk that comes after it nor S3.
func (s *service) die(after *journaltest.FS) {
	s.alive = false
	s.collectAnswers()
	s.disconnect()
	for _, l := range s.logs {
		l.close()
	}
	close(s.wire.dead) // whose uploads fail by that would look at the logs
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.batcher.Close(ctx)
	s.journal.Close()
	s.use(after)
}

// quiet lets everything that happens at this instant be over: what the process would still
// make durable, and answer, while its disk is copied would seem to be lost.
func (s *service) quiet() { synctest.Wait() }

// kill is kill -9.
func (s *service) kill() {
	s.note("KILL")
	s.quiet()
	s.look()
	s.die(s.disk.AfterRestart())
	s.configure()
	s.start()
}

// losePower is a power failure, now.
func (s *service) losePower() {
	s.note("POWER FAILS")
	s.quiet()
	s.look()
	s.die(s.disk.AfterCrash(s.run.rand.Uint64()))
	s.configure()
	s.start()
}

// losePowerSoon is a power failure in the middle of one of the next operations of the
// disk, whatever it belongs to.
func (s *service) losePowerSoon() {
	s.note("POWER FAILS SOON")
	s.disk.StopAt(s.disk.Ops() + s.run.rand.IntN(60))
	for range 6 {
		s.traffic()
		pass(time.Duration(s.run.rand.Int64N(int64(s.cfg.Window))))
	}
	s.losePower()
}

// failSync lets a sync fail, which is final for the process; what it should have written
// may never get to the disk.
func (s *service) failSync() {
	s.note("A SYNC FAILS")
	s.disk.DropDirty()
	s.disk.Fail(func(op journaltest.Op) error {
		if op.Kind == journaltest.Sync {
			return errLost
		}
		return nil
	})
	for range 3 {
		s.traffic()
		pass(time.Duration(s.run.rand.Int64N(int64(s.cfg.Window))))
	}
	s.disk.Fail(nil)
	s.kill()
}

// restart stops and starts, with other settings.
func (s *service) restart() {
	s.stop()
	s.disk.Fail(nil)
	s.configure()
	s.start()
}

// restartBatcher stops and starts the back half alone: callers notice nothing.
func (s *service) restartBatcher() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := s.batcher.Close(ctx); err != nil {
		s.run.t.Errorf("%sclose the batcher: %v", s.name, err)
	}
	s.configure()
	s.disk.scarce.Store(0)
	s.startBatcher()
}

// flush closes what is open, and takes note of what has to be decided by then.
func (s *service) flush(all bool) {
	d := s.run.dests[s.run.rand.IntN(len(s.run.dests))]
	from, upTo := make([]int, len(s.logs)), make([]uint64, len(s.logs))
	s.look()
	for part, l := range s.logs {
		from[part], upTo[part] = l.controls(), s.journal.Partition(part).Events().Committed()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	n, err := s.batcher.Flush(ctx, all, "default", d.bucket, d.prefix)
	s.note("flush (all: %v, else %v): %d batches, %v", all, d, n, err)
	if err != nil {
		return
	}
	s.look()
	made := 0
	for part, l := range s.logs {
		made += l.flushed(from[part])
	}
	if made != int(n) {
		return // some are of a Flush before, which nobody has waited for: they decide less
	}
	for part, l := range s.logs {
		s.floors = append(s.floors, floor{part: part, from: from[part], to: l.controls(), upTo: upTo[part]})
	}
}

// redrive has what is blocked or dead tried again.
func (s *service) redrive(all bool) {
	d := s.run.dests[s.run.rand.IntN(len(s.run.dests))]
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	n, err := s.batcher.Redrive(ctx, all, "default", d.bucket, d.prefix)
	s.note("redrive (all: %v, else %v): %+v, %v", all, d, n, err)
}

// lookAtDead reads the dead batches, and has one destroyed now and then.
func (s *service) lookAtDead() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	list, err := s.batcher.Dead(ctx, true, "", "", "")
	if err != nil {
		return
	}
	for _, b := range list {
		o := object{b.Bucket, b.Key, s.readDead(b)}
		if s.run.rand.IntN(4) > 0 {
			continue
		}
		s.run.gone[b.Bucket+"/"+b.Key] = o // also if there is no answer: it may be destroyed later
		n, err := s.batcher.DiscardDead(ctx, b.Tenant, b.Bucket, b.Prefix, b.Key, b.Events)
		s.note("discard %s: %+v, %v", b.Key, n, err)
	}
}

func (s *service) readDead(b batcher.DeadBatch) []string {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r, err := s.batcher.OpenDead(ctx, b.Bucket, b.Key)
	if err != nil {
		s.run.t.Errorf("open dead batch %s: %v", b.Key, err)
		return nil
	}
	defer r.Close()
	z, err := gzip.NewReader(r)
	if err != nil {
		s.run.t.Errorf("dead batch %s: %v", b.Key, err)
		return nil
	}
	lines, err := io.ReadAll(z)
	if err != nil {
		s.run.t.Errorf("dead batch %s: %v", b.Key, err)
	}
	return strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n")
}

// floor says that a Flush has answered: its Seals stand in these records of the control
// log, and everything of their destinations below upTo is decided by them.
type floor struct {
	part     int
	from, to int
	upTo     uint64
}

// copyFolder starts another service from a copy of the data folder, while this one
// goes on.
func (s *service) copyFolder() {
	s.busy(false)
	synctest.Wait()
	s.note("THE FOLDER IS COPIED")
	s.look()
	for _, e := range s.run.events {
		e.copied = true
	}
	b := s.run.newService("B: ", s.disk.AfterRestart())
	b.cfg, b.jcfg, b.floors = s.cfg, s.jcfg, append(b.floors, s.floors...)
	for part, l := range b.logs {
		l.copyFrom(s.logs[part])
	}
	b.start()
	s.busy(false) // each has events of its own behind the same ones
	b.busy(false)
	if s.run.rand.IntN(2) == 0 {
		s.flush(true)
		b.flush(true)
	}
}

// expectAlive fails the test if the process has ended by itself.
func (s *service) expectAlive() {
	synctest.Wait()
	s.checkOpen()
	if err := s.batcher.Err(); err != nil {
		s.run.t.Fatalf("%sthe batcher has failed: %v", s.name, err)
	}
	if err := s.journal.Err(); err != nil {
		s.run.t.Fatalf("%sthe journal has failed: %v", s.name, err)
	}
}

// flushed counts the Seals that Flushes have made from an offset of the control log on.
func (l *transcript) flushed(from int) (n int) {
	l.decided(func(offset int, d *journalv1.Decision, _ bool) {
		if offset >= from && d.GetSeal().GetReason() == journalv1.SealReason_SEAL_REASON_FLUSH {
			n++
		}
	})
	return n
}

func (l *transcript) controls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.mu.control)
}

func (r *foldRun) note(format string, args ...any) {
	r.trace.add(fmt.Sprintf(format, args...))
}
