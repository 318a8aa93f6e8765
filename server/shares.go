package server

import (
	"sync"
	"sync/atomic"
)

// share is what the streams of one tenant have in hand of the memory together.
type share struct {
	used    atomic.Int64
	weight  atomic.Int64
	streams int // open; guarded by shares.mu
}

// shares divide the memory between the tenants that have streams, by their weights. While
// half of it is free everybody takes what he needs; from then on who has more than his
// share waits, whatever he sends, and the others find what is theirs. So a tenant has at
// least the smaller of half the memory and its share.
type shares struct {
	weigh   func(tenant string) int
	weights atomic.Int64 // of those that have streams

	mu struct {
		sync.Mutex
		all map[string]*share // as many as there are tenants
	}
}

func newShares(weigh func(tenant string) int) *shares {
	s := &shares{weigh: weigh}
	s.mu.all = make(map[string]*share)
	return s
}

// of returns the share of a tenant.
func (s *shares) of(tenant string) *share {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.mu.all[tenant]
	if found == nil {
		found = &share{}
		s.mu.all[tenant] = found
	}
	if found.streams == 0 {
		found.weight.Store(int64(max(1, s.weigh(tenant))))
	}
	return found
}

// enter counts a stream of a share in, until it leaves.
func (s *shares) enter(of *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of.streams++; of.streams == 1 {
		s.weights.Add(of.weight.Load())
	}
}

func (s *shares) leave(of *share) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if of.streams--; of.streams == 0 {
		s.weights.Add(-of.weight.Load())
	}
}

// exceeds reports whether a share has too much in hand for as much more, of a budget of
// which so much is used. Who has nothing gets in.
func (s *shares) exceeds(of *share, size, used, limit int64) bool {
	weight, weights := of.weight.Load(), s.weights.Load()
	if used <= limit/2 || weights <= weight {
		return false
	}
	have := of.used.Load()
	return have > 0 && have+size > int64(float64(limit)*float64(weight)/float64(weights))
}
