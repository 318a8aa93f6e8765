package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

// forgottenEvery is how often the log says that senders or ids were forgotten early.
const forgottenEvery = time.Minute

// watchForgotten says in the log when the tables had no room, so that what is sent again
// may be delivered twice: sooner than README.md promises.
func watchForgotten(ctx context.Context, log *slog.Logger, counts func() batcher.Counts) {
	tick := time.NewTicker(forgottenEvery)
	defer tick.Stop()
	var last batcher.Counts
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now := counts()
		senders, ids := now.SendersForgottenEarly-last.SendersForgottenEarly, now.IDsForgottenEarly-last.IDsForgottenEarly
		if senders+ids > 0 {
			log.Warn("senders or ids were forgotten early: what they send again may be delivered twice", "senders", senders, "ids", ids)
		}
		last = now
	}
}
