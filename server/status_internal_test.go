package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/limits"
)

// told is what a caller is told of an error.
type told struct {
	err    error
	code   codes.Code
	reason string
	retry  bool
	text   string
}

// rows is the table once more, in its order.
var rows = []told{
	{errSequenceNotGrowing, codes.InvalidArgument, "SEQUENCE_NOT_GROWING", false, "append: sequence does not grow"},
	{errSequenceTooFar, codes.InvalidArgument, "SEQUENCE_TOO_FAR", false, "append: sequence is too far above settled"},
	{errSettledInvalid, codes.InvalidArgument, "SETTLED_INVALID", false, "append: settled is invalid"},
	{errSenderIDInvalid, codes.InvalidArgument, "SENDER_ID_INVALID", false, "append: sender_id is invalid"},
	{errRequestTooLarge, codes.ResourceExhausted, "REQUEST_TOO_LARGE", false, "append: request is too large"},
	{errMemoryFull, codes.ResourceExhausted, "MEMORY_FULL", true, "append: the service has no memory free for more requests; try again later"},
	{errMalformedRequest, codes.Internal, "MALFORMED_REQUEST", false, "append: request is malformed"},
	{errBucketInvalid, codes.InvalidArgument, "BUCKET_INVALID", false, "append: bucket is invalid"},
	{errPrefixInvalid, codes.InvalidArgument, "PREFIX_INVALID", false, "append: prefix is invalid"},
	{errTenantInvalid, codes.InvalidArgument, "TENANT_INVALID", false, "append: tenant is invalid"},
	{ErrRoleARNInvalid, codes.InvalidArgument, "ROLE_ARN_INVALID", false, "append: role_arn is invalid"},
	{errNotGranted, codes.PermissionDenied, "DESTINATION_NOT_GRANTED", false, "append: no grant of the caller reaches it"},
	{errRateExceeded, codes.ResourceExhausted, "RATE_EXCEEDED", true, "append: the rate that is granted is exceeded"},
	{limits.ErrTooFast, codes.ResourceExhausted, "RATE_EXCEEDED", true, "append: calls come too fast"},
	{limits.ErrTooMany, codes.ResourceExhausted, "TOO_MANY_CALLS", true, "append: too many calls are under way"},
	{errAskIncomplete, codes.Unavailable, "REQUEST_INCOMPLETE", true, "append: the request was not whole in time"},
	{auth.ErrNoCredential, codes.Unauthenticated, "CREDENTIAL_MISSING", false, "no credential: neither a bearer token nor a client certificate"},
	{auth.ErrCredential, codes.Unauthenticated, "CREDENTIAL_INVALID", false, "the credential is not valid"},
	{auth.ErrIssuerUnavailable, codes.Unavailable, "ISSUER_UNAVAILABLE", true, "the keys of the token's issuer could not be had; try again later"},
	{auth.ErrNotGranted, codes.PermissionDenied, "NOT_GRANTED", false, "append: no grant names this principal"},
	{auth.ErrRole, codes.PermissionDenied, "ROLE_MISSING", false, "append: the grant of this principal has not the role that the call needs"},
	{errTokensInvalid, codes.InvalidArgument, "TOKENS_INVALID", false, "append: tokens are invalid"},
	{errStateInvalid, codes.InvalidArgument, "STATE_INVALID", false, "append: state is invalid"},
	{errPageInvalid, codes.InvalidArgument, "PAGE_INVALID", false, "append: page is invalid"},
	{ErrCursorInvalid, codes.InvalidArgument, "PAGE_INVALID", false, "append: page_token or cursor is invalid"},
	{ErrTokenUnknown, codes.NotFound, "TOKEN_UNKNOWN", false, "append: token is not one of this service's"},
	{ErrWatcherTooSlow, codes.ResourceExhausted, "WATCHER_TOO_SLOW", false, "append: more has happened than is kept for a caller who does not read; go on with the last cursor"},
	{ErrLedgerFailed, codes.Internal, "LEDGER_FAILED", false, "the ledger can't be read; the service's log says more"},
	{ErrBatchUnknown, codes.NotFound, "BATCH_UNKNOWN", false, "append: there is no dead batch of that key"},
	{ErrBatchDamaged, codes.DataLoss, "BATCH_DAMAGED", false, "append: the batch can't be read"},
	{ErrEventsDiffer, codes.FailedPrecondition, "EVENTS_DIFFER", false, "append: the number of events is not the one that would be destroyed"},
	{ErrChallengeRefused, codes.FailedPrecondition, "CHALLENGE_REFUSED", false, "append: the challenge is refused"},
	{ErrChallengeNotWritten, codes.Unavailable, "CHALLENGE_NOT_WRITTEN", true, "append: the challenge could not be written now; try again"},
	{ErrContentWrong, codes.PermissionDenied, "CHALLENGE_CONTENT_WRONG", false, "append: content is wrong"},
	{ErrConfirmedFull, codes.ResourceExhausted, "CONFIRMED_FULL", false, "append: too many buckets are confirmed"},
	{ErrConfirmedNotKept, codes.Unavailable, "CONFIRMED_NOT_KEPT", true, "what was confirmed could not be kept; try again"},
	{errShuttingDown, codes.Unavailable, "SHUTTING_DOWN", true, "append: the service is shutting down; try again"},
	{errStreamAge, codes.Unavailable, "STREAM_AGE", true, "append: the stream has lasted long enough; open another one"},
	{journal.ErrClosed, codes.Unavailable, "SHUTTING_DOWN", true, "the service is shutting down; try again"},
	{journal.ErrFull, codes.ResourceExhausted, "JOURNAL_FULL", true, "the journal has no room on its disk; try again later"},
	{journal.ErrTooLarge, codes.ResourceExhausted, "REQUEST_TOO_LARGE", false, "request is too large for the journal"},
	{journal.ErrBroken, codes.Internal, "JOURNAL_BROKEN", false, "the journal is broken; the service stops"},
	{context.Canceled, codes.Canceled, "", false, "canceled by the caller"},
	{context.DeadlineExceeded, codes.DeadlineExceeded, "", false, "the caller's deadline has passed"},
}

func TestTableOfErrorsIsWhole(t *testing.T) {
	if len(rows) != len(verdicts) {
		t.Fatalf("got %d rows, want the %d of the table", len(rows), len(verdicts))
	}
	for i, row := range verdicts {
		if rows[i].err != row.is {
			t.Errorf("row %d: got %v, want %v", i, rows[i].err, row.is)
		}
	}
}

func TestEveryErrorHasItsStatus(t *testing.T) {
	for _, tt := range append(rows[:len(rows):len(rows)],
		told{fmt.Errorf("%w: %w", journal.ErrFull, &journal.QuotaError{Need: 64 << 20, Used: 10 << 30, Quota: 10<<30 + 1<<20}), codes.ResourceExhausted, "JOURNAL_FULL", true,
			"the journal has no room for another 64.0MiB: 10240.0MiB of its quota of 10241.0MiB (--journal-quota) are used; try again later"},
		told{fmt.Errorf("%w: %w", journal.ErrFull, syscall.ENOSPC), codes.ResourceExhausted, "JOURNAL_FULL", true,
			"the journal has no room on its disk (no space left on device); try again later"},
		told{&journal.CorruptError{Partition: 3, File: "secret", Err: errors.New("secret")}, codes.Unavailable, "PARTITION_UNAVAILABLE", false, `partition 3 of the journal is closed because its files are damaged; "destinations list" says which`},
		told{errors.New("secret"), codes.Internal, "UNKNOWN", false, "internal error; the service's log says more"},
	) {
		t.Run(tt.reason+" "+tt.err.Error(), func(t *testing.T) {
			s := &Server{config: DefaultConfig(), log: slog.New(slog.DiscardHandler)}
			st := status.Convert(s.streamStatus(fmt.Errorf("append: %w", tt.err), 42))
			if st.Code() != tt.code || st.Message() != tt.text {
				t.Errorf("got %v %q, want %v %q", st.Code(), st.Message(), tt.code, tt.text)
			}
			var info errdetails.ErrorInfo
			var delay time.Duration
			for _, d := range st.Details() {
				switch d := d.(type) {
				case *errdetails.ErrorInfo:
					proto.Merge(&info, d)
				case *errdetails.RetryInfo:
					delay = d.GetRetryDelay().AsDuration()
				}
			}
			if info.GetReason() != tt.reason || (delay == time.Second) != tt.retry {
				t.Errorf("got %q, retry in %s; want %q, %v", info.GetReason(), delay, tt.reason, tt.retry)
			}
			if tt.reason != "" && (info.GetDomain() != "destinations" || info.GetMetadata()["durable_sequence"] != "42") {
				t.Errorf("got %v", &info)
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

// What strangers can cause any number of times is not in the log each time.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	var log bytes.Buffer
	s := &Server{config: DefaultConfig(), log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, err := range []error{auth.ErrNoCredential, auth.ErrCredential, auth.ErrIssuerUnavailable, auth.ErrNotGranted, auth.ErrRole} {
		s.toStatus(err, nil)
	}
	if log.Len() > 0 {
		t.Errorf("got %s", log.String())
	}
}
