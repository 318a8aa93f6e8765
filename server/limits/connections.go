package limits

import (
	"container/list"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Why a connection is closed.
const (
	ReasonAddress = "address" // its address has too many
	ReasonAll     = "all"     // there are too many
	ReasonBytes   = "bytes"   // a stranger has sent too much
	ReasonCalls   = "calls"   // calls came over it at twice the rate at which they may, or more
)

// What a stranger's connection may send, in bytes: at once, and in a second. Who wants to be
// let in sends a handshake and a token, and may send ahead what flow control allows (16 MiB on a
// connection), since his first call is judged while he sends. Frames that no flow control
// bounds are what this is for.
const (
	strangerBurst     = 17 << 20
	strangerPerSecond = 64 << 10
)

// sayEvery is how often the log says that connections were closed.
const sayEvery = 10 * time.Second

// ConnectionsParams are what the connections of a listener are bounded by.
type ConnectionsParams struct {
	// Listener is how people call it: the name of its flag.
	Listener string
	// Most is how many connections there may be.
	Most int
	// PerAddress is how many of them may be of one address: see [Host].
	PerAddress int
	// Closed is told why a connection was closed, and must return at once; nil: nobody is.
	Closed func(listener, reason string)
	// Log takes, now and then, how many were.
	Log *slog.Logger
}

// Connections bounds the connections of a listener. Its methods may be called together.
type Connections struct {
	p ConnectionsParams

	mu struct {
		sync.Mutex
		all       int
		hosts     map[string]*host
		strangers *list.List // of *Connection, oldest first
		said      time.Time  // when the log said something last
		unsaid    map[string]int
	}
}

// host has the connections of an address.
type host struct {
	all       int
	strangers *list.List // of *Connection, oldest first
}

// NewConnections returns the bounds of a listener, which [Connections.Over] puts over it.
func NewConnections(p ConnectionsParams) *Connections {
	c := &Connections{p: p}
	c.mu.hosts = map[string]*host{}
	c.mu.strangers = list.New()
	c.mu.unsaid = map[string]int{}
	return c
}

// Over returns a listener of those connections of another one that there is room for. The
// others are closed at once.
func (c *Connections) Over(l net.Listener) net.Listener { return &listener{Listener: l, of: c} }

type listener struct {
	net.Listener
	of *Connections
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if admitted := l.of.admit(conn); admitted != nil {
			return admitted, nil
		}
	}
}

// admit takes a connection, or closes it and returns nil.
func (c *Connections) admit(conn net.Conn) net.Conn {
	made := newConnection(c, conn)
	loser, reason := c.makeRoom(made)
	if reason != "" {
		loser.closeFor(reason)
	}
	if loser == made {
		return nil
	}
	return made
}

// makeRoom counts a connection in, and says which one has to go for that, if one has: a
// stranger's, or this one, which is not counted in then.
func (c *Connections) makeRoom(made *Connection) (loser *Connection, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.mu.hosts[made.host]
	if h == nil {
		h = &host{strangers: list.New()}
	}
	var among *list.List
	switch {
	case h.all >= c.p.PerAddress:
		reason, among = ReasonAddress, h.strangers
	case c.mu.all >= c.p.Most:
		reason, among = ReasonAll, c.mu.strangers
	}
	if among != nil {
		oldest := among.Front()
		if oldest == nil {
			return made, reason
		}
		loser = oldest.Value.(*Connection)
		c.forgetLocked(loser)
	}
	c.mu.hosts[made.host] = h
	h.all++
	c.mu.all++
	made.counted = true
	made.inHost, made.inAll = h.strangers.PushBack(made), c.mu.strangers.PushBack(made)
	return loser, reason
}

// forgetLocked counts a connection out, once.
func (c *Connections) forgetLocked(of *Connection) {
	if !of.counted {
		return
	}
	of.counted = false
	c.proveLocked(of)
	h := c.mu.hosts[of.host]
	c.mu.all--
	if h.all--; h.all == 0 {
		delete(c.mu.hosts, of.host)
	}
}

// proveLocked takes a connection from among the strangers'.
func (c *Connections) proveLocked(of *Connection) {
	if of.inHost == nil {
		return
	}
	c.mu.hosts[of.host].strangers.Remove(of.inHost)
	c.mu.strangers.Remove(of.inAll)
	of.inHost, of.inAll = nil, nil
}

// note counts that a connection was closed, and says so if that was not said just now.
func (c *Connections) note(host, reason string) {
	if c.p.Closed != nil {
		c.p.Closed(c.p.Listener, reason)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.unsaid[reason]++
	now := time.Now()
	if now.Sub(c.mu.said) < sayEvery {
		return
	}
	c.mu.said = now
	c.p.Log.Warn("connections were closed", "listener", c.p.Listener, "last_address", host, "open", c.mu.all,
		"too_many_of_an_address", c.mu.unsaid[ReasonAddress], "too_many", c.mu.unsaid[ReasonAll],
		"strangers_sent_too_much", c.mu.unsaid[ReasonBytes], "calls_too_fast", c.mu.unsaid[ReasonCalls])
	clear(c.mu.unsaid)
}
