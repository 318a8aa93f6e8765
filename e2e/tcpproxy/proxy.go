package tcpproxy

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

// Proxy passes connections on to a target, until it is told otherwise. It is safe
// for concurrent use.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup // everything that was started

	mu struct {
		sync.Mutex
		target string
		refuse bool
		closed bool
		links  map[*link]struct{}
		counts Counts
	}
	valve  valve
	passed [2]atomic.Uint64 // bytes, by direction
}

// Counts is what has happened since the proxy was made.
type Counts struct {
	Connections uint64 // that were taken and passed on, or were to be
	Refused     uint64 // that were not
	Cut         uint64 // that Cut, CutSometimes or Refuse ended
	ToTarget    uint64 // bytes that were passed on
	ToClient    uint64 // bytes that were passed back
}

// Listen starts a proxy on a free port of the loopback interface, which passes
// everything on to target, a host:port.
func Listen(target string) (*Proxy, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	p := &Proxy{listener: listener}
	p.mu.target = target
	p.mu.links = map[*link]struct{}{}
	p.valve.init()
	p.running.Go(p.accept)
	return p, nil
}

// Addr is the host:port that the proxy listens on. It never changes.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// SetTarget says where connections go from now on. Those that are there stay where
// they are.
func (p *Proxy) SetTarget(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.target = addr
}

// Pass lets everything through, as at the beginning.
func (p *Proxy) Pass() {
	p.setRefuse(false)
	p.valve.open(0)
}

// Refuse ends all connections and every one that is made from now on. A client
// sees its connection made and reset at once: a port that is closed could be taken
// by another program.
func (p *Proxy) Refuse() {
	p.setRefuse(true)
	p.valve.open(0)
	p.Cut()
}

// Hang lets no byte through any more, neither on the connections that are there nor
// on new ones, which are taken.
func (p *Proxy) Hang() {
	p.setRefuse(false)
	p.valve.shut()
}

// Hold lets so many bytes a second through towards the target, and as many back, all
// connections together.
func (p *Proxy) Hold(bytesPerSecond int) {
	if bytesPerSecond <= 0 {
		panic("invariant: what lets nothing through is Hang")
	}
	p.setRefuse(false)
	p.valve.open(bytesPerSecond)
}

// Cut resets every connection, on both sides, wherever it is, and returns how many
// those were.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.mu.links {
		l.cut()
	}
	p.mu.counts.Cut += uint64(len(p.mu.links))
	n := len(p.mu.links)
	clear(p.mu.links)
	return n
}

// Counts is what has happened so far.
func (p *Proxy) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.mu.counts
	c.ToTarget, c.ToClient = p.passed[toTarget].Load(), p.passed[toClient].Load()
	return c
}

// Close ends all connections and returns when nothing of the proxy runs any more.
func (p *Proxy) Close() error {
	p.mu.Lock()
	p.mu.closed = true
	p.mu.Unlock()
	err := p.listener.Close()
	p.Cut()
	p.running.Wait()
	if err != nil {
		return fmt.Errorf("close a proxy: %w", err)
	}
	return nil
}

func (p *Proxy) setRefuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mu.refuse = refuse
}

// accept takes connections until the listener is closed.
func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // of that connection alone
		}
		if l := p.admit(conn.(*net.TCPConn)); l != nil {
			p.running.Go(l.run)
		}
	}
}

// admit makes a link of a connection, unless it is to be refused.
func (p *Proxy) admit(conn *net.TCPConn) *link {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mu.refuse || p.mu.closed {
		p.mu.counts.Refused++
		reset(conn)
		return nil
	}
	p.mu.counts.Connections++
	l := &link{proxy: p, target: p.mu.target, client: conn, ended: make(chan struct{})}
	p.mu.links[l] = struct{}{}
	return l
}

// forget takes a link that has ended off the list.
func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.mu.links, l)
}
