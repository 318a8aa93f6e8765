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

	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

func TestClassify(t *testing.T) {
	const (
		transient   = uploader.ClassTransient
		destination = uploader.ClassDestination
		credentials = uploader.ClassCredentials
		batch       = uploader.ClassBatch
	)
	for _, tt := range []struct {
		status int
		code   string
		want   uploader.Class
	}{
		{0, "", transient},
		{0, uploader.CodeNoCredentials, credentials},
		{200, "", transient},
		{200, "InternalError", transient},
		{200, "AccessDenied", destination},
		{200, "NeverSeenBefore", transient},
		{301, "PermanentRedirect", destination},
		{302, "", destination},
		{307, "TemporaryRedirect", transient},
		{307, "", transient},
		{400, "", transient},
		{400, "NeverSeenBefore", transient},
		{400, "InvalidRequest", batch},
		{400, "InvalidArgument", batch},
		{400, "KeyTooLongError", batch},
		{400, "EntityTooLarge", batch},
		{400, "MetadataTooLarge", batch},
		{400, "AccessControlListNotSupported", destination},
		{400, "AuthorizationHeaderMalformed", destination},
		{400, "KMS.NotFoundException", destination},
		{400, "KMS.DisabledException", destination},
		{400, "KMS.NeverSeenBefore", destination},
		{400, "KMS.ThrottlingException", transient},
		{400, "RequestTimeout", transient},
		{400, "IncompleteBody", transient},
		{400, "BadDigest", transient},
		{400, "ExpiredToken", credentials},
		{400, "InvalidToken", credentials},
		{401, "", destination},
		{403, "", destination},
		{403, "NeverSeenBefore", destination},
		{403, "AccessDenied", destination},
		{403, "AllAccessDisabled", destination},
		{403, "InvalidAccessKeyId", credentials},
		{403, "SignatureDoesNotMatch", credentials},
		{403, "RequestTimeTooSkewed", credentials},
		{404, "", destination},
		{404, "NoSuchBucket", destination},
		{404, "NoSuchUpload", transient},
		{405, "MethodNotAllowed", destination},
		{408, "", transient},
		{409, "ConditionalRequestConflict", transient},
		{409, "OperationAborted", transient},
		{409, "ObjectParentIsFile", destination},
		{411, "", batch},
		{412, "PreconditionFailed", transient},
		{413, "", batch},
		{425, "", transient},
		{429, "", transient},
		{431, "", batch},
		{500, "InternalError", transient},
		{501, "NotImplemented", destination},
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
		if got := uploader.Permanent(err); got != (tt.want != transient) {
			t.Errorf("%d %s: Permanent says %t", tt.status, tt.code, got)
		}
	}
}

// What the SDK would try again is transient here, too.
func TestWhatTheSDKRepeatsIsTransient(t *testing.T) {
	for _, codes := range []map[string]struct{}{retry.DefaultThrottleErrorCodes, retry.DefaultRetryableErrorCodes} {
		for code := range codes {
			// 400 and not 403, which stands for more than these codes
			if uploader.Permanent(&uploader.Error{Status: 400, Code: code, Err: io.EOF}) {
				t.Errorf("%s: got permanent, want transient", code)
			}
		}
	}
	for status := range retry.DefaultRetryableHTTPStatusCodes {
		if uploader.Permanent(&uploader.Error{Status: status, Err: io.EOF}) {
			t.Errorf("%d: got permanent, want transient", status)
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
