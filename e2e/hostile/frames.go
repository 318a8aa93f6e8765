package hostile

import (
	"bytes"
	"context"
	"io"
	"net"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// The methods that requests are sent to.
const (
	streamS3 = "/destinations.v1.Destinations/StreamS3"
	receipts = "/destinations.v1.Deliveries/GetDelivery"
	health   = "/grpc.health.v1.Health/Check"
)

// framed is a connection that has said hello as HTTP/2, whose frames are sent by hand. What
// comes back is for [Seen] alone.
type framed struct {
	conn net.Conn
	*http2.Framer
	headers bytes.Buffer
	encoder *hpack.Encoder
	stream  uint32 // the next
}

// withFrames lets f have such a connection.
func withFrames(ctx context.Context, a Attacker, f func(c *framed)) {
	conn, closed := dial(ctx, a)
	if conn == nil {
		return
	}
	attack, over := context.WithCancel(ctx)
	read := make(chan struct{})
	go func() {
		defer close(read)
		a.Seen.hear(attack, conn) // ends with the connection
	}()
	defer func() {
		over() // what is closed from here on is not the service's doing
		closed()
		<-read
	}()
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return
	}
	c := &framed{conn: conn, Framer: http2.NewFramer(conn, nil), stream: 1}
	c.encoder = hpack.NewEncoder(&c.headers)
	if c.WriteSettings() != nil || c.WriteSettingsAck() != nil {
		return
	}
	f(c)
}

// call are the encoded headers of a call.
func (c *framed) call(path string, more ...hpack.HeaderField) []byte {
	c.headers.Reset()
	for _, field := range append([]hpack.HeaderField{
		{Name: ":method", Value: "POST"}, {Name: ":scheme", Value: "http"}, {Name: ":path", Value: path}, {Name: ":authority", Value: "destinations"},
		{Name: "content-type", Value: "application/grpc"}, {Name: "te", Value: "trailers"},
	}, more...) {
		_ = c.encoder.WriteField(field) // into memory
	}
	return c.headers.Bytes()
}

// open opens a stream with headers.
func (c *framed) open(headers []byte) (id uint32, err error) {
	id = c.stream
	c.stream += 2
	return id, c.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: headers, EndHeaders: true})
}

// token is the header that shows a token.
func token(secret string) hpack.HeaderField {
	return hpack.HeaderField{Name: "authorization", Value: "Bearer " + secret, Sensitive: true}
}

// message is a gRPC message on the wire: its length says size whatever follows.
func message(compressed bool, size int, body []byte) []byte {
	m := []byte{0, byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}
	if compressed {
		m[0] = 1
	}
	return append(m, body...)
}

// frame is the largest frame that everybody takes.
const frame = 16 << 10

// send sends a message in frames; what flow control says is not heard.
func (c *framed) send(id uint32, m []byte) error {
	for len(m) > 0 {
		n := min(frame, len(m))
		if err := c.WriteData(id, false, m[:n]); err != nil {
			return err
		}
		m = m[n:]
	}
	return nil
}
