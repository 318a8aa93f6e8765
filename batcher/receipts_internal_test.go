package batcher

import (
	"math/rand/v2"
	"testing"
	"time"
)

// Whatever the times and their order, every event is counted once, not later than it
// was received and hardly earlier, in bounded memory.
func TestReceiptsCountEveryEvent(t *testing.T) {
	for _, over := range []time.Duration{0, time.Second, time.Minute, 100 * time.Hour} {
		r := &receipts{}
		random := rand.New(rand.NewPCG(1, uint64(over)))
		const events = 20_000
		base, charged := time.Now().UnixNano(), int64(0)
		var sum int64
		for i := range events {
			received := base + int64(over)*int64(i)/events + random.Int64N(int64(20*time.Millisecond))
			sum += received - base
			charged += r.add(received)
		}
		count, got := uint64(0), int64(0)
		for i, slot := range r.all {
			count += slot.Events
			got += (slot.At - base) * int64(slot.Events)
			if i > 0 && r.all[i-1].At >= slot.At {
				t.Fatalf("over %v: %v follows on %v", over, slot, r.all[i-1])
			}
		}
		if count != events {
			t.Errorf("over %v: counted %d events, want %d", over, count, events)
		}
		if late := time.Duration((sum - got) / events); late < 0 || late > max(over/250, receiptStep) {
			t.Errorf("over %v: events count as received %v too early on average", over, late)
		}
		if len(r.all) > maxReceipts || charged != r.bytes() {
			t.Errorf("over %v: %d slots, %d bytes charged of %d", over, len(r.all), charged, r.bytes())
		}
	}
}

// In the usual order an event costs no allocation.
func TestReceiptsOfOneRequestAllocateNothing(t *testing.T) {
	r := &receipts{}
	now := time.Now().UnixNano()
	r.add(now)
	if n := testing.AllocsPerRun(1000, func() { r.add(now) }); n != 0 {
		t.Errorf("got %v allocations, want none", n)
	}
}
