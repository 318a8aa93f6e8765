package batcher

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
	"github.com/open-destinations/destinations/uploader"
)

// bucketOfLines is an S3 that remembers lines.
type bucketOfLines struct {
	mu      sync.Mutex
	objects map[string][]string // by key
	refuses string              // a bucket
}

func (s *bucketOfLines) ask(bucket string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bucket == s.refuses {
		return &uploader.Error{Op: "PutObject", Code: "AccessDenied", Status: 403, Err: errors.New("no")}
	}
	return nil
}

func (s *bucketOfLines) Upload(_ context.Context, o *uploader.Object) (uploader.Result, error) {
	if err := s.ask(o.Bucket); err != nil {
		return uploader.Result{Attempts: 1}, err
	}
	lines, err := linesOf(io.NewSectionReader(o.Body, 0, o.Body.Size()))
	if err != nil {
		return uploader.Result{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, existed := s.objects[o.Key]
	s.objects[o.Key] = lines
	return uploader.Result{Attempts: 1, Size: o.Body.Size(), Existed: existed}, nil
}
func (s *bucketOfLines) Probe(_ context.Context, _, bucket, _ string) error { return s.ask(bucket) }
func (s *bucketOfLines) AbortLeftovers(context.Context, string, string, string) (int, error) {
	return 0, nil
}

func linesOf(r io.Reader) ([]string, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(z)
	return strings.Split(strings.TrimSuffix(string(b), "\n"), "\n"), err
}

// times is how often each line is in S3, by its first ten bytes.
func (s *bucketOfLines) times() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := map[string]int{}
	for _, lines := range s.objects {
		for _, line := range lines {
			n[line[:min(len(line), 10)]]++
		}
	}
	return n
}

// crasher runs one process after the other on one disk, each with a shard that something
// has spoiled, and survives their panics.
type crasher struct {
	t       *testing.T
	disk    *journaltest.FS
	s3      *bucketOfLines
	spoil   func(*shard)
	journal *journal.Journal
	batcher *Batcher
	crashed chan any // what the shard has panicked with; nil when it has ended without
}

func newCrasher(t *testing.T, spoil func(*shard)) *crasher {
	return &crasher{t: t, disk: journaltest.NewFS(), s3: &bucketOfLines{objects: map[string][]string{}}, spoil: spoil}
}

func (c *crasher) start() {
	c.t.Helper()
	jcfg := journal.DefaultConfig()
	jcfg.Dir, jcfg.Partitions, jcfg.FS, jcfg.Log = "data", 1, c.disk, slog.New(slog.DiscardHandler)
	jcfg.SegmentBytes, jcfg.ControlSegmentBytes = 1<<20, 64<<10
	cfg := DefaultConfig()
	cfg.Window, cfg.MemoryBytes = 5*time.Second, 64<<20
	var err error
	if c.journal, err = journal.Open(jcfg); err != nil {
		c.t.Fatal(err)
	}
	c.batcher, err = prepare(Params{Config: cfg, Journal: c.journal, Uploader: c.s3, Log: slog.New(slog.DiscardHandler),
		PartitionOf: func(string, string, string) int { return 0 }})
	if err != nil {
		c.t.Fatal(err)
	}
	c.crashed = make(chan any, 1)
	s := c.batcher.shards[0]
	if s == nil {
		c.crashed <- nil
		return
	}
	c.spoil(s)
	c.batcher.running.Go(func() {
		defer func() {
			cause := recover()
			c.crashed <- cause
			if cause != nil {
				s.closeReaders()
			}
		}()
		c.batcher.ended(s, s.run())
	})
}

// end lets go of a process: after a crash the next one finds what that has left.
func (c *crasher) end(after *journaltest.FS) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c.batcher.Close(ctx)
	c.journal.Close()
	c.disk = after
}

// runs lets time pass, and reports whether the process still lives.
func (c *crasher) runs(d time.Duration) bool {
	select {
	case cause := <-c.crashed:
		c.crashed <- cause
		return false
	case <-time.After(d):
		synctest.Wait()
		return len(c.crashed) == 0
	}
}

// crash runs a process that has to crash.
func (c *crasher) crash() {
	c.t.Helper()
	if c.runs(time.Hour) {
		c.t.Fatal("it has not crashed")
	}
	c.end(c.disk.AfterRestart())
	c.start()
}

// live runs processes until one lives for a minute.
func (c *crasher) live() {
	c.t.Helper()
	for range 4 {
		if c.start(); c.runs(time.Minute) {
			return
		}
		c.end(c.disk.AfterRestart())
	}
	c.t.Fatal("no process lives for a minute")
}

// send appends a record of sender "s" with a given sequence.
func (c *crasher) send(sequence uint64, events ...*journalv1.Event) {
	c.t.Helper()
	c.sendSettled(sequence, 0, events...)
}

// sendSettled does so with what the sender has answers for.
func (c *crasher) sendSettled(sequence, settled uint64, events ...*journalv1.Event) {
	c.t.Helper()
	rec, err := proto.Marshal(&journalv1.Events{
		ReceivedUnixNanos: time.Now().UnixNano(), SenderId: bytes.Repeat([]byte("s"), 16), Sequence: sequence, Settled: settled,
		Destinations: []*journalv1.Destination{{Tenant: "default", Bucket: "sick"}, {Tenant: "default", Bucket: "sound"}}, Events: events,
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.journal.Partition(0).Events().Append(rec).Wait(context.Background()); err != nil {
		c.t.Fatal(err)
	}
}

// largeBytes are so many that the buffer of the line is not used again.
const largeBytes = 5 * chunkBytes

// sendPoison sends an event over which a process crashes, among others.
func (c *crasher) sendPoison(id string) {
	c.send(1, &journalv1.Event{Payload: append([]byte("large     "), bytes.Repeat([]byte("x"), largeBytes)...)}, &journalv1.Event{Destination: 1, Index: 1, Payload: []byte("sound-1   ")},
		&journalv1.Event{Index: 2, Id: id, Payload: []byte("poison    ")}, &journalv1.Event{Destination: 1, Index: 3, Payload: []byte("sound-2   ")})
	c.send(2, &journalv1.Event{Destination: 1, Payload: []byte("sound-3   ")})
}

// expectOnce fails the test unless each of these lines is in S3 once, and nothing else is.
func (c *crasher) expectOnce(lines ...string) {
	c.t.Helper()
	times := c.s3.times()
	for _, line := range lines {
		if times[line] != 1 {
			c.t.Errorf("%q is in S3 %d times", line, times[line])
		}
	}
	if len(times) != len(lines) {
		c.t.Errorf("S3 has %v", times)
	}
}

// takeBack redrives the one dead batch, which has to be the poisonous event.
func (c *crasher) takeBack() {
	c.t.Helper()
	ctx := context.Background()
	list, err := c.batcher.Dead(ctx, true, "", "", "")
	if err != nil || len(list) != 1 || list[0].Events != 1 || !strings.Contains(list[0].Reason, "2 times in a row") {
		c.t.Fatalf("dead batches: %+v, %v", list, err)
	}
	r, err := c.batcher.OpenDead(ctx, list[0].Bucket, list[0].Key)
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Close()
	if lines, err := linesOf(r); err != nil || !slices.Equal(lines, []string{"poison    "}) {
		c.t.Errorf("it holds %q, %v", lines, err)
	}
	if _, err := c.batcher.Redrive(ctx, true, "", "", ""); err != nil {
		c.t.Fatal(err)
	}
	c.runs(time.Minute)
}

// poisons spoil a shard, so that the event of [crasher.sendPoison] is a panic.
var poisons = map[string]func(*shard){
	"in the tables": func(s *shard) {
		s.dedupe.ids.known[s.dedupe.ids.hash(nameOf(&journalv1.Destination{Tenant: "default", Bucket: "sick"}), []byte("poison"))] = 7
	},
	"in a batch": func(s *shard) { s.spares = &sync.Pool{New: func() any { panic("no buffer for it") }} },
}

// An event over which the process crashes twice in a row is kept by itself, and everything else
// goes on: before it, behind it, and what is sent again of it.
func TestAnEventThatCrashesTheServiceIsSetAside(t *testing.T) {
	for name, spoil := range poisons {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCrasher(t, spoil)
				c.start()
				c.sendPoison("poison")
				c.crash()
				c.crash()
				if !c.runs(time.Minute) {
					t.Fatal("it has crashed a third time")
				}
				c.expectOnce("large     ", "sound-1   ", "sound-2   ", "sound-3   ")
				if name != "in the tables" { // they know it
					c.sendPoison("poison")
					c.runs(time.Minute)
				}
				c.end(c.disk.AfterRestart())
				c.start()
				c.takeBack()
				c.expectOnce("large     ", "sound-1   ", "sound-2   ", "sound-3   ", "poison    ")
				c.end(c.disk)
				if names, err := c.disk.List("data/0000"); err != nil || slices.Contains(names, crashFile) {
					t.Errorf("the note of the crash is still there: %v, %v", names, err)
				}
			})
		})
	}
}

// Its id stands for it also in tables that remember more than those by which it was set aside:
// to them it may be one that its sender had settled.
func TestTheIDOfWhatWasSetAsideIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrasher(t, func(s *shard) {
			poisons["in a batch"](s)
			s.dedupe.senders.most = 0
		})
		c.start()
		c.sendSettled(5, 4, &journalv1.Event{Payload: []byte("before    ")})
		c.send(3, &journalv1.Event{Payload: append([]byte("large     "), bytes.Repeat([]byte("x"), largeBytes)...)}, &journalv1.Event{Index: 1, Id: "step", Payload: []byte("poison    ")})
		c.crash()
		c.crash()
		if !c.runs(time.Second) {
			t.Fatal("it has crashed a third time")
		}
		c.end(c.disk.AfterRestart())
		c.spoil = func(*shard) {}
		c.start()
		if c.journal.Partition(0).Start().Events > 0 {
			t.Fatal("nothing is read again: the test shows nothing")
		}
		c.sendSettled(6, 5, &journalv1.Event{Id: "step", Payload: []byte("again     ")})
		c.runs(time.Minute)
		c.takeBack()
		c.expectOnce("before    ", "poison    ") // the large one was not decided yet: to these tables it is settled
		c.end(c.disk)
	})
}

// So it is if it is a pass that crashes over it.
func TestAnEventThatCrashesAPassIsSetAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrasher(t, poisons["in a batch"])
		c.s3.refuses = "sick"
		c.start()
		c.send(1, &journalv1.Event{Payload: []byte("before    ")})
		c.runs(time.Minute) // it is blocked
		c.send(2, &journalv1.Event{Payload: append([]byte("large     "), bytes.Repeat([]byte("x"), largeBytes)...)}, &journalv1.Event{Index: 1, Payload: []byte("poison    ")})
		c.runs(time.Second)
		c.s3.mu.Lock()
		c.s3.refuses = ""
		c.s3.mu.Unlock()
		c.crash()
		c.crash()
		if !c.runs(time.Minute) {
			t.Fatalf("it has ended: %v, %v, %v", <-c.crashed, c.journal.Partition(0).Err(), c.batcher.mu.ended)
		}
		c.expectOnce("before    ", "large     ")
		c.takeBack()
		c.expectOnce("before    ", "large     ", "poison    ")
		c.end(c.disk)
	})
}

// What is no single event's is not passed by: the partition is closed, says why, and serves
// again with another build, or when somebody wants it to be tried.
func TestARecordThatCrashesTheServiceClosesItsPartition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spoil := func(s *shard) {
			key := string(appendSenderKey(nil, nil, bytes.Repeat([]byte("s"), 16)))
			s.dedupe.senders.known[key] = &sender{key: key} // in no list
		}
		c := newCrasher(t, spoil)
		c.start()
		c.sendPoison("")
		c.crash()
		if c.runs(time.Hour) {
			t.Fatal("it has not crashed again")
		}
		c.end(c.disk.AfterRestart())
		closed := c.disk.AfterRestart()
		c.start()
		err := c.journal.Partition(0).Err()
		if !isDamage(err) || !strings.Contains(err.Error(), "record 0 of the events log has ended the process 2 times in a row") {
			t.Errorf("the partition: %v", err)
		}
		c.end(closed)
		c.rewriteCrash(func(m *journalv1.Crash) { m.Build = "an older one" })
		c.spoil = func(*shard) {}
		c.start()
		c.runs(time.Minute)
		c.expectOnce("large     ", "sound-1   ", "sound-2   ", "sound-3   ", "poison    ")
		c.end(c.disk)
	})
}

// rewriteCrash changes the note of a crash while no process runs.
func (c *crasher) rewriteCrash(change func(*journalv1.Crash)) {
	c.t.Helper()
	jcfg := journal.DefaultConfig()
	jcfg.Dir, jcfg.Partitions, jcfg.FS, jcfg.Log = "data", 1, c.disk, slog.New(slog.DiscardHandler)
	j, err := journal.Open(jcfg)
	if err != nil {
		c.t.Fatal(err)
	}
	defer j.Close()
	data, err := j.Partition(0).ReadFile(crashFile)
	m := &journalv1.Crash{}
	if err != nil || proto.Unmarshal(data, m) != nil {
		c.t.Fatalf("the note of the crash: %v", err)
	}
	change(m)
	if data, err = proto.Marshal(m); err == nil {
		err = j.Partition(0).WriteFile(crashFile, data)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// A record of the control log that crashes the service does so before anything is decided,
// at every start.
func TestAControlRecordThatCrashesTheServiceIsNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrasher(t, func(*shard) {})
		c.start()
		c.runs(time.Second)
		s := c.batcher.shards[0]
		seal := &journalv1.Seal{Destination: &journalv1.Destination{Bucket: "b"}, Key: "never decided"}
		rec, err := proto.Marshal(&journalv1.Control{Incarnation: s.incarnation, Decisions: []*journalv1.Decision{{Kind: &journalv1.Decision_Seal{Seal: seal}}}})
		if err != nil {
			t.Fatal(err)
		}
		c.journal.Partition(0).Control().Append(rec)
		if c.runs(time.Hour) {
			t.Fatal("it has not crashed")
		}
		c.end(c.disk.AfterRestart())
		c.rewriteCrash(func(m *journalv1.Crash) {
			if !m.GetControlLog() || !m.GetWholeRecord() || m.GetTimes() != 1 || !strings.Contains(m.GetCause(), "own Seals are read back") {
				t.Errorf("the note says %v", m)
			}
			m.Times = crashesInARow
		})
		c.start()
		if err := c.journal.Partition(0).Err(); !isDamage(err) || !strings.Contains(err.Error(), "of the control log has ended the process") {
			t.Errorf("the partition: %v", err)
		}
		c.end(c.disk)
	})
}

// A replay may begin behind the SetAside and before its event.
func TestAStateSaysWhatWasSetAside(t *testing.T) {
	s, next := shardOfNothing(t), shardOfNothing(t)
	s.asides.add(position{4, 0})
	s.asides.add(position{5, 1})
	state := &journalv1.State{EventsOffset: 5}
	s.captureControl(state)
	if err := next.loadControl(state); err != nil {
		t.Fatal(err)
	}
	if next.asides.has(position{4, 0}) || !next.asides.has(position{5, 1}) {
		t.Errorf("what was set aside from 5 on: %v", next.asides.known)
	}
}

// Two crashes at different places are nobody's second.
func TestCrashesAtTwoPlacesSetNothingAside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCrasher(t, poisons["in a batch"])
		c.start()
		c.sendPoison("")
		c.send(3, &journalv1.Event{Id: "poison", Payload: []byte("another   ")})
		c.spoil = poisons["in the tables"]
		c.crash()
		c.spoil = func(*shard) {}
		c.crash()
		if !c.runs(time.Minute) {
			t.Fatal("it has crashed again")
		}
		c.expectOnce("large     ", "sound-1   ", "sound-2   ", "sound-3   ", "poison    ", "another   ")
		c.end(c.disk)
	})
}
