package uploader_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/open-destinations/destinations/uploader"
	"github.com/open-destinations/destinations/uploader/uploadertest"
)

// withProvider returns an Uploader that gets its credentials from f.
func withProvider(t *testing.T, s *uploadertest.S3, f aws.CredentialsProviderFunc) *uploader.Uploader {
	t.Helper()
	awsCfg := s.Config()
	awsCfg.Credentials = f
	u, err := uploader.New(awsCfg, testConfig(), discard())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

// What the service of the credentials denies is not denied by the bucket.
func TestMissingCredentialsAreNoBucketsFault(t *testing.T) {
	denied := &smithy.GenericAPIError{Code: "AccessDenied", Message: "not authorized to perform: sts:AssumeRole"}
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		u := withProvider(t, s, func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, denied })
		for _, size := range []int{onePut, twoParts} {
			r, err := u.Upload(context.Background(), testObject(size))
			var e *uploader.Error
			if !errors.As(err, &e) || e.Code != uploader.CodeNoCredentials || uploader.Classify(err) != uploader.ClassCredentials || !errors.Is(err, denied) {
				t.Errorf("got %v, want an error of the credentials", err)
			}
			if r.Leftover || uploader.Leftover(err) {
				t.Error("a request that was never sent is said to have left something")
			}
		}
		expectCalls(t, s)
	})
}

func TestCredentialsThatComeLaterAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		start := time.Now()
		u := withProvider(t, s, func(ctx context.Context) (aws.Credentials, error) {
			if time.Since(start) < 3*time.Second {
				return aws.Credentials{}, errors.New("no answer from the credential service")
			}
			return s.Config().Credentials.Retrieve(ctx)
		})
		if r := mustUpload(t, u, testObject(onePut)); r.Attempts < 2 {
			t.Errorf("got %d attempts, want several", r.Attempts)
		}
	})
}

// What somebody has to mend is told from what passes.
func TestCredentialsRefused(t *testing.T) {
	answer := func(status int, code string) error {
		return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code},
		}}
	}
	for _, tc := range []struct {
		err  error
		want bool
	}{
		{&uploader.Error{Code: uploader.CodeNoCredentials, Err: answer(403, "AccessDenied")}, true},
		{&uploader.Error{Code: uploader.CodeNoCredentials, Err: answer(503, "ServiceUnavailable")}, false},
		{&uploader.Error{Code: uploader.CodeNoCredentials, Err: answer(400, "Throttling")}, false},
		{&uploader.Error{Code: uploader.CodeNoCredentials, Err: errors.New("connection refused")}, false},
		{&uploader.Error{Code: "InvalidAccessKeyId", Status: 403}, true},
		{&uploader.Error{Code: "AccessDenied", Status: 403}, false}, // the bucket's
		{errors.New("no answer"), false},
	} {
		if got := uploader.CredentialsRefused(tc.err); got != tc.want {
			t.Errorf("%v: got %v", tc.err, got)
		}
	}
}

// Who gives up while the credentials are being fetched says nothing about them.
func TestGivingUpIsNoFaultOfTheCredentials(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		u := withProvider(t, s, func(ctx context.Context) (aws.Credentials, error) {
			<-ctx.Done()
			return aws.Credentials{}, ctx.Err()
		})
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(time.Second, func() { cancel(errCancelled) })
		if _, err := u.Upload(ctx, testObject(onePut)); !errors.Is(err, errCancelled) || uploader.Permanent(err) {
			t.Errorf("got %v, want %v in a transient error", err, errCancelled)
		}
	})
}

// A clock that is wrong is put right by what S3 answers.
func TestWrongClockIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := uploadertest.NewS3(t)
		s.OnCall(func(c uploadertest.Call) uploadertest.Fault {
			if c.Op == "PutObject" && c.Number == 1 {
				return uploadertest.Answer(403, "RequestTimeTooSkewed")
			}
			return uploadertest.Fault{}
		})
		u, _ := newUploader(t, s, testConfig())
		if r := mustUpload(t, u, testObject(onePut)); r.Attempts != 2 {
			t.Errorf("got %d attempts, want 2", r.Attempts)
		}
	})
}
