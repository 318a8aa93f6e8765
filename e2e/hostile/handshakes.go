package hostile

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"time"
)

// shakers is how many connections each kind of handshake has at once.
const shakers = 220

// Handshakes are the attacks on a service that speaks TLS, on the handshake itself. Each
// connection stays for as long as the service leaves it open, and another one follows.
func Handshakes() []Attack {
	return []Attack{
		{Name: "silence", run: shaking(func(context.Context, *shaker) {})},
		{Name: "a ClientHello byte by byte", run: shaking(trickledHello)},
		{Name: "a ClientHello, then nothing", run: shaking(onlyHello)},
		{Name: "a ClientHello of 64 KiB without its end", run: shaking(hugeHello)},
		{Name: "a handshake, then nothing", run: shaking(onlyHandshake)},
	}
}

// shaker is a connection, and what can be said over it.
type shaker struct {
	net.Conn
	tls   *tls.Config
	hello []byte
}

// shaking lets connections say something, and then waits for the service to close them.
func shaking(say func(ctx context.Context, s *shaker)) func(context.Context, Attacker) {
	return func(ctx context.Context, a Attacker) {
		hello := helloOf(a.TLS) // its keys take time
		together(ctx, shakers, func(ctx context.Context) {
			conn, closed := dial(ctx, a)
			if conn == nil {
				return
			}
			defer closed()
			began := time.Now()
			say(ctx, &shaker{Conn: conn, tls: a.TLS, hello: hello})
			a.Seen.heardEnd(ctx, conn)
			a.Seen.lasted(ctx, time.Since(began))
		})
	}
}

func trickledHello(ctx context.Context, s *shaker) {
	for _, b := range s.hello {
		if _, err := s.Write([]byte{b}); err != nil || !pause(ctx, 50*time.Millisecond) {
			return
		}
	}
}

func onlyHello(_ context.Context, s *shaker) { _, _ = s.Write(s.hello) }

func onlyHandshake(ctx context.Context, s *shaker) {
	_ = tls.Client(s.Conn, s.tls).HandshakeContext(ctx) // one that fails has been ended by the service, too
}

// hugeHello is as large as Go lets one be, but for the last byte, so that all of it is kept.
func hugeHello(_ context.Context, s *shaker) {
	const size, record = 64 << 10, 16 << 10
	body := append([]byte{1, size >> 16, byte(size >> 8 & 0xff), size & 0xff}, make([]byte, size-1)...)
	for len(body) > 0 {
		n := min(record, len(body))
		if _, err := s.Write(append([]byte{22, 3, 1, byte(n >> 8), byte(n & 0xff)}, body[:n]...)); err != nil {
			return
		}
		body = body[n:]
	}
}

// helloOf is the first that a client says.
func helloOf(config *tls.Config) []byte {
	said := &recorder{}
	_ = tls.Client(said, config).Handshake() // fails: nobody answers
	return said.Bytes()
}

// recorder is a connection that nobody is at the other end of.
type recorder struct {
	net.Conn
	bytes.Buffer
}

func (r *recorder) Write(b []byte) (int, error)      { return r.Buffer.Write(b) }
func (r *recorder) Read([]byte) (int, error)         { return 0, io.EOF }
func (r *recorder) Close() error                     { return nil }
func (r *recorder) SetDeadline(time.Time) error      { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }
