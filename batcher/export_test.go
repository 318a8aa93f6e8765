package batcher

import "context"

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
