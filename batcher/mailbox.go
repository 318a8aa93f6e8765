package batcher

import "sync"

// mailbox hands messages to the one goroutine that owns it. put never blocks, so
// no goroutine ever waits for a shard; what can lie in it is bounded by what can
// be under way (chunks being compressed, uploads, flushes).
type mailbox[T any] struct {
	ready chan struct{} // one slot: something is to be looked at since the owner last looked
	mu    struct {
		sync.Mutex
		items []T
	}
}

func newMailbox[T any]() *mailbox[T] {
	return &mailbox[T]{ready: make(chan struct{}, 1)}
}

func (m *mailbox[T]) put(v T) {
	m.lay(v)
	m.poke()
}

// lay puts a message where the owner finds it when he looks for another reason.
func (m *mailbox[T]) lay(v T) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mu.items = append(m.mu.items, v)
}

// poke wakes the owner without a message.
func (m *mailbox[T]) poke() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

func (m *mailbox[T]) take() []T {
	m.mu.Lock()
	defer m.mu.Unlock()
	items := m.mu.items
	m.mu.items = nil
	return items
}
