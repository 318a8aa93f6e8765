package uploader

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// FuzzAnswer reads arbitrary answers of a server: no pause is negative, and
// nothing but the name of a region becomes part of a host name.
func FuzzAnswer(f *testing.F) {
	f.Add("7", "eu-west-1", "expecting 'eu-west-1'")
	f.Add("-1", "evil.example.com/", "expecting 'a/../b'")
	f.Add("Sat, 01 Jan 2000 00:00:00 GMT", "", "expecting ''")
	f.Add("99999999999999999999", "EU-WEST-1", "expecting '-'")
	f.Fuzz(func(t *testing.T, after, region, message string) {
		h := http.Header{}
		h.Set("Retry-After", after)
		h.Set("X-Amz-Bucket-Region", region)
		err := &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 400, Header: h}},
			Err:      &smithy.GenericAPIError{Code: "AuthorizationHeaderMalformed", Message: message},
		}
		if d := retryAfter(h, time.Now()); d < 0 {
			t.Errorf("Retry-After %q: got a pause of %s", after, d)
		}
		if got := regionIn(err); got != "" && !validRegion(got) {
			t.Errorf("region %q, message %q: got %q, which is no region", region, message, got)
		}
		if e := newError("PutObject", &Object{}, err); e.Error() == "" {
			t.Error("an error without a text")
		}
	})
}
