package server

// DecodeToken reads a token that a server with that key and journal has given.
func DecodeToken(key []byte, journal [16]byte, token string) (Token, error) {
	return newTokens(key, journal).decode(token)
}

// Held is what all streams have in hand, in bytes, and how many requests of it are
// of streams that have ended.
func (s *Server) Held() (bytes int64, orphans int) {
	s.memory.reap()
	s.memory.orphans.Lock()
	defer s.memory.orphans.Unlock()
	return s.memory.used.Load(), len(s.memory.orphans.requests)
}
