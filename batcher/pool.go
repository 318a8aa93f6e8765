package batcher

import "sync"

// pool is a fixed number of goroutines that work off one queue in order. Each owns
// a W for its whole life, such as a deflate writer. submit never blocks: whoever
// submits bounds what it has under way.
type pool[W any] struct {
	wg sync.WaitGroup
	mu struct {
		sync.Mutex
		jobs   []func(W)
		closed bool
	}
	more *sync.Cond // on mu
}

func newPool[W any](workers []W) *pool[W] {
	p := &pool[W]{}
	p.more = sync.NewCond(&p.mu)
	for _, w := range workers {
		p.wg.Go(func() { p.work(w) })
	}
	return p
}

func (p *pool[W]) submit(job func(W)) {
	p.mu.Lock()
	p.mu.jobs = append(p.mu.jobs, job)
	p.mu.Unlock()
	p.more.Signal()
}

func (p *pool[W]) work(w W) {
	for {
		job, ok := p.next()
		if !ok {
			return
		}
		job(w)
	}
}

func (p *pool[W]) next() (func(W), bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.mu.jobs) == 0 {
		if p.mu.closed {
			return nil, false
		}
		p.more.Wait()
	}
	job := p.mu.jobs[0]
	p.mu.jobs[0] = nil
	p.mu.jobs = p.mu.jobs[1:]
	return job, true
}

// close lets what was submitted run and waits for it.
func (p *pool[W]) close() {
	p.mu.Lock()
	p.mu.closed = true
	p.mu.Unlock()
	p.more.Broadcast()
	p.wg.Wait()
}
