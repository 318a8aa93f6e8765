package journal_test

import (
	"fmt"
	"testing"

	"github.com/open-destinations/destinations/journal"
)

// BenchmarkAppend has callers that each wait for their record to be durable, on
// a real folder: what they share is the sync.
func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("%d callers", callers), func(b *testing.B) {
			cfg := journal.DefaultConfig()
			cfg.Dir, cfg.Partitions, cfg.QuotaBytes = b.TempDir(), 1, 0
			j := open(b, cfg)
			l := j.Partition(0).Events()
			rec := make([]byte, 4<<10)
			b.SetBytes(int64(len(rec)))
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := l.Append(rec).Wait(b.Context()); err != nil {
						b.Error(err)
						return
					}
				}
			})
			b.StopTimer()
			j.Close()
		})
	}
}
