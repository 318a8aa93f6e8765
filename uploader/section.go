package uploader

import (
	"io"
	"sync"
)

// copyBuffer is how many bytes of an object are copied at once.
const copyBuffer = 32 << 10

// section reads part of an object. The SDK can rewind it, so it keeps no copy.
type section struct {
	*io.SectionReader
	buffers *sync.Pool // of *[]byte
}

// WriteTo is what io.Copy uses, here and in the SDK, for a checksum or a hash: else it
// would make a buffer of 32 KiB for each, which is more than a small object has.
func (s section) WriteTo(w io.Writer) (int64, error) {
	buffer, _ := s.buffers.Get().(*[]byte)
	if buffer == nil {
		fresh := make([]byte, copyBuffer)
		buffer = &fresh
	}
	defer s.buffers.Put(buffer)
	return io.CopyBuffer(w, s.SectionReader, *buffer)
}
