package batcher

import "context"

// Memory returns what batches and tables are charged for.
func (b *Batcher) Memory() (batches, tables int64) {
	for _, s := range b.shards {
		if s != nil {
			return s.memory.used.Load(), s.memory.tables.Load()
		}
	}
	return 0, 0
}

// Position is where a shard stands in its events log.
type Position struct {
	Offset uint64
	Index  uint32
}

// Positions returns where the shards stand.
func (b *Batcher) Positions(ctx context.Context) ([]Position, error) {
	all := make([]Position, len(b.shards))
	err := b.ask(ctx, b.partitions(true, "", "", ""), func(i int) func(*shard, *operation) error {
		return func(s *shard, _ *operation) error {
			all[i] = Position{s.position().offset, s.position().index}
			return nil
		}
	})
	return all, err
}
