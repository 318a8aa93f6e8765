package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
	"github.com/open-destinations/destinations/uploader"
)

func TestCauseIsWhatWasSaid(t *testing.T) {
	const object = "CreateMultipartUpload s3://b/p: with (status 7): in it/2026/01/02/03/2026-01-02-03-04-05-00.gz: "
	for _, test := range []struct{ code, message, want string }{
		{"AccessDenied", object + "AccessDenied (status 403, request R1): User: x is not authorized", "User: x is not authorized"},
		{"AccessDenied", object + "AccessDenied (status 403): no", "no"},
		{"NoSuchBucket", object + "NoSuchBucket (status 404, request R1)", "status 404, request R1"},
		{"AccessDenied", "CreateMultipartUpload s3://b/2026 ... x/y.gz: AccessDenied (status 403, request R1): User: x", "User: x"},
		{"AccessDenied", "CreateMultipartUpload s3://b/2026 ... of what was said", "... of what was said"},
		{"ExpiredToken", object + "context canceled: operation error S3: PutObject, api error ExpiredToken: It has expired.", "It has expired."},
		{"NoCredentials", object + "get credentials: no EC2 IMDS role found", "get credentials: no EC2 IMDS role found"},
		{"Timeout", object + `operation error S3: PutObject, Put "http://h/b/k?x-id=PutObject": dial tcp: i/o timeout`, "dial tcp: i/o timeout"},
		{"NoAnswer", "something else", "something else"},
		{"", "", ""},
	} {
		if got := causeOf(test.code, test.message); got != test.want {
			t.Errorf("%s: %s\ngot  %s\nwant %s", test.code, test.message, got, test.want)
		}
	}
	for reason, want := range map[string]string{
		"tried since 2026-01-02T03:04:05Z: AccessDenied: " + object + "AccessDenied (status 403, request R1): no": "tried since 2026-01-02T03:04:05Z: AccessDenied: no",
		"refused 3 times: InvalidArgument: " + object + "InvalidArgument (status 400)":                            "refused 3 times: InvalidArgument: status 400",
		"the file is damaged: checksum": "the file is damaged: checksum",
	} {
		if got := reasonOf(reason); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", reason, got, want)
		}
	}
	for text, want := range map[string]string{
		object + `operation error S3: PutObject, Put "http://h/b/k?x-id=PutObject": dial tcp: i/o timeout`: "dial tcp: i/o timeout",
		object + "SlowDown (status 503, request R1): reduce":                                               "SlowDown (status 503, request R1): reduce",
		`SlowDown: reduce "x": y`: `SlowDown: reduce "x": y`,
		"refused 3 times: InvalidArgument: " + object + "InvalidArgument (status 400)": "refused 3 times: InvalidArgument: status 400",
	} {
		if got := failureOf(text); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", text, got, want)
		}
	}
}

// Of a dead batch "status" and "send --wait" say what "dead list" says, of others what "list" says.
func TestMessageOfADelivery(t *testing.T) {
	failure := "CreateMultipartUpload s3://b/p/x.gz: AccessDenied (status 403, request R1): no"
	for want, d := range map[string]*destinationsv1.Delivery{
		"no": {State: destinationsv1.DeliveryState_DELIVERY_STATE_BLOCKED, Code: "AccessDenied", Message: failure},
		"tried since 2026-01-02T03:04:05Z: AccessDenied: no": {
			State: destinationsv1.DeliveryState_DELIVERY_STATE_DEAD, Code: "AccessDenied", Message: "tried since 2026-01-02T03:04:05Z: AccessDenied: " + failure,
		},
	} {
		if got := messageOf(d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		var said bytes.Buffer
		(&sendReport{stderr: &said}).undelivered(d)
		if !strings.HasSuffix(said.String(), ": AccessDenied: "+want+"\n") {
			t.Errorf("send --wait: got %q, want %q in it", said.String(), want)
		}
	}
}

// The texts are the uploader's own: when their form changes, this tells.
func TestCauseOfTheUploadersErrors(t *testing.T) {
	for code, said := range map[string]string{"AccessDenied": "User: x is not authorized", "NoSuchBucket": "", "Other": "Other"} {
		for _, id := range []string{"", "R1"} {
			err := &uploader.Error{Op: "PutObject", Bucket: "b", Key: "p/2026/01/02/03/x.gz", Code: code, RequestID: id, Status: 400,
				Err: fmt.Errorf("operation error S3: PutObject, %w", &smithy.GenericAPIError{Code: code, Message: said})}
			want := said
			if said == "" || said == code {
				if want = "status 400"; id != "" {
					want += ", request " + id
				}
			}
			if got := causeOf(code, err.Error()); got != want {
				t.Errorf("%v: got %q, want %q", err, got, want)
			}
		}
	}
}
