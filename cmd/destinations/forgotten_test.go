package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/open-destinations/destinations/batcher"
)

func TestForgettingEarlyIsLoggedOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*forgottenEvery+time.Second)
		defer cancel()
		minutes := []batcher.Counts{{}, {SendersForgottenEarly: 3, IDsForgottenEarly: 40}, {SendersForgottenEarly: 3, IDsForgottenEarly: 40}, {SendersForgottenEarly: 3, IDsForgottenEarly: 41}}
		var asked int
		var lines strings.Builder
		watchForgotten(ctx, slog.New(slog.NewTextHandler(&lines, nil)), func() batcher.Counts {
			asked++
			fmt.Fprintln(&lines, "minute", asked)
			return minutes[min(asked, len(minutes))-1]
		})
		var got []string
		for line := range strings.Lines(lines.String()) {
			if strings.Contains(line, "level=WARN") {
				line = line[strings.Index(line, "senders="):]
			}
			got = append(got, strings.TrimSpace(line))
		}
		if want := "minute 1, minute 2, senders=3 ids=40, minute 3, minute 4, senders=0 ids=1, minute 5"; strings.Join(got, ", ") != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
