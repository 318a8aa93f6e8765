package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"syscall"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/limits"
)

// errorDomain is the domain of every google.rpc.ErrorInfo.
const errorDomain = "destinations"

// durableKey is the key of durable_sequence in an ErrorInfo's metadata.
const durableKey = "durable_sequence"

// What ends a call, beside what the journal and gRPC report. The texts are what
// callers see.
var (
	errSequenceNotGrowing = errors.New("sequence does not grow")
	errSequenceTooFar     = errors.New("sequence is too far above settled")
	errSettledInvalid     = errors.New("settled is invalid")
	errSenderIDInvalid    = errors.New("sender_id is invalid")
	errRequestTooLarge    = errors.New("request is too large")
	errMalformedRequest   = errors.New("request is malformed")
	errBucketInvalid      = errors.New("bucket is invalid")
	errPrefixInvalid      = errors.New("prefix is invalid")
	errTenantInvalid      = errors.New("tenant is invalid")
	errNotGranted         = errors.New("no grant of the caller reaches it")
	errMemoryFull         = errors.New("the service has no memory free for more requests; try again later")
	errStreamAge          = errors.New("the stream has lasted long enough; open another one")
	errTokensInvalid      = errors.New("tokens are invalid")
	errStateInvalid       = errors.New("state is invalid")
	errPageInvalid        = errors.New("page is invalid")
	errShuttingDown       = errors.New("the service is shutting down; try again")
)

// verdict is what a caller is told of an error.
type verdict struct {
	code   codes.Code
	reason string // ErrorInfo.reason; "" = no details
	text   string // "" = the error's own, which is made for callers
	retry  bool   // with RetryInfo
	log    slog.Level
}

// verdicts is the one table from errors to what callers are told. The first row
// that an error wraps counts.
var verdicts = []struct {
	is error
	verdict
}{
	{errSequenceNotGrowing, verdict{code: codes.InvalidArgument, reason: "SEQUENCE_NOT_GROWING", log: slog.LevelDebug}},
	{errSequenceTooFar, verdict{code: codes.InvalidArgument, reason: "SEQUENCE_TOO_FAR", log: slog.LevelDebug}},
	{errSettledInvalid, verdict{code: codes.InvalidArgument, reason: "SETTLED_INVALID", log: slog.LevelDebug}},
	{errSenderIDInvalid, verdict{code: codes.InvalidArgument, reason: "SENDER_ID_INVALID", log: slog.LevelDebug}},
	{errRequestTooLarge, verdict{code: codes.ResourceExhausted, reason: "REQUEST_TOO_LARGE", log: slog.LevelDebug}},
	{errMemoryFull, verdict{code: codes.ResourceExhausted, reason: "MEMORY_FULL", retry: true, log: slog.LevelWarn}},
	{errMalformedRequest, verdict{code: codes.Internal, reason: "MALFORMED_REQUEST", log: slog.LevelDebug}},
	{errBucketInvalid, verdict{code: codes.InvalidArgument, reason: "BUCKET_INVALID", log: slog.LevelDebug}},
	{errPrefixInvalid, verdict{code: codes.InvalidArgument, reason: "PREFIX_INVALID", log: slog.LevelDebug}},
	{errTenantInvalid, verdict{code: codes.InvalidArgument, reason: "TENANT_INVALID", log: slog.LevelDebug}},
	{ErrRoleARNInvalid, verdict{code: codes.InvalidArgument, reason: "ROLE_ARN_INVALID", log: slog.LevelDebug}},
	{errNotGranted, verdict{code: codes.PermissionDenied, reason: "DESTINATION_NOT_GRANTED", log: slog.LevelDebug}},
	{errRateExceeded, verdict{code: codes.ResourceExhausted, reason: "RATE_EXCEEDED", retry: true, log: slog.LevelDebug}},
	{limits.ErrTooFast, verdict{code: codes.ResourceExhausted, reason: "RATE_EXCEEDED", retry: true, log: slog.LevelDebug}},
	{limits.ErrTooMany, verdict{code: codes.ResourceExhausted, reason: "TOO_MANY_CALLS", retry: true, log: slog.LevelDebug}},
	{errAskIncomplete, verdict{code: codes.Unavailable, reason: "REQUEST_INCOMPLETE", retry: true, log: slog.LevelDebug}},
	{auth.ErrNoCredential, verdict{code: codes.Unauthenticated, reason: "CREDENTIAL_MISSING", text: auth.ErrNoCredential.Error(), log: slog.LevelDebug}},
	{auth.ErrCredential, verdict{code: codes.Unauthenticated, reason: "CREDENTIAL_INVALID", text: auth.ErrCredential.Error(), log: slog.LevelDebug}},
	{auth.ErrIssuerUnavailable, verdict{code: codes.Unavailable, reason: "ISSUER_UNAVAILABLE", text: auth.ErrIssuerUnavailable.Error(), retry: true, log: slog.LevelDebug}},
	{auth.ErrNotGranted, verdict{code: codes.PermissionDenied, reason: "NOT_GRANTED", log: slog.LevelDebug}},
	{auth.ErrRole, verdict{code: codes.PermissionDenied, reason: "ROLE_MISSING", log: slog.LevelDebug}},
	{errTokensInvalid, verdict{code: codes.InvalidArgument, reason: "TOKENS_INVALID", log: slog.LevelDebug}},
	{errStateInvalid, verdict{code: codes.InvalidArgument, reason: "STATE_INVALID", log: slog.LevelDebug}},
	{errPageInvalid, verdict{code: codes.InvalidArgument, reason: "PAGE_INVALID", log: slog.LevelDebug}},
	{ErrCursorInvalid, verdict{code: codes.InvalidArgument, reason: "PAGE_INVALID", log: slog.LevelDebug}},
	{ErrTokenUnknown, verdict{code: codes.NotFound, reason: "TOKEN_UNKNOWN", log: slog.LevelDebug}},
	{ErrWatcherTooSlow, verdict{code: codes.ResourceExhausted, reason: "WATCHER_TOO_SLOW", log: slog.LevelInfo}},
	{ErrLedgerFailed, verdict{code: codes.Internal, reason: "LEDGER_FAILED", text: "the ledger can't be read; the service's log says more", log: slog.LevelError}},
	{ErrBatchUnknown, verdict{code: codes.NotFound, reason: "BATCH_UNKNOWN", log: slog.LevelDebug}},
	{ErrBatchDamaged, verdict{code: codes.DataLoss, reason: "BATCH_DAMAGED", log: slog.LevelWarn}},
	{ErrEventsDiffer, verdict{code: codes.FailedPrecondition, reason: "EVENTS_DIFFER", log: slog.LevelDebug}},
	{ErrChallengeRefused, verdict{code: codes.FailedPrecondition, reason: "CHALLENGE_REFUSED", log: slog.LevelInfo}},
	{ErrChallengeNotWritten, verdict{code: codes.Unavailable, reason: "CHALLENGE_NOT_WRITTEN", retry: true, log: slog.LevelInfo}},
	{ErrContentWrong, verdict{code: codes.PermissionDenied, reason: "CHALLENGE_CONTENT_WRONG", log: slog.LevelInfo}},
	{ErrConfirmedFull, verdict{code: codes.ResourceExhausted, reason: "CONFIRMED_FULL", log: slog.LevelWarn}},
	{ErrConfirmedNotKept, verdict{code: codes.Unavailable, reason: "CONFIRMED_NOT_KEPT", text: ErrConfirmedNotKept.Error(), retry: true, log: slog.LevelError}},
	{errShuttingDown, verdict{code: codes.Unavailable, reason: "SHUTTING_DOWN", retry: true, log: slog.LevelDebug}},
	{errStreamAge, verdict{code: codes.Unavailable, reason: "STREAM_AGE", retry: true, log: slog.LevelDebug}},
	{journal.ErrClosed, verdict{code: codes.Unavailable, reason: "SHUTTING_DOWN", text: errShuttingDown.Error(), retry: true, log: slog.LevelInfo}},
	{journal.ErrFull, verdict{code: codes.ResourceExhausted, reason: "JOURNAL_FULL", text: "the journal has no room on its disk; try again later", retry: true, log: slog.LevelWarn}},
	{journal.ErrTooLarge, verdict{code: codes.ResourceExhausted, reason: "REQUEST_TOO_LARGE", text: "request is too large for the journal", log: slog.LevelWarn}},
	{journal.ErrBroken, verdict{code: codes.Internal, reason: "JOURNAL_BROKEN", text: "the journal is broken; the service stops", log: slog.LevelError}},
	{context.Canceled, verdict{code: codes.Canceled, text: "canceled by the caller", log: slog.LevelDebug}},
	{context.DeadlineExceeded, verdict{code: codes.DeadlineExceeded, text: "the caller's deadline has passed", log: slog.LevelDebug}},
}

// unknown is the verdict on an error that has no row: what it says is for the log.
var unknown = verdict{code: codes.Internal, reason: "UNKNOWN", text: "internal error; the service's log says more", log: slog.LevelError}

// damaged is the verdict on a damaged partition, where it ends a call.
var damaged = verdict{
	code:   codes.Unavailable,
	reason: "PARTITION_UNAVAILABLE",
	log:    slog.LevelWarn,
}

func verdictOn(err error) verdict {
	for _, row := range verdicts {
		if !errors.Is(err, row.is) {
			continue
		}
		v := row.verdict
		if row.is == journal.ErrFull {
			v.text = cmp.Or(fullText(err), v.text)
		}
		return v
	}
	if damage, ok := errors.AsType[*journal.CorruptError](err); ok {
		v := damaged
		v.text = closedText(damage)
		return v
	}
	// What gRPC itself has said, of a connection or a compression, stays.
	if said, ok := status.FromError(err); ok {
		return verdict{code: said.Code(), text: said.Message(), log: slog.LevelDebug}
	}
	return unknown
}

// fullText says what it is that leaves no room in the journal; "" if that is not known.
func fullText(err error) string {
	if quota, ok := errors.AsType[*journal.QuotaError](err); ok {
		return fmt.Sprintf("the journal has no room for another %s: %s of its quota of %s (--journal-quota) are used; try again later",
			mebibytes(quota.Need), mebibytes(quota.Used), mebibytes(quota.Quota))
	}
	if cause, ok := errors.AsType[syscall.Errno](err); ok {
		return fmt.Sprintf("the journal has no room on its disk (%v); try again later", cause)
	}
	return ""
}

// mebibytes writes a number of bytes for people.
func mebibytes(n int64) string { return fmt.Sprintf("%.1fMiB", float64(n)/(1<<20)) }

// streamStatus is what a stream ends with; everything of it up to durable is.
func (s *Server) streamStatus(err error, durable uint64) error {
	return s.toStatus(err, map[string]string{durableKey: strconv.FormatUint(durable, 10)})
}

// toStatus is what a call ends with. It is the only place that makes one.
func (s *Server) toStatus(err error, metadata map[string]string) error {
	v := verdictOn(err)
	s.log.Log(context.Background(), v.log, "call ended with an error", "code", v.code.String(), "reason", v.reason, "error", err)
	if v.text == "" {
		v.text = err.Error()
	}
	st := status.New(v.code, v.text)
	if v.reason == "" {
		return st.Err()
	}
	details := []protoadapt.MessageV1{&errdetails.ErrorInfo{Reason: v.reason, Domain: errorDomain, Metadata: metadata}}
	if v.retry {
		details = append(details, &errdetails.RetryInfo{RetryDelay: durationpb.New(s.retryDelay(err))})
	}
	detailed, err := st.WithDetails(details...)
	if err != nil {
		panic("server: invariant: error details are protobuf messages of a status that is not OK: " + err.Error())
	}
	return detailed.Err()
}
