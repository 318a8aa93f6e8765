package batcher

import (
	"slices"
	"sync"
)

// lanes is a fixed number of goroutines that ask S3 for things. What waits for them
// stands in a lane for each bucket of a tenant. Tenants take turns, weighted, and so do the lanes
// of a tenant; and each bucket has so many of the goroutines at most: one that does not
// answer leaves some to the others. submit never blocks.
type lanes struct {
	wg     sync.WaitGroup
	most   func(bucket string) int // goroutines that a bucket may have at a time
	weight func(tenant string) int
	mu     struct {
		sync.Mutex
		tenants map[string]*tenantLanes // that have jobs
		running map[string]int          // jobs, by bucket
		clock   float64                 // the turn of the tenant that had one last
		waiting int                     // lanes in which jobs wait
		closed  bool
	}
	more *sync.Cond // on mu
}

// tenantLanes is what is to be asked for a tenant.
type tenantLanes struct {
	tenant  string
	lanes   map[string]*lane // by bucket: those that have jobs
	turns   []*lane          // those of them in which some wait, the next one in front
	running int
	// turn is when it is the tenant's turn, against those of the others: a job puts it
	// off by 1 through the weight. Who has had no jobs begins with the others' and saves nothing.
	turn float64
}

// lane is what is to be asked about one bucket.
type lane struct {
	of      *tenantLanes
	bucket  string
	waiting []*job
	running int
}

// job is something that may be withdrawn until it is begun.
type job struct {
	lanes *lanes
	run   func() // nil once it was begun or withdrawn; guarded by lanes.mu
}

// laneOf names a lane.
type laneOf struct{ tenant, bucket string }

func newLanes(workers int, most func(bucket string) int, weight func(tenant string) int) *lanes {
	l := &lanes{most: most, weight: weight}
	l.more = sync.NewCond(&l.mu)
	l.mu.tenants, l.mu.running = map[string]*tenantLanes{}, map[string]int{}
	for range workers {
		l.wg.Go(l.work)
	}
	return l
}

// submit lets run be called: behind what waits, or if it is urgent before all of the
// tenant's.
func (l *lanes) submit(to laneOf, urgent bool, run func()) *job {
	j := &job{lanes: l, run: run}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.laneLocked(to)
	of := at.of
	if len(at.waiting) == 0 {
		of.turns = append(of.turns, at)
		l.mu.waiting++
	}
	if urgent {
		at.waiting = slices.Insert(at.waiting, 0, j)
		of.turns = slices.Insert(slices.DeleteFunc(of.turns, func(o *lane) bool { return o == at }), 0, at)
	} else {
		at.waiting = append(at.waiting, j)
	}
	l.more.Signal()
	return j
}

func (l *lanes) laneLocked(to laneOf) *lane {
	of := l.mu.tenants[to.tenant]
	if of == nil {
		of = &tenantLanes{tenant: to.tenant, lanes: map[string]*lane{}, turn: l.mu.clock}
		l.mu.tenants[to.tenant] = of
	}
	at := of.lanes[to.bucket]
	if at == nil {
		at = &lane{of: of, bucket: to.bucket}
		of.lanes[to.bucket] = at
	}
	return at
}

// withdraw takes a job back. It reports whether it had not begun.
func (j *job) withdraw() bool {
	j.lanes.mu.Lock()
	defer j.lanes.mu.Unlock()
	waited := j.run != nil
	j.run = nil // its place stays until its turn comes
	return waited
}

func (l *lanes) work() {
	for {
		at, run := l.next()
		if at == nil {
			return
		}
		run()
		l.done(at)
	}
}

// next waits for a job whose turn it is; nil = the end.
func (l *lanes) next() (*lane, func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		if at, run := l.takeLocked(); at != nil {
			return at, run
		}
		if l.mu.closed && l.mu.waiting == 0 {
			return nil, nil
		}
		l.more.Wait()
	}
}

// takeLocked takes the job of the tenant that has the fewest running for its weight, and
// among those that have as few the one whose turn it is.
func (l *lanes) takeLocked() (*lane, func()) {
	for {
		at := l.nextLaneLocked()
		if at == nil {
			return nil, nil
		}
		if run := l.takeFromLocked(at); run != nil {
			return at, run
		}
	}
}

func (l *lanes) nextLaneLocked() (best *lane) {
	for _, of := range l.mu.tenants {
		if best != nil && !l.before(of, best.of) {
			continue
		}
		free := func(at *lane) bool { return l.mu.running[at.bucket] < l.most(at.bucket) }
		if i := slices.IndexFunc(of.turns, free); i >= 0 {
			best = of.turns[i]
		}
	}
	return best
}

// before reports whether it is a's turn rather than b's.
func (l *lanes) before(a, b *tenantLanes) bool {
	atA, atB := a.running*l.weight(b.tenant), b.running*l.weight(a.tenant)
	if atA != atB {
		return atA < atB
	}
	if a.turn != b.turn {
		return a.turn < b.turn
	}
	return a.tenant < b.tenant
}

// takeFromLocked takes the first job of a lane; nil if that was withdrawn.
func (l *lanes) takeFromLocked(at *lane) func() {
	of, j := at.of, at.waiting[0]
	at.waiting[0] = nil
	at.waiting = at.waiting[1:]
	i := slices.Index(of.turns, at)
	of.turns = slices.Delete(of.turns, i, i+1)
	if len(at.waiting) > 0 {
		of.turns = append(of.turns, at)
	} else {
		l.mu.waiting--
	}
	run := j.run
	if run == nil {
		l.forgetLocked(at)
		return nil
	}
	j.run = nil
	at.running++
	of.running++
	l.mu.running[at.bucket]++
	l.mu.clock = max(l.mu.clock, of.turn)
	of.turn = l.mu.clock + 1/float64(l.weight(of.tenant))
	return run
}

func (l *lanes) done(at *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at.running--
	at.of.running--
	if l.mu.running[at.bucket]--; l.mu.running[at.bucket] == 0 {
		delete(l.mu.running, at.bucket)
	}
	l.forgetLocked(at)
	if l.mu.closed {
		l.more.Broadcast() // it may have been the last
	} else if l.mu.waiting > 0 {
		l.more.Signal() // more of a bucket may go than before
	}
}

func (l *lanes) forgetLocked(at *lane) {
	if at.running > 0 || len(at.waiting) > 0 {
		return
	}
	delete(at.of.lanes, at.bucket)
	if len(at.of.lanes) == 0 {
		delete(l.mu.tenants, at.of.tenant)
	}
}

// close lets what was submitted run and waits for it.
func (l *lanes) close() {
	l.mu.Lock()
	l.mu.closed = true
	l.mu.Unlock()
	l.more.Broadcast()
	l.wg.Wait()
}
