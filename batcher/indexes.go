package batcher

import (
	"cmp"
	"math/bits"
	"slices"
)

// indexes is a set of places in a request: words of 64 places, ascending, those
// without any left out. A whole request takes a bit an event in it, and the worst
// choice of places a word each.
type indexes []indexWord

type indexWord struct {
	at   uint32 // of the places at*64 to at*64+63
	bits uint64 // the lowest is the first of them
}

// take adds place i, and reports whether it was new.
func (x *indexes) take(i uint32) bool {
	w := x.word(i / 64)
	bit := uint64(1) << (i % 64)
	if w.bits&bit != 0 {
		return false
	}
	w.bits |= bit
	return true
}

// word returns the word of 64 places, made if it was not there. The last one is
// nearly always asked for: events stand in their record as in their request.
func (x *indexes) word(at uint32) *indexWord {
	last := len(*x) - 1
	if last >= 0 && (*x)[last].at == at {
		return &(*x)[last]
	}
	if last < 0 || (*x)[last].at < at {
		*x = append(*x, indexWord{at: at})
		return &(*x)[last+1]
	}
	i, ok := slices.BinarySearchFunc(*x, at, func(w indexWord, at uint32) int { return cmp.Compare(w.at, at) })
	if !ok {
		*x = slices.Insert(*x, i, indexWord{at: at})
	}
	return &(*x)[i]
}

// takeRun adds the places from first to last.
func (x *indexes) takeRun(first, last uint32) {
	for at := first / 64; at <= last/64; at++ {
		mask := ^uint64(0)
		if at == first/64 {
			mask <<= first % 64
		}
		if at == last/64 {
			mask &= ^uint64(0) >> (63 - last%64)
		}
		x.word(at).bits |= mask
	}
}

// runs calls visit for each run of places without a gap, in order.
func (x indexes) runs(visit func(first, last uint32)) {
	var first, next uint64 // of the run that is being followed; none if they are the same
	for _, w := range x {
		for rest := w.bits; rest != 0; {
			begin := bits.TrailingZeros64(rest)
			length := bits.TrailingZeros64(^(rest >> begin))
			at := uint64(w.at)*64 + uint64(begin)
			if at != next || first == next {
				if first != next {
					visit(uint32(first), uint32(next-1))
				}
				first = at
			}
			next = at + uint64(length)
			if begin+length == 64 {
				break
			}
			rest = rest >> (begin + length) << (begin + length)
		}
	}
	if first != next {
		visit(uint32(first), uint32(next-1))
	}
}
