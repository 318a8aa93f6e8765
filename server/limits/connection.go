package limits

import (
	"container/list"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Connection is a connection that is counted until it is closed.
type Connection struct {
	net.Conn
	of     *Connections
	remote Remote
	host   string
	proven atomic.Bool
	budget *rate.Limiter // bytes that it may send while it is a stranger's; used by its reader alone
	calls  *rate.Limiter // that may begin over it meanwhile, before those of the address are touched

	settle  sync.Once
	settled chan struct{} // closed when the connection is proven, and when it is closed

	// Guarded by the lock of the Connections.
	counted       bool
	held          bool          // it is not served
	inHost, inAll *list.Element // among the strangers'; nil = it is none
}

func newConnection(of *Connections, conn net.Conn) *Connection {
	c := &Connection{
		Conn: conn, of: of, settled: make(chan struct{}),
		budget: rate.NewLimiter(strangerPerSecond, strangerBurst), calls: rate.NewLimiter(strangerCallsPerSecond, strangerCalls),
	}
	c.remote = Remote{Addr: conn.RemoteAddr(), connection: c}
	c.host = Host(c.remote.String())
	return c
}

// Remote is the address of whoever is at the other end of a [Connection].
type Remote struct {
	net.Addr
	connection *Connection
}

// RemoteAddr implements [net.Conn]: it is a *[Remote].
func (c *Connection) RemoteAddr() net.Addr { return &c.remote }

// Prove says that somebody was let in who calls over the connection: it is no stranger's.
func (r *Remote) Prove() {
	c := r.connection
	if c.proven.Load() {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.proven.Store(true)
	c.of.proveLocked(c)
	c.settle.Do(func() { close(c.settled) })
}

// Begin counts a call that begins over the connection, and reports whether it may. If not, a
// stranger has begun too many, and is cut off.
func (r *Remote) Begin() bool {
	c := r.connection
	if c.proven.Load() || c.calls.Allow() || c.of.begin(c.host) {
		return true
	}
	c.closeFor(ReasonStrangersCalls)
	return false
}

// Flooded closes the connection, over which calls come much too fast.
func (r *Remote) Flooded() { r.connection.closeFor(ReasonCalls) }

// Read implements [net.Conn]. A stranger is read after all who are ready to run, and if he
// sends too much no more until he is let in; he is cut off if he is not.
func (c *Connection) Read(b []byte) (int, error) {
	if !c.proven.Load() {
		runtime.Gosched()
		b = b[:min(len(b), strangerRead)]
	}
	n, err := c.Conn.Read(b)
	if n > 0 && !c.proven.Load() && !c.budget.AllowN(time.Now(), n) {
		if err := c.awaitLetIn(); err != nil {
			return 0, err
		}
	}
	return n, err
}

// awaitLetIn waits until somebody is let in who calls over the connection, and closes it if
// that takes too long.
func (c *Connection) awaitLetIn() error {
	timer := time.NewTimer(strangerJudged)
	defer timer.Stop()
	select {
	case <-c.settled:
		if c.proven.Load() {
			return nil
		}
		return net.ErrClosed
	case <-timer.C:
		c.closeFor(ReasonBytes)
		return fmt.Errorf("%s has sent too much and was not let in", c.host)
	}
}

// Close implements [net.Conn].
func (c *Connection) Close() error {
	c.settle.Do(func() { close(c.settled) })
	c.of.mu.Lock()
	c.of.forgetLocked(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// closeFor closes the connection and says so. Nothing of it stays behind in the kernel.
func (c *Connection) closeFor(reason string) {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // else it is closed like any other
	}
	if c.Close() == nil {
		c.of.note(c.host, reason)
	}
}
