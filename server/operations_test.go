package server_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/journal"
)

func TestFlushNamesItsDestination(t *testing.T) {
	tests := []struct {
		bucket, prefix string
		allPrefixes    bool
		want           string
	}{
		{"", "", false, "all  , "},
		{"demo", "", false, "one default demo, "},
		{"demo", "", true, "all default demo, "},
		{"demo", "test", false, "one default demo, test/"},
		{"demo", "test/", false, "one default demo, test/"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			got := ""
			h := start(t, setup{journal: &fakeJournal{t: t}, flusher: func(_ context.Context, all bool, tenant, bucket, prefix string) (uint64, error) {
				what := "one"
				if all {
					what = "all"
				}
				got = fmt.Sprintf("%s %s %s, %s", what, tenant, bucket, prefix)
				return 7, nil
			}})
			r, err := h.ops.Flush(t.Context(), &destinationsv1.FlushRequest{Bucket: tt.bucket, Prefix: tt.prefix, AllPrefixes: tt.allPrefixes})
			if err != nil || r.GetBatches() != 7 || got != tt.want {
				t.Errorf("%q %q: got %q, %v, %v; want %q, 7", tt.bucket, tt.prefix, got, r, err, tt.want)
			}
		})
	}
}

func TestFlushRefusesBadNames(t *testing.T) {
	tests := []struct {
		bucket, prefix string
		allPrefixes    bool
		reason         string
	}{
		{"", "test", false, "BUCKET_INVALID"},
		{"BAD", "", false, "BUCKET_INVALID"},
		{"", "", true, "BUCKET_INVALID"},
		{"demo", "a/../b", false, "PREFIX_INVALID"},
		{"demo", "a", true, "PREFIX_INVALID"},
	}
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, flusher: func(context.Context, bool, string, string, string) (uint64, error) {
			t.Error("flushed")
			return 0, nil
		}})
		for _, tt := range tests {
			_, err := h.ops.Flush(t.Context(), &destinationsv1.FlushRequest{Bucket: tt.bucket, Prefix: tt.prefix, AllPrefixes: tt.allPrefixes})
			wantStatus(t, err, codes.InvalidArgument, tt.reason, "")
		}
	})
}

func TestFlushErrors(t *testing.T) {
	tests := []struct {
		err    error
		code   codes.Code
		reason string
	}{
		{&journal.CorruptError{}, codes.Unavailable, "PARTITION_UNAVAILABLE"},
		{journal.ErrClosed, codes.Unavailable, "SHUTTING_DOWN"},
		{journal.ErrBroken, codes.Internal, "JOURNAL_BROKEN"},
		{errors.New("surprise"), codes.Internal, "UNKNOWN"},
	}
	for _, tt := range tests {
		synctest.Test(t, func(t *testing.T) {
			h := start(t, setup{journal: &fakeJournal{t: t}, flusher: func(context.Context, bool, string, string, string) (uint64, error) {
				return 0, fmt.Errorf("shard 1: %w", tt.err)
			}})
			_, err := h.ops.Flush(t.Context(), &destinationsv1.FlushRequest{})
			wantStatus(t, err, tt.code, tt.reason, "")
		})
	}
}

// untilEnded is a flush that takes for ever.
func untilEnded(ctx context.Context, _ bool, _, _, _ string) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestFlushEndsAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, flusher: untilEnded})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := h.ops.Flush(ctx, &destinationsv1.FlushRequest{})
		wantStatus(t, err, codes.DeadlineExceeded, "", "")
	})
}

func TestDrainGivesUpAFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := start(t, setup{journal: &fakeJournal{t: t}, flusher: untilEnded})
		done := make(chan error, 1)
		go func() {
			_, err := h.ops.Flush(t.Context(), &destinationsv1.FlushRequest{})
			done <- err
		}()
		synctest.Wait()
		h.server.Drain()
		wantStatus(t, <-done, codes.Unavailable, "SHUTTING_DOWN", "")
		if err := h.server.Wait(t.Context()); err != nil {
			t.Errorf("Wait: %v", err)
		}
	})
}
