package tcpproxy

import (
	"errors"
	"io"
	"net"
	"sync"
)

// link is a connection of a client and the one to the target that belongs to it.
type link struct {
	proxy  *Proxy
	target string
	client *net.TCPConn
	ended  chan struct{} // closed when the link is over, by itself or because it was cut
	once   sync.Once     // closes ended

	mu     sync.Mutex
	server *net.TCPConn // guarded by mu; nil until the target has been reached
}

// run passes bytes in both directions until both sides have said all they had, or
// the link is cut.
func (l *link) run() {
	defer l.proxy.forget(l)
	// What hangs does not reach the target either.
	if !l.proxy.valve.pass(0, 0, l.ended) {
		l.cut()
		return
	}
	server, err := net.Dial("tcp", l.target)
	if err != nil {
		l.cut()
		return
	}
	if !l.connected(server.(*net.TCPConn)) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { l.copy(toTarget, l.server, l.client) })
	both.Go(func() { l.copy(toClient, l.client, l.server) })
	both.Wait()
	l.end(func(c *net.TCPConn) { _ = c.Close() })
}

// connected notes the connection to the target; false if the link was cut meanwhile.
func (l *link) connected(server *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-l.ended:
		reset(server)
		return false
	default:
	}
	l.server = server
	return true
}

// copy passes bytes one way until there are no more, and says so on the other side.
// A connection that breaks on one side breaks on the other.
func (l *link) copy(way direction, to, from *net.TCPConn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if !l.proxy.valve.pass(way, n, l.ended) {
				return
			}
			if _, err := to.Write(buf[:n]); err != nil {
				l.cut()
				return
			}
			l.proxy.passed[way].Add(uint64(n))
		}
		if errors.Is(err, io.EOF) {
			if to.CloseWrite() != nil {
				l.cut()
			}
			return
		}
		if err != nil {
			l.cut()
			return
		}
	}
}

// cut resets both connections. What was read from one of them and not written to the
// other is lost, and what the other's kernel still had to send.
func (l *link) cut() { l.end(reset) }

// end ends both connections, and with them whatever waits for the link.
func (l *link) end(how func(*net.TCPConn)) {
	l.once.Do(func() { close(l.ended) })
	how(l.client)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		how(l.server)
	}
}

// reset ends a connection so that the other side sees that it broke. It does nothing
// to one that is closed already.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}
