package limits

import "container/list"

// maxKeys is how many keys are remembered of which nothing is under way: whoever comes, the
// memory is bounded. Those beyond it are forgotten, the longest unseen first.
const maxKeys = 10_000

// table remembers something of each key.
type table[T any] struct {
	keys map[string]*list.Element // of *entry[T]
	seen *list.List               // of *entry[T], the longest unseen first
	make func() T                 // of a key that is not remembered
	busy func(T) bool             // such a key is not forgotten
}

type entry[T any] struct {
	key string
	of  T
}

func newTable[T any](make func() T, busy func(T) bool) *table[T] {
	return &table[T]{keys: map[string]*list.Element{}, seen: list.New(), make: make, busy: busy}
}

// see returns what is remembered of a key, from now on if nothing is.
func (t *table[T]) see(key string) T {
	if at := t.keys[key]; at != nil {
		t.seen.MoveToBack(at)
		return at.Value.(*entry[T]).of
	}
	t.forget()
	of := t.make()
	t.keys[key] = t.seen.PushBack(&entry[T]{key: key, of: of})
	return of
}

// know returns what is remembered of a key, which is not seen by that.
func (t *table[T]) know(key string) (of T, known bool) {
	if at := t.keys[key]; at != nil {
		return at.Value.(*entry[T]).of, true
	}
	return of, false
}

// forget makes room for another key. What is busy stays, and goes to the back, so that no
// look is longer than what was put there since the last one.
func (t *table[T]) forget() {
	for looked := t.seen.Len(); looked > 0 && t.seen.Len() >= maxKeys; looked-- {
		front := t.seen.Front()
		e := front.Value.(*entry[T])
		if t.busy(e.of) {
			t.seen.MoveToBack(front)
			continue
		}
		t.seen.Remove(front)
		delete(t.keys, e.key)
	}
}
