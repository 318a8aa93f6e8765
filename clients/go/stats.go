package destinations

// Stats is how things stand.
type Stats struct {
	BufferedEvents int    // without an answer
	BufferedBytes  int64  // of them, as they count in the buffer
	Accepted       uint64 // events, since the client was made
	Rejected       uint64 // events, the same, by the service
	Streams        int    // that are open
	Reconnects     uint64 // streams that ended other than by the client
	LastError      error  // why the last one did; nil when an answer has come since
}

// Stats says how things stand.
func (c *Client) Stats() Stats {
	o := &c.outbox
	o.mu.Lock()
	defer o.mu.Unlock()
	s := Stats{Accepted: o.accepted, Rejected: o.rejected, Reconnects: o.reconnects, LastError: o.lastError}
	s.BufferedEvents, s.BufferedBytes = o.unansweredLocked()
	for _, sender := range o.senders {
		if sender.open {
			s.Streams++
		}
	}
	return s
}
