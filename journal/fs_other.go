//go:build unix && !linux

package journal

func (f osFile) Sync() error { return f.f.Sync() }

func (f osFile) Allocate(size int64) error { return f.writeZeros(size) }
