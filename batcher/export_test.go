package batcher

// Memory returns what batches and tables are charged for.
func (b *Batcher) Memory() (batches, tables int64) {
	for _, s := range b.shards {
		if s != nil {
			return s.memory.used.Load(), s.memory.tables.Load()
		}
	}
	return 0, 0
}
