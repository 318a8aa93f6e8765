package main

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestTwentyKills is `make kills`.
func TestTwentyKills(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	s, out := at(t)
	if err := kills(ctx, s, killsParams{kills: 20}); err != nil {
		t.Error(err)
	}
	t.Log(strings.TrimSpace(out.String()))
}
