package uploader_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

func TestClassify(t *testing.T) {
	const transient, permanent = uploader.ClassTransient, uploader.ClassPermanent
	for _, tt := range []struct {
		status int
		code   string
		want   uploader.Class
	}{
		{0, "", transient},
		{200, "", transient},
		{200, "InternalError", transient},
		{200, "AccessDenied", permanent},
		{301, "PermanentRedirect", permanent},
		{307, "TemporaryRedirect", transient},
		{400, "", permanent},
		{400, "InvalidRequest", permanent},
		{400, "InvalidArgument", permanent},
		{400, "AccessControlListNotSupported", permanent},
		{400, "AuthorizationHeaderMalformed", permanent},
		{400, "KMS.NotFoundException", permanent},
		{400, "KMS.DisabledException", permanent},
		{400, "KMS.ThrottlingException", transient},
		{400, "RequestTimeout", transient},
		{400, "IncompleteBody", transient},
		{400, "BadDigest", transient},
		{400, "ExpiredToken", transient},
		{400, "InvalidToken", permanent},
		{401, "", permanent},
		{403, "", permanent},
		{403, "AccessDenied", permanent},
		{403, "InvalidAccessKeyId", permanent},
		{403, "SignatureDoesNotMatch", permanent},
		{403, "RequestTimeTooSkewed", transient},
		{404, "NoSuchBucket", permanent},
		{404, "NoSuchUpload", transient},
		{405, "MethodNotAllowed", permanent},
		{408, "", transient},
		{409, "ConditionalRequestConflict", transient},
		{409, "OperationAborted", transient},
		{425, "", transient},
		{429, "", transient},
		{500, "InternalError", transient},
		{501, "NotImplemented", permanent},
		{502, "", transient},
		{503, "SlowDown", transient},
		{503, "ServiceUnavailable", transient},
		{504, "", transient},
		{507, "InsufficientStorage", transient},
		{599, "", transient},
		{999, "", transient},
	} {
		err := fmt.Errorf("wrapped: %w", &uploader.Error{Status: tt.status, Code: tt.code, Err: io.EOF})
		if got := uploader.Classify(err); got != tt.want {
			t.Errorf("%d %s: got %s, want %s", tt.status, tt.code, got, tt.want)
		}
		if got := uploader.Permanent(err); got != (tt.want == permanent) {
			t.Errorf("%d %s: Permanent says %t", tt.status, tt.code, got)
		}
	}
}

func TestWhatIsNoAnswerIsTransient(t *testing.T) {
	for _, err := range []error{
		nil, io.EOF, io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded, syscall.ECONNRESET,
		syscall.ECONNREFUSED, &net.DNSError{IsNotFound: true}, uploader.ErrClosed, errors.New("never seen before"),
	} {
		if uploader.Permanent(err) {
			t.Errorf("%v: got permanent, want transient", err)
		}
	}
}

func TestErrorNamesWhatFailedAndHoldsNoSecret(t *testing.T) {
	const secretPayload = "payload-that-nobody-may-see"
	for _, tt := range []struct {
		fault uploadertest.Fault
		want  string
	}{
		{
			uploadertest.Answer(403, "AccessDenied").Saying("not authorized to perform: s3:PutObject"),
			"PutObject s3://demo/" + testKey + ": AccessDenied (status 403, request REQUEST1): not authorized to perform: s3:PutObject",
		},
		{
			uploadertest.Answer(404, "NoSuchBucket").Saying("NoSuchBucket"),
			"PutObject s3://demo/" + testKey + ": NoSuchBucket (status 404, request REQUEST1)",
		},
		{uploadertest.Refused(), "connection refused"},
	} {
		s := uploadertest.NewS3(t)
		s.OnCall(answers{"PutObject": tt.fault}.decide)
		cfg := testConfig()
		cfg.MaxElapsed = 0
		u, log := newUploader(t, s, cfg)
		o := testObject(0)
		o.Body = strings.NewReader(secretPayload)
		_, err := u.Upload(context.Background(), o)
		var e *uploader.Error
		if !errors.As(err, &e) || e.Op != "PutObject" || e.Bucket != testBucket || e.Key != testKey {
			t.Fatalf("got %#v", err)
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %q, want %q", err, tt.want)
		}
		for _, secret := range []string{secretPayload, "AKIDTEST", "secret", "Signature"} {
			if strings.Contains(err.Error()+log.String(), secret) {
				t.Errorf("%q stands in %q or in the log:\n%s", secret, err, log)
			}
		}
	}
}
