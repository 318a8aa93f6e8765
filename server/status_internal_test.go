package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/open-destinations/destinations/journal"
)

func TestEveryErrorHasItsStatus(t *testing.T) {
	tests := []struct {
		err    error
		code   codes.Code
		reason string
		retry  bool
		text   string
	}{
		{errSequenceNotGrowing, codes.InvalidArgument, "SEQUENCE_NOT_GROWING", false, "append: sequence does not grow"},
		{errSequenceTooFar, codes.InvalidArgument, "SEQUENCE_TOO_FAR", false, "append: sequence is too far above settled"},
		{errSettledInvalid, codes.InvalidArgument, "SETTLED_INVALID", false, "append: settled is invalid"},
		{errSenderIDInvalid, codes.InvalidArgument, "SENDER_ID_INVALID", false, "append: sender_id is invalid"},
		{errRequestTooLarge, codes.ResourceExhausted, "REQUEST_TOO_LARGE", false, "append: request is too large"},
		{errMalformedRequest, codes.Internal, "MALFORMED_REQUEST", false, "append: request is malformed"},
		{errBucketInvalid, codes.InvalidArgument, "BUCKET_INVALID", false, "append: bucket is invalid"},
		{errPrefixInvalid, codes.InvalidArgument, "PREFIX_INVALID", false, "append: prefix is invalid"},
		{errShuttingDown, codes.Unavailable, "SHUTTING_DOWN", true, "append: the service is shutting down; try again"},
		{journal.ErrClosed, codes.Unavailable, "SHUTTING_DOWN", true, "the service is shutting down; try again"},
		{journal.ErrFull, codes.ResourceExhausted, "JOURNAL_FULL", true, "the journal is full; try again later"},
		{journal.ErrTooLarge, codes.ResourceExhausted, "REQUEST_TOO_LARGE", false, "request is too large for the journal"},
		{journal.ErrBroken, codes.Internal, "JOURNAL_BROKEN", false, "the journal is broken; the service stops"},
		{context.Canceled, codes.Canceled, "", false, "canceled by the caller"},
		{context.DeadlineExceeded, codes.DeadlineExceeded, "", false, "the caller's deadline has passed"},
	}
	if len(tests) != len(verdicts) {
		t.Errorf("got %d rows here, want the %d of the table", len(tests), len(verdicts))
	}
	for i, row := range verdicts {
		if tests[i].err != row.is {
			t.Errorf("row %d: got %v, want %v", i, tests[i].err, row.is)
		}
	}
	tests = append(tests, tests[0])
	tests[len(tests)-1].err = &journal.CorruptError{File: "secret", Err: errors.New("secret")}
	tests[len(tests)-1].code, tests[len(tests)-1].reason = codes.Unavailable, "PARTITION_UNAVAILABLE"
	tests[len(tests)-1].text = "a part of the journal is closed because its files are damaged"
	tests = append(tests, tests[0])
	tests[len(tests)-1].err = errors.New("secret")
	tests[len(tests)-1].code, tests[len(tests)-1].reason = codes.Internal, "UNKNOWN"
	tests[len(tests)-1].text = "internal error; the service's log says more"
	for _, tt := range tests {
		t.Run(tt.reason+" "+tt.err.Error(), func(t *testing.T) {
			s := &Server{config: DefaultConfig(), log: slog.New(slog.DiscardHandler)}
			st := status.Convert(s.streamStatus(fmt.Errorf("append: %w", tt.err), 42))
			if st.Code() != tt.code || st.Message() != tt.text {
				t.Errorf("got %v %q, want %v %q", st.Code(), st.Message(), tt.code, tt.text)
			}
			var reason, durable, domain string
			var delay time.Duration
			for _, d := range st.Details() {
				switch d := d.(type) {
				case *errdetails.ErrorInfo:
					reason, domain, durable = d.GetReason(), d.GetDomain(), d.GetMetadata()["durable_sequence"]
				case *errdetails.RetryInfo:
					delay = d.GetRetryDelay().AsDuration()
				}
			}
			if reason != tt.reason || (delay == time.Second) != tt.retry {
				t.Errorf("got %q, retry in %s; want %q, %v", reason, delay, tt.reason, tt.retry)
			}
			if tt.reason != "" && (domain != "destinations" || durable != "42") {
				t.Errorf("got domain %q, durable_sequence %q", domain, durable)
			}
		})
	}
}

func TestWhatGRPCSaidStays(t *testing.T) {
	s := &Server{config: DefaultConfig(), log: slog.New(slog.DiscardHandler)}
	st := status.Convert(s.streamStatus(status.Error(codes.Unimplemented, "no such compression"), 1))
	if st.Code() != codes.Unimplemented || st.Message() != "no such compression" {
		t.Errorf("got %v", st)
	}
}

func TestRealTextOfAnUnknownErrorGoesToTheLog(t *testing.T) {
	var log bytes.Buffer
	s := &Server{config: DefaultConfig(), log: slog.New(slog.NewTextHandler(&log, nil))}
	err := s.streamStatus(errors.New("disk /dev/x"), 0)
	if strings.Contains(err.Error(), "/dev/x") || !strings.Contains(log.String(), "/dev/x") || !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("caller got %v, log got %q", err, log.String())
	}
}
