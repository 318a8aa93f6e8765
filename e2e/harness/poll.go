package harness

import (
	"context"
	"fmt"
	"time"
)

// pollEvery is the pause between two looks at something that is awaited.
const pollEvery = 50 * time.Millisecond

// Poll calls f until it returns nil, at once and then every 50 ms or, if one call
// takes long, as long a pause as the call took. When ctx ends first, the error
// names what was awaited and holds f's last error.
func Poll(ctx context.Context, what string, f func() error) error {
	for {
		began := time.Now()
		err := f()
		if err == nil {
			return nil
		}
		pause := time.NewTimer(max(pollEvery, time.Since(began)))
		select {
		case <-ctx.Done():
			pause.Stop()
			return fmt.Errorf("wait for %s: %w (%w)", what, err, context.Cause(ctx))
		case <-pause.C:
		}
	}
}
