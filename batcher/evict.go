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
// One batch is left to each shard. If memory is short even so, it goes into a file while it
// is read.
func (s *shard) evictLargest() (short bool) {
	if !s.memory.wantsEviction() {
		return true
	}
	filling := s.filling()
	for len(filling) > 1 && s.memory.wantsEviction() {
		s.evict(filling[0])
		filling = filling[1:]
	}
	if len(filling) == 1 && (filling[0].stream != nil || s.memory.wantsEviction()) {
		return !s.stream(filling[0])
	}
	return len(filling) != 1
}

// filling are the batches that are being read again, the largest first, and one that goes
// into a file behind the others.
func (s *shard) filling() (found []*batch) {
	for _, d := range s.dests {
		if b := d.incomplete(); b != nil && b.share == shareFilling {
			found = append(found, b)
		}
	}
	slices.SortFunc(found, func(a, b *batch) int {
		if byStream := compareBool(a.stream != nil, b.stream != nil); byStream != 0 {
			return byStream
		}
		return cmp.Compare(b.charged, a.charged)
	})
	return found
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// evict drops what has been read of b, and lets the next pass read its destination's
// events.
func (s *shard) evict(b *batch) {
	d := b.dest
	s.leavePass(d)
	s.rewind(b)
	s.log.Info("memory is short; a batch is read again later", "bucket", d.bucket, "key", b.seal.GetKey(), "events", b.seal.GetEvents())
	if d.mode == modeBlocked {
		s.awaitPass(d)
	} else {
		s.fallBehind(d)
	}
}

// rewind drops the bytes of b, which are read again, and what has been read of the batch
// behind it: the events of that one come once more then.
func (s *shard) rewind(b *batch) {
	s.unload(b)
	all := slices.Concat(b.dest.queue, b.dest.closing)
	for _, behind := range all[slices.Index(all, b)+1:] {
		if behind.incomplete {
			s.unload(behind)
		}
	}
}
