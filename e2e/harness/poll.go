package harness

import (
	"context"
	"fmt"
	"time"
)

// Between two looks at something that is awaited there is a pause as long as the
// look took, so that looking takes no more than half of the time, but at least and
// at most this.
const (
	leastPause = 50 * time.Millisecond
	mostPause  = time.Second
)

// Poll calls f until it returns nil, at once and then after pauses of 50 ms, or up
// to a second if f takes long. When ctx ends first, the error names what was
// awaited and holds f's last error.
func Poll(ctx context.Context, what string, f func() error) error {
	for {
		began := time.Now()
		err := f()
		if err == nil {
			return nil
		}
		pause := time.NewTimer(min(max(leastPause, time.Since(began)), mostPause))
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("wait for %s: %w (%w)", what, err, context.Cause(ctx))
		case <-pause.C:
		}
	}
}
