package batcher

import (
	"cmp"
	"slices"
)

// evictLargest makes room when memory is short and neither closing nor delivering will:
// what is in memory are closed batches that are being read again, and the rest of them
// has still to be read. The largest are dropped, for a pass to read once more. It
// reports whether memory is short all the same.
//
// One batch is left to each shard, and read on to its end whatever it takes.
func (s *shard) evictLargest() (short bool) {
	if !s.memory.wantsEviction() {
		return true
	}
	filling := s.filling()
	for len(filling) > 1 && s.memory.wantsEviction() {
		s.evict(filling[0])
		filling = filling[1:]
	}
	return len(filling) != 1
}

// filling are the batches that are being read again, the largest first.
func (s *shard) filling() (found []*batch) {
	for _, d := range s.dests {
		if b := d.incomplete(); b != nil && b.share == shareFilling {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b *batch) int { return cmp.Compare(b.charged, a.charged) })
	return found
}

// evict drops what has been read of b, and lets the next pass read its destination's
// events.
func (s *shard) evict(b *batch) {
	d := b.dest
	s.leavePass(d)
	s.unload(b)
	s.log.Info("memory is short; a batch is read again later", "bucket", d.bucket, "key", b.seal.GetKey(), "events", b.seal.GetEvents())
	if d.mode == modeBlocked {
		s.awaitPass(d)
	} else {
		s.fallBehind(d)
	}
}
