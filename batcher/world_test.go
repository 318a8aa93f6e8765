package batcher_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/open-destinations/destinations/batcher"
	journalv1 "github.com/open-destinations/destinations/gen/destinations/journal/v1"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/journal/journaltest"
)

// world is a service without its edge: a journal on a disk that can lose power, a
// batcher, an S3, and a ledger of what was sent and acknowledged.
type world struct {
	t       *testing.T
	rand    *rand.Rand
	cfg     batcher.Config
	jcfg    journal.Config
	disk    *journaltest.FS
	slow    *slowDisk // what the journal sees of it; nil = the disk itself
	store   *store
	journal *journal.Journal
	batcher *batcher.Batcher
	process *process
	gate    batcher.Gate    // nil = none
	checker batcher.Checker // nil = none

	log      slog.Handler                // of the batcher; nil = none
	observer batcher.Observer            // nil = none
	regionOf func(bucket string) string  // nil = all have one endpoint
	traced   bool                        // what put appends is sampled
	tenantOf func(string) batcher.Tenant // nil = all are alike
	tenants  map[string]string           // whose the events of a bucket, or of bucket/prefix, are; missing: "default"

	sent  map[dest][]string // every line, in order
	acked map[string]bool
	next  int
}

type dest struct{ bucket, prefix string }

func newWorld(t *testing.T, seed uint64, change func(*world)) *world {
	w := &world{
		t: t, rand: rand.New(rand.NewPCG(seed, 2)), cfg: batcher.DefaultConfig(), jcfg: journal.DefaultConfig(),
		disk: journaltest.NewFS(), store: newStore(t, seed), sent: map[dest][]string{}, acked: map[string]bool{},
	}
	w.jcfg.Dir, w.jcfg.Partitions = "data", 2
	w.jcfg.SegmentBytes, w.jcfg.ControlSegmentBytes = 64<<10, 64<<10
	if change != nil {
		change(w)
	}
	w.start()
	return w
}

func (w *world) openJournal() {
	w.t.Helper()
	w.jcfg.FS, w.jcfg.Log = w.disk, slog.New(slog.DiscardHandler)
	if w.slow != nil {
		w.slow.FS = w.disk
		w.jcfg.FS = w.slow
	}
	var err error
	if w.journal, err = journal.Open(w.jcfg); err != nil {
		w.t.Fatalf("open the journal: %v", err)
	}
}

func (w *world) start() {
	w.t.Helper()
	w.openJournal()
	w.startBatcher()
}

func (w *world) startBatcher() {
	w.t.Helper()
	var err error
	w.process = &process{store: w.store, dead: make(chan struct{})}
	log := w.log
	if log == nil {
		log = slog.DiscardHandler
	}
	w.batcher, err = batcher.Start(batcher.Params{
		Config: w.cfg, Journal: w.journal, Uploader: w.process, Checker: w.checker, Log: slog.New(log), Observer: w.observer,
		PartitionOf: func(tenant, bucket, prefix string) int {
			return partitionOf(tenant, bucket, prefix, w.jcfg.Partitions)
		},
		DigestOf: digestOf, Gate: w.gate,
		RegionOf: w.regionOf, TenantOf: w.tenantOf,
	})
	if err != nil {
		w.t.Fatalf("start the batcher: %v", err)
	}
}

// stop is an orderly end.
func (w *world) stop() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := w.batcher.Close(ctx); err != nil {
		w.t.Errorf("close the batcher: %v", err)
	}
	if err := w.journal.Close(); err != nil {
		w.t.Errorf("close the journal: %v", err)
	}
}

// crash is kill -9 or a power failure: what the dead process does afterwards reaches
// neither the disk nor S3.
func (w *world) crash() {
	close(w.process.dead)
	after := w.disk.AfterRestart()
	if w.rand.IntN(2) == 0 {
		after = w.disk.AfterCrash(w.rand.Uint64())
	}
	w.resume(after)
}

// resume ends the dead process and starts another one on what is on the disk.
func (w *world) resume(after *journaltest.FS) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.batcher.Close(ctx)
	w.journal.Close()
	w.disk = after
	w.start()
}

// send appends one record with an event for each of the destinations that are in one
// partition, and notes the acknowledgement when it comes.
func (w *world) send(payload func(n int) string, dests ...dest) []*journal.Append {
	records := map[int]*journalv1.Events{}
	lines := map[int][]string{}
	for i, d := range dests {
		p := partitionOf(w.tenant(d), d.bucket, d.prefix, w.jcfg.Partitions)
		rec := records[p]
		if rec == nil {
			rec = &journalv1.Events{ReceivedUnixNanos: time.Now().UnixNano()}
			records[p] = rec
		}
		line := payload(w.next)
		w.next++
		w.sent[d] = append(w.sent[d], line)
		lines[p] = append(lines[p], line)
		rec.Destinations = append(rec.Destinations, &journalv1.Destination{Tenant: w.tenant(d), Bucket: d.bucket, Prefix: d.prefix})
		rec.Events = append(rec.Events, &journalv1.Event{Destination: uint32(len(rec.Destinations) - 1), Index: uint32(i), Payload: []byte(line)})
	}
	var appends []*journal.Append
	for p, rec := range records {
		b, err := proto.Marshal(rec)
		if err != nil {
			w.t.Fatal(err)
		}
		a := w.journal.Partition(p).Events().Append(b)
		appends = append(appends, a)
		synctest.Wait() // every goroutine is waiting: if the disk takes no time, the answer is there
		select {
		case <-a.Done():
			if a.Err() == nil {
				for _, l := range lines[p] {
					w.acked[l] = true
				}
			}
		default:
		}
	}
	return appends
}

func short(n int) string { return fmt.Sprintf(`{"n":%d}`, n) }

// tenant is whose the events of a destination are.
func (w *world) tenant(d dest) string {
	return cmp.Or(w.tenants[d.bucket+"/"+d.prefix], w.tenants[d.bucket], "default")
}

// check holds what is in S3 against what was sent: what was acknowledged is there
// once, the rest once or not at all, in the order in which it was sent.
func (w *world) check() {
	w.t.Helper()
	lost := 0
	for d, sent := range w.sent {
		var got []string
		for _, o := range w.store.objectsOf(d.bucket, d.prefix) {
			got = append(got, o.lines...)
		}
		place := map[string]int{}
		for i, line := range sent {
			place[line] = i
		}
		seen := map[string]bool{}
		last := -1
		for _, line := range got {
			at, ok := place[line]
			switch {
			case !ok:
				w.t.Errorf("%v: %.20q was never sent there", d, line)
			case seen[line]:
				w.t.Errorf("%v: DUPLICATED %.20q", d, line)
			case at < last:
				w.t.Errorf("%v: %.20q came behind a later one", d, line)
			}
			seen[line] = true
			last = max(last, at)
		}
		for _, line := range sent {
			if w.acked[line] && !seen[line] {
				lost++
				if lost < 5 {
					w.t.Errorf("%v: LOST %.20q", d, line)
				}
			}
		}
	}
	if lost > 0 {
		w.t.Errorf("%d acknowledged events lost", lost)
	}
}

// settle lets nothing fail any more and waits until everything must have been
// delivered.
func (w *world) settle() {
	w.store.set(func() {
		w.store.mu.lost, w.store.mu.slow, w.store.mu.down = 0, 0, nil
		clear(w.store.mu.refuse)
		clear(w.store.mu.credentials)
		clear(w.store.mu.hang)
	})
	w.disk.SetCapacity(-1)
	pass(5*w.cfg.RetryMax + 5*w.cfg.Window + 2*w.cfg.ProbeMax)
	synctest.Wait()
}

func someDests(n int) (dests []dest) {
	for i := range n {
		dests = append(dests, dest{fmt.Sprintf("bucket-%d", i%3), strings.Repeat(fmt.Sprintf("p%d/", i), i%4)})
	}
	slices.SortFunc(dests, func(a, b dest) int { return strings.Compare(a.bucket+a.prefix, b.bucket+b.prefix) })
	return slices.Compact(dests)
}

// pass lets time go by: the bubble's, which costs none.
func pass(d time.Duration) { <-time.After(d) }

// release gives partition 0 another start.
func (w *world) release(events, control uint64) error {
	return w.journal.Partition(0).Release(journal.Start{Events: events, Control: control})
}
