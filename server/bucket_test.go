package server_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/server"
)

func TestCheckBucket(t *testing.T) {
	tests := []struct{ bucket, want string }{
		{"abc", ""},
		{"demo", ""},
		{"my-bucket.with.dots-1", ""},
		{"123", ""},
		{"1.2.3.4a", ""},
		{"1.2.3", ""},
		{"1.2.3.4.5", ""},
		{"xn-", "letter or digit"},
		{"xn-a", ""},
		{strings.Repeat("a", 63), ""},
		{"", "0 bytes, must be 3 to 63"},
		{"ab", "2 bytes, must be 3 to 63"},
		{strings.Repeat("a", 64), "64 bytes, must be 3 to 63"},
		{strings.Repeat("\x00", 5000), "5,000 bytes, must be 3 to 63"},
		{"Abc", "lower-case"},
		{"a_c", "lower-case"},
		{"a/b", "lower-case"},
		{"bücket", "lower-case"},
		{"-abc", "begin and end"},
		{"abc-", "begin and end"},
		{".abc", "begin and end"},
		{"abc.", "begin and end"},
		{"a..b", "two dots"},
		{"192.168.5.4", "IPv4"},
		{"999.999.999.999", "IPv4"},
		{"xn--abc", `begin with "xn--"`},
		{"sthree-abc", `begin with "sthree-"`},
		{"amzn-s3-demo-abc", `begin with "amzn-s3-demo-"`},
		{"abc-s3alias", `end with "-s3alias"`},
		{"abc--ol-s3", `end with "--ol-s3"`},
		{"abc.mrap", `end with ".mrap"`},
		{"abc--x-s3", `end with "--x-s3"`},
		{"abc--table-s3", `end with "--table-s3"`},
	}
	for _, tt := range tests {
		err := server.CheckBucket(tt.bucket)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("CheckBucket(%q): got %v, want nil", tt.bucket, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("CheckBucket(%q): got %v, want %q in it", tt.bucket, err, tt.want)
		case err != nil && len(err.Error()) > 600:
			t.Errorf("CheckBucket: an error of %d bytes for a name of %d", len(err.Error()), len(tt.bucket))
		}
	}
}

// The same rules in other words: one expression for what a name is, and one for
// each kind that it is not.
var (
	bucketShape = regexp.MustCompile(`\A[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\z`)
	bucketNever = []*regexp.Regexp{
		regexp.MustCompile(`\.\.`),
		regexp.MustCompile(`\A[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+\z`),
		regexp.MustCompile(`\A(xn--|sthree-|amzn-s3-demo-)`),
		regexp.MustCompile(`(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)\z`),
	}
)

func FuzzCheckBucket(f *testing.F) {
	for _, seed := range []string{"abc", "1.2.3.4", "a..b", "xn--a", "abc.mrap", "sthree-a", "a\nb", "-", strings.Repeat("a", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, bucket string) {
		want := bucketShape.MatchString(bucket)
		for _, never := range bucketNever {
			want = want && !never.MatchString(bucket)
		}
		if err := server.CheckBucket(bucket); (err == nil) != want {
			t.Errorf("CheckBucket(%q): got %v, want valid = %v", bucket, err, want)
		}
	})
}
