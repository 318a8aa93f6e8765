package limits

import (
	"container/list"
	"log/slog"
	"net"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Why a connection is closed.
const (
	ReasonAddress = "address" // its address has too many
	ReasonAll     = "all"     // there are too many
	ReasonBytes   = "bytes"   // a stranger has sent too much
	ReasonCalls   = "calls"   // calls came over it at twice the rate at which they may, or more

	ReasonStrangersCalls    = "strangers_calls"    // a stranger has begun too many calls
	ReasonStrangersConnects = "strangers_connects" // strangers of its address have connected too often
)

// What a stranger's connection may send, in bytes: at once, and in a second. Who wants to be
// let in sends a handshake and a token, and may send ahead, since his first call is judged
// while he sends. Frames that no flow control bounds are what this is for.
const (
	strangerBurst     = 17 << 20
	strangerPerSecond = 64 << 10
)

// strangerJudged is for how long a connection that has sent more is not read before it is
// closed: as long as it may take to judge a call, for which keys may have to be asked for. Flow
// control lets an honest client with many streams send more meanwhile, a window for each.
const strangerJudged = 10 * time.Second

// strangerRead is how much is read at once of a stranger's connection: what has been read is
// still worked on when the connection is cut off.
const strangerRead = 2 << 10

// How many calls may begin over a stranger's connection: at once, and in a second. It is for
// the health, and for callers whose credentials have ended. Beyond these the strangers of an
// address have calls together: see [ConnectionsParams.strangers].
const (
	strangerCalls          = 20
	strangerCallsPerSecond = 1
)

// leastStrangers is what strangers of an address may at least do at once: connect, and begin
// calls. An honest client begins up to 1,000 before the first one is judged.
const leastStrangers = 1000

// cutCosts is as how many connections of strangers one counts that is cut off for what came
// over it.
const cutCosts = 100

// heldFor is for how long a connection is held, which is not served, before it is closed. So
// who connects again and again takes descriptors, of which he has so many, and little CPU.
const heldFor = time.Second

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

// strangers bounds how often strangers of an address connect, or begin calls: so often at once,
// and a tenth of it in a second.
func (p *ConnectionsParams) strangers() *rate.Limiter {
	most := max(leastStrangers, p.PerAddress)
	return rate.NewLimiter(rate.Limit(most)/10, most)
}

// Connections bounds the connections of a listener. Its methods may be called together.
type Connections struct {
	p ConnectionsParams

	mu struct {
		sync.Mutex
		all       int
		hosts     *table[*host]
		strangers *list.List // of *Connection, oldest first
		said      time.Time  // when the log said something last
		unsaid    map[string]int
	}
}

// host has the connections of an address, and what its strangers may.
type host struct {
	all       int
	strangers *list.List // of *Connection, oldest first
	connects  *rate.Limiter
	calls     *rate.Limiter
}

// NewConnections returns the bounds of a listener, which [Connections.Over] puts over it.
func NewConnections(p ConnectionsParams) *Connections {
	c := &Connections{p: p}
	c.mu.hosts = newTable(
		func() *host { return &host{strangers: list.New(), connects: p.strangers(), calls: p.strangers()} },
		func(h *host) bool { return h.all > 0 },
	)
	c.mu.strangers = list.New()
	c.mu.unsaid = map[string]int{}
	return c
}

// Over returns a listener of those connections of another one that there is room for. The
// others are closed, at once or after a while.
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

// admit takes a connection, or returns nil: it is closed, or will be.
func (c *Connections) admit(conn net.Conn) net.Conn {
	made := newConnection(c, conn)
	loser, reason := c.makeRoom(made)
	if reason != "" {
		loser.closeFor(reason)
	}
	if loser == made {
		return nil
	}
	if made.held {
		time.AfterFunc(heldFor, func() { made.closeFor(ReasonStrangersConnects) })
		return nil
	}
	return made
}

// makeRoom counts a connection in, and says which one has to go for that, if one has: a
// stranger's, or this one, which is not counted in then.
func (c *Connections) makeRoom(made *Connection) (loser *Connection, reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.mu.hosts.see(made.host)
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
	h.all++
	c.mu.all++
	made.counted, made.held = true, h.connects.Tokens() < 1
	made.inHost, made.inAll = h.strangers.PushBack(made), c.mu.strangers.PushBack(made)
	return loser, reason
}

// forgetLocked counts a connection out, once.
func (c *Connections) forgetLocked(of *Connection) {
	if !of.counted {
		return
	}
	of.counted = false
	if of.inHost != nil && !of.held {
		c.chargeLocked(of.host, 1)
	}
	c.proveLocked(of)
	h, _ := c.mu.hosts.know(of.host)
	c.mu.all--
	h.all--
}

// proveLocked takes a connection from among the strangers'.
func (c *Connections) proveLocked(of *Connection) {
	if of.inHost == nil {
		return
	}
	h, _ := c.mu.hosts.know(of.host)
	h.strangers.Remove(of.inHost)
	c.mu.strangers.Remove(of.inAll)
	of.inHost, of.inAll = nil, nil
}

// chargeLocked counts ends of connections of strangers of an address.
func (c *Connections) chargeLocked(of string, connections int) {
	h := c.mu.hosts.see(of)
	h.connects.AllowN(time.Now(), min(connections, int(h.connects.Tokens())))
}

// begin reports whether strangers of an address may begin one more call.
func (c *Connections) begin(of string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.mu.hosts.see(of).calls.Allow()
}

// note counts that a connection was closed, and says so if that was not said just now.
func (c *Connections) note(host, reason string) {
	if c.p.Closed != nil {
		c.p.Closed(c.p.Listener, reason)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch reason {
	case ReasonBytes, ReasonCalls, ReasonStrangersCalls:
		c.chargeLocked(host, cutCosts)
	}
	c.mu.unsaid[reason]++
	now := time.Now()
	if now.Sub(c.mu.said) < sayEvery {
		return
	}
	c.mu.said = now
	c.p.Log.Warn("connections were closed", "listener", c.p.Listener, "last_address", host, "last_reason", reason, "open", c.mu.all,
		"too_many_of_an_address", c.mu.unsaid[ReasonAddress], "too_many", c.mu.unsaid[ReasonAll],
		"strangers_sent_too_much", c.mu.unsaid[ReasonBytes], "calls_too_fast", c.mu.unsaid[ReasonCalls],
		"strangers_began_too_many_calls", c.mu.unsaid[ReasonStrangersCalls], "strangers_connected_too_often", c.mu.unsaid[ReasonStrangersConnects])
	clear(c.mu.unsaid)
}
