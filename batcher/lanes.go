package batcher

import (
	"slices"
	"sync"
)

// lanes is a fixed number of goroutines that ask S3 for things. What waits for them
// stands in a lane for each bucket; the lanes take turns, and each has so many of the
// goroutines at most: one bucket that does not answer leaves some to the others. submit
// never blocks.
type lanes struct {
	wg   sync.WaitGroup
	most func(bucket string) int // goroutines that a lane may have at a time
	mu   struct {
		sync.Mutex
		lanes  map[string]*lane // that have jobs
		turns  []*lane          // those of them in which some wait, the next one in front
		closed bool
	}
	more *sync.Cond // on mu
}

// lane is what is to be asked about one bucket.
type lane struct {
	bucket  string
	waiting []*job
	running int
}

// job is something that may be withdrawn until it is begun.
type job struct {
	lanes *lanes
	run   func() // nil once it was begun or withdrawn; guarded by lanes.mu
}

func newLanes(workers int, most func(bucket string) int) *lanes {
	l := &lanes{most: most}
	l.more = sync.NewCond(&l.mu)
	l.mu.lanes = map[string]*lane{}
	for range workers {
		l.wg.Go(l.work)
	}
	return l
}

// submit lets run be called: behind what waits, or if it is urgent before all of it.
func (l *lanes) submit(bucket string, urgent bool, run func()) *job {
	j := &job{lanes: l, run: run}
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.mu.lanes[bucket]
	if at == nil {
		at = &lane{bucket: bucket}
		l.mu.lanes[bucket] = at
	}
	if len(at.waiting) == 0 {
		l.mu.turns = append(l.mu.turns, at)
	}
	if urgent {
		at.waiting = slices.Insert(at.waiting, 0, j)
		l.mu.turns = slices.Insert(slices.DeleteFunc(l.mu.turns, func(o *lane) bool { return o == at }), 0, at)
	} else {
		at.waiting = append(at.waiting, j)
	}
	l.more.Signal()
	return j
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
		if l.mu.closed && len(l.mu.turns) == 0 {
			return nil, nil
		}
		l.more.Wait()
	}
}

func (l *lanes) takeLocked() (*lane, func()) {
	for i := 0; i < len(l.mu.turns); {
		at := l.mu.turns[i]
		if at.running >= l.most(at.bucket) {
			i++
			continue
		}
		j := at.waiting[0]
		at.waiting[0] = nil
		at.waiting = at.waiting[1:]
		l.mu.turns = slices.Delete(l.mu.turns, i, i+1)
		if len(at.waiting) > 0 {
			l.mu.turns = append(l.mu.turns, at)
		}
		if run := j.run; run != nil {
			j.run = nil
			at.running++
			return at, run
		}
		l.forgetLocked(at)
	}
	return nil, nil
}

func (l *lanes) done(at *lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at.running--
	l.forgetLocked(at)
	if l.mu.closed {
		l.more.Broadcast() // it may have been the last
	} else if len(l.mu.turns) > 0 {
		l.more.Signal() // more of a lane may go than before
	}
}

func (l *lanes) forgetLocked(at *lane) {
	if at.running == 0 && len(at.waiting) == 0 {
		delete(l.mu.lanes, at.bucket)
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
