package destinations

// spares keeps a few buffers of requests that were answered for the next ones. The
// outbox's lock guards it.
type spares struct{ buffers [][]byte }

// mostSpares is how many buffers are kept.
const mostSpares = 16

func (s *spares) get() []byte {
	last := len(s.buffers) - 1
	if last < 0 {
		return nil
	}
	b := s.buffers[last]
	s.buffers[last] = nil
	s.buffers = s.buffers[:last]
	return b
}

func (s *spares) put(b []byte) {
	if len(s.buffers) < mostSpares && cap(b) <= mostBatch {
		s.buffers = append(s.buffers, b[:0])
	}
}
