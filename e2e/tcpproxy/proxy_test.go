package tcpproxy_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/e2e/tcpproxy"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that sends back what it gets. It returns its address.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer conn.Close()
				if _, err := io.Copy(conn, conn); err == nil {
					_ = conn.(*net.TCPConn).CloseWrite()
				}
			})
		}
	})
	t.Cleanup(func() { // behind the proxy's end, which ends the connections
		listener.Close()
		running.Wait()
	})
	return listener.Addr().String()
}

// proxyTo is a proxy that is closed with the test.
func proxyTo(t *testing.T, target string) *tcpproxy.Proxy {
	t.Helper()
	p, err := tcpproxy.Listen(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// dial connects to a proxy.
func dial(t *testing.T, p *tcpproxy.Proxy) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// ask sends a word and waits for its echo.
func ask(conn net.Conn) error {
	if _, err := conn.Write([]byte("word")); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, len("word")))
	return err
}

// askAnew connects and asks.
func askAnew(t *testing.T, p *tcpproxy.Proxy) error {
	t.Helper()
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	return ask(conn)
}

func TestPassesBothWaysToTheEnd(t *testing.T) {
	p := proxyTo(t, echo(t))
	conn := dial(t, p)
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("got %d bytes back, %v, want the %d that were sent", len(got), err, len(sent))
	}
	if c := p.Counts(); c != (tcpproxy.Counts{Connections: 1, ToTarget: 1 << 20, ToClient: 1 << 20}) {
		t.Errorf("got %+v, want one connection and a MiB each way", c)
	}
}

func TestCutBreaksBothSides(t *testing.T) {
	p := proxyTo(t, echo(t))
	conns := []net.Conn{dial(t, p), dial(t, p)}
	for _, conn := range conns {
		if err := ask(conn); err != nil {
			t.Fatal(err)
		}
	}
	if n := p.Cut(); n != 2 {
		t.Errorf("cut %d connections, want 2", n)
	}
	for _, conn := range conns {
		if err := ask(conn); err == nil {
			t.Error("a cut connection goes on")
		}
	}
	if err := askAnew(t, p); err != nil {
		t.Errorf("a new connection: %v", err)
	}
	if n := p.Counts().Cut; n != 2 {
		t.Errorf("counted %d that were cut, want 2", n)
	}
}

func TestRefuse(t *testing.T) {
	p := proxyTo(t, echo(t))
	before := dial(t, p)
	if err := ask(before); err != nil {
		t.Fatal(err)
	}
	p.Refuse()
	for _, err := range []error{ask(before), askAnew(t, p)} {
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want it broken", err)
		}
	}
	if c := p.Counts(); c.Refused != 1 || c.Cut != 1 {
		t.Errorf("got %+v, want one refused and one cut", c)
	}
	p.Pass()
	if err := askAnew(t, p); err != nil {
		t.Errorf("passing again: %v", err)
	}
}

func TestHangKeepsConnectionsSilent(t *testing.T) {
	p := proxyTo(t, echo(t))
	before := dial(t, p)
	if err := ask(before); err != nil {
		t.Fatal(err)
	}
	p.Hang()
	during := dial(t, p)
	for _, conn := range []net.Conn{before, during} {
		if err := conn.SetDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := ask(conn); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("got %v, want nothing for as long as it was waited for", err)
		}
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	p.Pass()
	for _, conn := range []net.Conn{before, during} {
		if _, err := io.ReadFull(conn, make([]byte, len("word"))); err != nil {
			t.Errorf("what was held back: %v", err)
		}
	}
}

func TestCloseWhileItHangs(t *testing.T) {
	p := proxyTo(t, echo(t))
	p.Hang()
	conn := dial(t, p)
	if _, err := conn.Write([]byte("word")); err != nil {
		t.Fatal(err)
	}
	// The cleanups close it, and find what was left running.
}

func TestHoldSharesTheRate(t *testing.T) {
	p := proxyTo(t, echo(t))
	p.Hold(1 << 20)
	var both sync.WaitGroup
	began := time.Now()
	for range 2 {
		conn := dial(t, p)
		both.Go(func() {
			go func() { _, _ = conn.Write(make([]byte, 128<<10)) }()
			if _, err := io.ReadFull(conn, make([]byte, 128<<10)); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("256 KiB at 1 MiB/s took %v, want a quarter of a second or more", took)
	}
}

func TestPassSetsFreeWhatWasHeld(t *testing.T) {
	p := proxyTo(t, echo(t))
	p.Hold(1) // a word takes as many seconds as it has bytes, each way
	conn := dial(t, p)
	if _, err := conn.Write([]byte("word, and so on for a long time")); err != nil {
		t.Fatal(err)
	}
	p.Pass()
	if _, err := io.ReadFull(conn, make([]byte, len("word"))); err != nil {
		t.Error(err)
	}
}

func TestTargetChangesForNewConnections(t *testing.T) {
	nowhere, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere.Close()
	p := proxyTo(t, nowhere.Addr().String())
	if err := askAnew(t, p); err == nil {
		t.Error("got an answer from nowhere")
	}
	p.SetTarget(echo(t))
	if err := askAnew(t, p); err != nil {
		t.Error(err)
	}
}

func TestCutSometimes(t *testing.T) {
	p := proxyTo(t, echo(t))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.CutSometimes(ctx, rand.New(rand.NewPCG(1, 2)), time.Millisecond)
	}()
	for range 3 {
		conn, err := net.Dial("tcp", p.Addr())
		if err != nil {
			continue // cut while it was made
		}
		for ask(conn) == nil {
		}
		conn.Close()
	}
	cancel()
	<-done
	if n := p.Counts().Cut; n < 3 {
		t.Errorf("counted %d that were cut, want 3 or more", n)
	}
}
