package hostile

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// Attacker is who attacks.
type Attacker struct {
	Target string      // host:port of a service, which speaks no TLS but for [Handshakes]
	TLS    *tls.Config // that it is known by, for those
	From   net.IP      // address on this machine; nil = another one than those of honest clients and of other attacks
	Token  string      // of a principal that is let in, for the attacks that need one
	Seen   *Seen       // takes what the service answers; nil = nothing does
}

// Attack is something that an attacker does until the context ends.
type Attack struct {
	Name string
	from net.IP // unless the attacker says from where
	run  func(ctx context.Context, a Attacker)
}

// Run attacks until ctx ends, and lets go of everything.
func (t Attack) Run(ctx context.Context, a Attacker) {
	if a.From == nil {
		a.From = t.from
	}
	t.run(ctx, a)
}

// All are the attacks on a service that speaks no TLS. Each comes from an address of its own:
// what the service holds against that of another one is not to stand in its way.
func All() []Attack {
	all := []Attack{
		{Name: "connections that say nothing", run: silent},
		{Name: "a preface byte by byte", run: trickledPreface},
		{Name: "headers byte by byte", run: trickledHeaders},
		{Name: "headers without end", run: endlessHeaders},
		{Name: "large headers", run: largeHeaders},
		{Name: "rapid reset", run: rapidReset},
		{Name: "rapid reset by callers", run: rapidResetOfCallers},
		{Name: "pings", run: pings},
		{Name: "settings", run: settings},
		{Name: "empty data", run: emptyData},
		{Name: "requests of strangers", run: strangersRequests},
		{Name: "requests to the health", run: healthRequests},
		{Name: "wrong tokens", run: wrongTokens},
		{Name: "compression bombs", run: bombs},
		{Name: "nested and unknown fields", run: nested},
		{Name: "idle streams", run: idleStreams},
		{Name: "calls without pause", run: callFlood},
		{Name: "a request that trickles", run: trickledRequest},
	}
	for i := range all {
		all[i].from = net.IPv4(127, 0, 0, byte(10+i))
	}
	return all
}

// Quiet is no attack, to compare with.
func Quiet() Attack {
	return Attack{Name: "none", run: func(ctx context.Context, _ Attacker) { <-ctx.Done() }}
}

// together runs f n times at once, and again when it returns, until ctx ends.
func together(ctx context.Context, n int, f func(ctx context.Context)) {
	var all sync.WaitGroup
	for range n {
		all.Go(func() {
			for ctx.Err() == nil {
				f(ctx)
				pause(ctx, time.Millisecond)
			}
		})
	}
	all.Wait()
}

// pause waits, and reports whether ctx has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connect connects.
func (a Attacker) connect(ctx context.Context) (net.Conn, error) {
	from := a.From
	if from == nil {
		from = net.IPv4(127, 0, 0, 2)
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: from}, Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp4", a.Target)
	if err == nil {
		a.Seen.connected()
	}
	return conn, err
}

// dial connects; the connection is closed when ctx ends.
func dial(ctx context.Context, a Attacker) (conn net.Conn, closed func()) {
	conn, err := a.connect(ctx)
	if err != nil {
		return nil, nil
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	return conn, func() {
		stop()
		conn.Close()
	}
}
