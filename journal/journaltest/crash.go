package journaltest

import (
	"iter"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"syscall"
)

// The pieces in which writes get to the disk when the power fails: whole pages in any
// order, within one whole sectors, and within one whole words.
const (
	pageSize   = 4096
	sectorSize = 512
	wordSize   = 8
)

// StopAt stops the machine in the middle of operation i: it and all later ones
// return [ErrStopped], and whether it still got to the disk is for
// [FS.AfterCrash] to draw. Call it before the operations.
func (f *FS) StopAt(i int) { f.mu.Lock(); defer f.mu.Unlock(); f.stopAt = i }

// StopWhen is StopAt for the first operation that stop returns true of. stop is called
// with the file system locked and must not use it.
func (f *FS) StopWhen(stop func(Op) bool) { f.mu.Lock(); defer f.mu.Unlock(); f.stopWhen = stop }

// Stopped says that the machine has stopped.
func (f *FS) Stopped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.stopAt >= 0 && f.ops > f.stopAt
}

// Ops returns how many operations there were.
func (f *FS) Ops() int { f.mu.Lock(); defer f.mu.Unlock(); return f.ops }

// Count returns how many operations of a kind there were.
func (f *FS) Count(k Kind) int { f.mu.Lock(); defer f.mu.Unlock(); return f.counts[k] }

// Fail makes each operation fail for which inject returns an error, without
// effect. inject is called with the file system locked and must not use it; nil
// ends it.
func (f *FS) Fail(inject func(Op) error) { f.mu.Lock(); defer f.mu.Unlock(); f.inject = inject }

// FailAt makes operation i fail with EIO, if it is of one of the kinds or none
// are given.
func (f *FS) FailAt(i int, kinds ...Kind) {
	f.Fail(func(op Op) error {
		if op.Index != i {
			return nil
		}
		for _, k := range kinds {
			if op.Kind == k {
				return syscall.EIO
			}
		}
		if len(kinds) == 0 {
			return syscall.EIO
		}
		return nil
	})
}

// DropDirty makes a failed sync behave as it does on a real system: what it
// should have written never gets to the disk, but is still read back by who has
// not restarted the machine.
func (f *FS) DropDirty() { f.mu.Lock(); defer f.mu.Unlock(); f.dropsDirty = true }

// SetCapacity bounds the sizes of all files together, in bytes; -1 is no bound.
// What needs more fails with ENOSPC.
func (f *FS) SetCapacity(n int64) { f.mu.Lock(); defer f.mu.Unlock(); f.capacity = n }

// Used returns the sizes of all files together, in bytes.
func (f *FS) Used() int64 { f.mu.Lock(); defer f.mu.Unlock(); return f.used }

// AfterRestart returns the file system as the next process finds it after the
// last one was killed: all that was written, and no locks. The disk does not
// know yet what it did not know before.
func (f *FS) AfterRestart() *FS {
	f.mu.Lock() // to the end: a moment is one moment for all files
	defer f.mu.Unlock()
	c, copies := f.copyLocked(func(n *inode) *inode {
		return &inode{name: n.name, live: clone(n.live), durable: clone(n.durable), pending: slices.Clip(n.pending)}
	})
	c.capacity = f.capacity
	for name, n := range f.live {
		c.live[name] = copies(n)
		c.used += int64(len(n.live))
	}
	for name, n := range f.durable {
		c.durable[name] = copies(n)
	}
	for _, ch := range f.changes {
		if ch.node != nil {
			ch.node = copies(ch.node)
		}
		c.changes = append(c.changes, ch)
	}
	return c
}

// AfterCrash returns the file system as the power failing leaves it: what was
// synced, and of the rest what the seed draws, with a probability that it draws
// too. Any of the changes of a folder may survive, and any of the writes to a file,
// also without one that came before it: whole; in some of its pages, sectors or
// words; up to some byte, or from one on. Where a write is lost, there is what was
// there before, or zeros in place of the bytes that it should have changed. Seed 0
// keeps nothing but what was synced, seed 1 all.
func (f *FS) AfterCrash(seed uint64) *FS {
	f.mu.Lock() // to the end: a moment is one moment for all files
	defer f.mu.Unlock()
	draw := newLot(seed)
	c, copies := f.copyLocked(func(n *inode) *inode {
		b := clone(n.durable)
		for _, w := range n.pending {
			b = draw.write(b, w)
		}
		return &inode{live: b, durable: clone(b)}
	})
	c.capacity = f.capacity
	names := maps.Clone(f.durable)
	c.dirs = maps.Clone(f.lasting)
	for _, ch := range f.changes {
		if draw.keep() {
			ch.apply(names, c.dirs)
		}
	}
	maps.DeleteFunc(c.dirs, func(dir string, _ bool) bool { return !reachable(dir, c.dirs) })
	c.lasting = maps.Clone(c.dirs)
	maps.DeleteFunc(names, func(name string, _ *inode) bool { return !c.dirs[filepath.Dir(name)] })
	for name, n := range sorted(names) {
		c.live[name] = copies(n)
		c.live[name].name = name
		c.durable[name] = c.live[name]
		c.used += int64(len(c.live[name].live))
	}
	return c
}

// reachable says that a folder is there, and every one that it lies in.
func reachable(dir string, dirs map[string]bool) bool {
	for ; dirs[dir]; dir = filepath.Dir(dir) {
		if dir == filepath.Dir(dir) {
			return true
		}
	}
	return false
}

// copyLocked returns a file system with the folders of f, and a function that
// copies each inode once.
func (f *FS) copyLocked(inodeCopy func(*inode) *inode) (*FS, func(*inode) *inode) {
	c := NewFS()
	c.dirs, c.lasting = maps.Clone(f.dirs), maps.Clone(f.lasting)
	done := map[*inode]*inode{}
	return c, func(n *inode) *inode {
		if done[n] == nil {
			done[n] = inodeCopy(n)
		}
		return done[n]
	}
}

// ReadFile returns the bytes of a file, as a running process sees them; nil if
// it is absent.
func (f *FS) ReadFile(name string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.live[name]; n != nil {
		return clone(n.live)
	}
	return nil
}

// WriteFile puts bytes into a file, on stable storage at once. It is for
// damaging what is there.
func (f *FS) WriteFile(name string, b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.live[name]; n != nil {
		f.used -= int64(len(n.live))
	}
	f.used += int64(len(b))
	n := &inode{name: name, live: clone(b), durable: clone(b)}
	f.live[name], f.durable[name] = n, n
}

func clone(b []byte) []byte { return append([]byte(nil), b...) }

// sorted ranges over names in order, so that a seed always draws the same.
func sorted(names map[string]*inode) iter.Seq2[string, *inode] {
	return func(yield func(string, *inode) bool) {
		for _, name := range slices.Sorted(maps.Keys(names)) {
			if !yield(name, names[name]) {
				return
			}
		}
	}
}

// lot draws what survives.
type lot struct {
	seed    uint64
	rand    *rand.Rand
	percent int // of what is drawn for survives
}

func newLot(seed uint64) *lot {
	l := &lot{seed: seed, rand: rand.New(rand.NewPCG(seed, 0x1f3d5b79))}
	l.percent = []int{5, 30, 50, 70, 95}[l.rand.IntN(5)]
	return l
}

func (l *lot) keep() bool {
	switch l.seed {
	case 0:
		return false
	case 1:
		return true
	}
	return l.rand.IntN(100) < l.percent
}

// write applies to b what survives of w.
func (l *lot) write(b []byte, w write) []byte {
	if l.seed < 2 || w.data == nil || l.rand.IntN(2) == 0 {
		if l.keep() {
			return w.apply(b)
		}
		return b
	}
	return l.pieces(b, w, l.cuts(w))
}

// cuts draws into which pieces a write falls: where each ends.
func (l *lot) cuts(w write) (ends []int) {
	switch l.rand.IntN(4) {
	case 0:
		return aligned(w, pageSize)
	case 1:
		return aligned(w, sectorSize)
	case 2:
		return aligned(w, wordSize)
	}
	return []int{l.rand.IntN(len(w.data) + 1), len(w.data)}
}

// aligned cuts a write where pieces of a size end in the file.
func aligned(w write, size int64) (ends []int) {
	for at := (w.off/size + 1) * size; at < w.off+int64(len(w.data)); at += size {
		ends = append(ends, int(at-w.off))
	}
	return append(ends, len(w.data))
}

// pieces applies some of the pieces of w, which end at the places given.
func (l *lot) pieces(b []byte, w write, ends []int) []byte {
	zeros := l.rand.IntN(4) == 0
	from := 0
	for _, end := range ends {
		piece := write{off: w.off + int64(from), data: w.data[from:end:end]}
		switch {
		case l.keep():
			b = piece.apply(b)
		case zeros:
			b = piece.applyZeros(b)
		}
		from = end
	}
	return b
}

// applyZeros puts zeros where the write should have changed something. What it would
// have left as it was is not harmed.
func (w write) applyZeros(b []byte) []byte {
	for i, new := range w.data {
		if at := w.off + int64(i); at < int64(len(b)) && b[at] != new {
			b[at] = 0
		}
	}
	return b
}
