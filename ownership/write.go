package ownership

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

// write writes the challenges that rejected events have asked for, until ctx ends.
func (k *Keeper) write(ctx context.Context) {
	for {
		select {
		case p := <-k.attempts.queue:
			k.writeAsked(ctx, p)
		case <-ctx.Done():
			return
		}
	}
}

// writeAsked writes a challenge, unless it was confirmed or the grants have changed meanwhile.
func (k *Keeper) writeAsked(ctx context.Context, p Place) {
	defer k.attempts.done(p)
	if standing := k.standing(p); standing.Needed && standing.Confirmed.IsZero() {
		_ = k.put(ctx, p) // it is noted, and logged
	}
}

// put writes the challenge of a place. Commit point: it is there from the moment that S3 has
// taken it; whoever writes it again meets it.
func (k *Keeper) put(ctx context.Context, p Place) error {
	bounded, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	c := challengeOf(k.secret, p)
	_, err := k.uploader.Upload(bounded, &uploader.Object{
		Tenant: p.Tenant, Bucket: p.Bucket, Key: c.Key, Body: strings.NewReader(c.content + "\n"), Text: true,
	})
	if err != nil && ctx.Err() != nil { // who asked has gone: that says nothing about the bucket
		return fmt.Errorf("write the challenge: %w", err)
	}
	k.attempts.wrote(p, err, time.Now())
	if err != nil {
		k.log.Warn("challenge could not be written; it is tried again when an event is rejected for it", "tenant", p.Tenant, "bucket", p.Bucket, "key", c.Key, "code", codeOf(err), "error", err)
		return fmt.Errorf("write the challenge: %w", err)
	}
	k.log.Info("challenge written", "tenant", p.Tenant, "bucket", p.Bucket, "key", c.Key)
	return nil
}

// Waiting is a place that events were rejected for lately since its bucket is not confirmed.
type Waiting struct {
	Place
	Advice  string    // what is to be done
	Code    string    // AWS's, if the challenge could not be written; else ""
	Message string    // what the last failure said; "" = none
	Since   time.Time // of the first of those failures; zero = none
	Next    time.Time // when it may be tried again; zero = there is nothing to try
}

// Waiting are all of these, by bucket and prefix.
func (k *Keeper) Waiting() (waiting []Waiting) {
	for _, at := range k.attempts.recent(time.Now()) {
		if standing := k.standing(at.Place); !standing.Needed || !standing.Confirmed.IsZero() {
			continue
		}
		waiting = append(waiting, Waiting{
			Place: at.Place, Advice: k.reason(at.Place, &at, true),
			Code: at.code, Message: at.message, Since: at.since, Next: at.next,
		})
	}
	return waiting
}
