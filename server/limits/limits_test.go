package limits_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/open-destinations/destinations/server/limits"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestHost(t *testing.T) {
	for address, want := range map[string]string{
		"192.0.2.7:1234":             "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":    "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:99":  "2001:db8:1:2::/64",
		"[2001:db8:1:2::1]:99":       "2001:db8:1:2::/64",
		"[fe80::1%eth0]:99":          "fe80::/64",
		"bufconn":                    "bufconn",
		"host.example:80":            "host.example",
		"[2001:db8:1:3:ffff::1]:443": "2001:db8:1:3::/64",
	} {
		if got := limits.Host(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

// both counts a call's beginning, and the call in.
type both struct{ *limits.Calls }

func (b both) Enter(key string) error {
	if err := b.Begin(key); err != nil {
		return err
	}
	return b.Calls.Enter(key)
}

// So many calls under way, and so many that begin in a second, for each key by itself.
func TestCallsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := both{limits.NewCalls("an address", 2, 4)}
		for range 2 {
			if err := c.Enter("a"); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Enter("a"); !errors.Is(err, limits.ErrTooMany) {
			t.Errorf("a third call: got %v", err)
		}
		if err := c.Enter("b"); err != nil {
			t.Errorf("another address: got %v", err)
		}
		c.Leave("a")
		if err := c.Enter("a"); err != nil {
			t.Errorf("after one has ended: got %v", err)
		}
		c.Leave("a")
		err := c.Enter("a") // the fifth within a second
		fast, ok := errors.AsType[*limits.TooFastError](err)
		if !ok || fast.Wait <= 0 || fast.Wait > time.Second/4 || fast.Flood {
			t.Fatalf("the fifth within a second: got %v", err)
		}
		time.Sleep(fast.Wait)
		if err := c.Enter("a"); err != nil {
			t.Errorf("when it was told to come: got %v", err)
		}
		flood := 0
		for range 20 {
			if fast, ok := errors.AsType[*limits.TooFastError](c.Enter("a")); ok && fast.Flood {
				flood++
			}
		}
		if flood < 15 || flood > 17 { // a second's worth may be refused before it is one
			t.Errorf("%d of 20 calls at once are a flood", flood)
		}
	})
}

// Whoever comes, what is remembered is bounded, and what is under way is not forgotten.
func TestKeysAreBounded(t *testing.T) {
	c := limits.NewCalls("an address", 1, 1)
	for i := range 100 {
		if err := c.Enter(fmt.Sprint("stays ", i)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 30_000 {
		key := fmt.Sprint(i)
		if err := c.Enter(key); err != nil {
			t.Fatal(err)
		}
		c.Leave(key)
	}
	if got := c.Keys(); got > 10_000 {
		t.Errorf("%d keys are remembered", got)
	}
	for i := range 100 {
		c.Leave(fmt.Sprint("stays ", i)) // panics if it was forgotten
	}
}

// dialled is a connection of an address, without a network.
type dialled struct {
	net.Conn
	from string
}

func (d dialled) RemoteAddr() net.Addr { return address(d.from) }

type address string

func (address) Network() string  { return "tcp" }
func (a address) String() string { return string(a) }

// door is a listener whose connections the test makes.
type door struct{ coming chan net.Conn }

func (d door) Accept() (net.Conn, error) {
	conn := <-d.coming
	if conn == nil {
		return nil, io.EOF
	}
	return conn, nil
}
func (d door) Close() error   { close(d.coming); return nil }
func (d door) Addr() net.Addr { return address("here") }

// world has a bounded listener, and what was closed by it.
type world struct {
	t      *testing.T
	bounds *limits.Connections
	door   door
	over   net.Listener
	closed map[string]int
	log    strings.Builder
}

func newWorld(t *testing.T, most, perAddress int) *world {
	w := &world{t: t, door: door{make(chan net.Conn, 1)}, closed: map[string]int{}}
	w.bounds = limits.NewConnections(limits.ConnectionsParams{
		Listener: "--listen", Most: most, PerAddress: perAddress,
		Closed: func(listener, reason string) { w.closed[listener+" "+reason]++ },
		Log:    slog.New(slog.NewTextHandler(&w.log, nil)),
	})
	w.over = w.bounds.Over(w.door)
	return w
}

// dial connects from an address, and returns both ends; here is nil if it was not accepted.
func (w *world) dial(from string) (there, here net.Conn) {
	there, accepted := net.Pipe()
	w.t.Cleanup(func() { there.Close() })
	w.door.coming <- dialled{accepted, from}
	got := make(chan net.Conn, 1)
	go func() {
		conn, _ := w.over.Accept()
		got <- conn
	}()
	synctest.Wait()
	select {
	case here = <-got:
		w.t.Cleanup(func() { here.Close() })
	default:
		w.door.coming <- nil // lets Accept end
		<-got
	}
	return there, here
}

// over reports whether a connection was closed.
func over(conn net.Conn) bool {
	conn.SetReadDeadline(time.Now().Add(-time.Second))
	_, err := conn.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func prove(conn net.Conn) { conn.RemoteAddr().(*limits.Remote).Prove() }

// The oldest stranger makes room, of the address that has too many, or else of all; who was
// let in never does.
func TestStrangersMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, 2)
		a1, a1here := w.dial("192.0.2.1:1")
		prove(a1here)
		a2, _ := w.dial("192.0.2.1:2")
		a3, _ := w.dial("192.0.2.1:3") // a2 goes: a1 was let in
		if over(a1) || !over(a2) || over(a3) {
			t.Errorf("of one address: %t %t %t are closed, want the second alone", over(a1), over(a2), over(a3))
		}
		b1, b1here := w.dial("192.0.2.2:1")
		_, c1here := w.dial("192.0.2.3:1")
		prove(b1here)
		prove(c1here)
		_, d1here := w.dial("192.0.2.4:1") // a3 goes, the only stranger
		if !over(a3) || over(b1) || d1here == nil {
			t.Errorf("of all: a3 closed %t, b1 closed %t, d1 %v", over(a3), over(b1), d1here)
		}
		prove(d1here)
		if e1, here := w.dial("192.0.2.5:1"); here != nil || !over(e1) {
			t.Error("one more is accepted where all were let in")
		}
		if all, strangers := w.bounds.Open(); all != 4 || strangers != 0 {
			t.Errorf("%d are open, %d of them strangers'", all, strangers)
		}
		d1here.Close()
		if _, here := w.dial("192.0.2.5:1"); here == nil {
			t.Error("none is accepted where there is room")
		}
		if w.closed["--listen address"] != 1 || w.closed["--listen all"] < 2 {
			t.Errorf("counted: %v", w.closed)
		}
	})
}

// A stranger may send so much, and is not read then until he is let in, or cut off; who was let
// in sends what he wants.
func TestStrangersSendLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, 4)
		const never, patience = time.Hour, 10 * time.Second
		for _, letIn := range []time.Duration{never, patience - 1, 0} {
			there, here := w.dial("192.0.2.1:1")
			began, known := time.Now(), letIn < patience
			proven := time.AfterFunc(letIn, func() { prove(here) })
			synctest.Wait()
			go func() {
				for block := make([]byte, 1<<20); ; {
					if _, err := there.Write(block); err != nil {
						return
					}
				}
			}()
			read, err := io.CopyN(io.Discard, here, 40<<20)
			if known != (err == nil) || !known && (read < 16<<20 || read > 18<<20) {
				t.Errorf("let in after %v: read %d, %v", letIn, read, err)
			}
			if took := time.Since(began); took != min(letIn, patience) {
				t.Errorf("let in after %v: it took %v", letIn, took)
			}
			proven.Stop()
			here.Close()
		}
		if w.closed["--listen bytes"] != 1 {
			t.Errorf("counted: %v", w.closed)
		}
	})
}

// A connection that is not read can be closed all the same, as to make room.
func TestWhoIsNotReadCanBeClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, 4)
		there, here := w.dial("192.0.2.1:1")
		began := time.Now()
		go func() {
			for block := make([]byte, 1<<20); ; {
				if _, err := there.Write(block); err != nil {
					return
				}
			}
		}()
		time.AfterFunc(time.Second, func() { here.Close() })
		if _, err := io.Copy(io.Discard, here); err == nil || time.Since(began) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		if w.closed["--listen bytes"] != 0 {
			t.Errorf("counted: %v", w.closed)
		}
	})
}

func TestAFloodClosesItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, 4)
		there, here := w.dial("192.0.2.1:1")
		here.RemoteAddr().(*limits.Remote).Flooded()
		if !over(there) || w.closed["--listen calls"] != 1 {
			t.Errorf("closed %t, counted %v", over(there), w.closed)
		}
		if all, _ := w.bounds.Open(); all != 0 {
			t.Errorf("%d are open", all)
		}
	})
}

// begin begins calls over a connection until one may not, or so many have.
func begin(conn net.Conn, most int) (begun int) {
	for begun < most && conn.RemoteAddr().(*limits.Remote).Begin() {
		begun++
	}
	return begun
}

// A stranger's connection may begin so many calls, and those of an address together some more;
// who begins more is cut off. It is nothing to other addresses, nor to who was let in.
func TestStrangersBeginFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 100, 100)
		_, known := w.dial("192.0.2.1:1")
		prove(known)
		_, watching := w.dial("192.0.2.1:2")
		there, here := w.dial("192.0.2.1:3")
		if got := begin(here, 5000); got != 1020 || !over(there) || w.closed["--listen strangers_calls"] != 1 {
			t.Errorf("a stranger began %d calls, closed %t, counted %v", got, over(there), w.closed)
		}
		_, again := w.dial("192.0.2.1:4")
		if got := begin(again, 5000); got != 20 {
			t.Errorf("when he comes again he begins %d", got)
		}
		_, other := w.dial("192.0.2.2:1")
		if got := begin(other, 1020); got != 1020 {
			t.Errorf("one of another address began %d", got)
		}
		if got := begin(known, 5000); got != 5000 {
			t.Errorf("who was let in began %d", got)
		}
		for range 60 { // who asks for the health once a second goes on, whatever his neighbours do
			time.Sleep(time.Second)
			if _, flooding := w.dial("192.0.2.1:5"); flooding != nil {
				begin(flooding, 5000)
			}
			if begin(watching, 1) != 1 {
				t.Fatal("a call a second may not begin")
			}
		}
	})
}

// From where somebody was cut off again and again, or comes again and again, connections are
// served slowly: those beyond are held, and closed after a while. Who was let in, and others,
// feel nothing of it.
func TestWhoComesAgainIsServedSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		times int
		end   func(here net.Conn)
	}{
		"cut off": {10, func(here net.Conn) { here.RemoteAddr().(*limits.Remote).Flooded() }},
		"gone":    {1000, func(here net.Conn) { here.Close() }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 100, 10)
				staying, here := w.dial("192.0.2.1:1")
				prove(here)
				for i := range c.times {
					_, here := w.dial("192.0.2.1:2")
					if here == nil {
						t.Fatalf("it is not served after %d times", i)
					}
					c.end(here)
				}
				there, here := w.dial("192.0.2.1:3")
				if here != nil || over(there) {
					t.Errorf("one more: served %t, closed %t, want neither", here != nil, over(there))
				}
				if _, here := w.dial("192.0.2.2:1"); here == nil {
					t.Error("one of another address is not served")
				}
				time.Sleep(10 * time.Millisecond)
				_, next := w.dial("192.0.2.1:4")
				if next == nil {
					t.Fatal("it is not served after a while")
				}
				next.Close()
				if _, here := w.dial("192.0.2.1:5"); here != nil {
					t.Error("two are served in a hundredth of a second")
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if !over(there) || over(staying) || w.closed["--listen strangers_connects"] != 2 {
					t.Errorf("after a second: closed %t, his who was let in %t, counted %v", over(there), over(staying), w.closed)
				}
			})
		})
	}
}

// Who was let in may come and go as often as he likes.
func TestWhoWasLetInComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, 10)
		for i := range 3000 {
			_, here := w.dial("192.0.2.1:1")
			if here == nil {
				t.Fatalf("he is not served after %d times", i)
			}
			prove(here)
			here.Close()
		}
	})
}

// Whoever connects, the addresses that are remembered are bounded.
func TestAddressesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 10, 10)
		_, staying := w.dial("192.0.2.1:1")
		for i := range 12_000 {
			_, here := w.dial(fmt.Sprintf("10.%d.%d.1:1", i/250, i%250))
			here.Close()
		}
		if got := w.bounds.Hosts(); got > 10_000 {
			t.Errorf("%d addresses are remembered", got)
		}
		staying.Close() // panics if its address was forgotten
	})
}

// The log says of whom connections were closed, and why.
func TestWhatIsClosedIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4, 4)
		_, here := w.dial("192.0.2.7:1")
		begin(here, 5000)
		for _, want := range []string{"last_address=192.0.2.7", "last_reason=strangers_calls", "strangers_began_too_many_calls=1"} {
			if !strings.Contains(w.log.String(), want) {
				t.Errorf("%q is not in the log: %s", want, w.log.String())
			}
		}
	})
}
