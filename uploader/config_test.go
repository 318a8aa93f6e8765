package uploader_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/open-destinations/destinations/uploader"
)

func TestDefaultConfigIsValid(t *testing.T) {
	if err := uploader.DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*uploader.Config)
		want   string // "" if it is valid
	}{
		{"endpoint with path", func(c *uploader.Config) { c.Endpoint = "https://s3.example.com:9000/base" }, ""},
		{"endpoint without scheme", func(c *uploader.Config) { c.Endpoint = "localhost:9000" }, "--s3-endpoint"},
		{"endpoint of another scheme", func(c *uploader.Config) { c.Endpoint = "ftp://example.com" }, "--s3-endpoint"},
		{"endpoint without host", func(c *uploader.Config) { c.Endpoint = "http://" }, "--s3-endpoint"},
		{"endpoint with a password", func(c *uploader.Config) { c.Endpoint = "http://u:p@h" }, "--s3-endpoint"},
		{"endpoint with query", func(c *uploader.Config) { c.Endpoint = "http://h/?x=1" }, "--s3-endpoint"},
		{"endpoint not a URL", func(c *uploader.Config) { c.Endpoint = "http://[" }, "--s3-endpoint"},
		{"no ACL", func(c *uploader.Config) { c.ACL = "" }, ""},
		{"another ACL", func(c *uploader.Config) { c.ACL = "private" }, ""},
		{"unknown ACL", func(c *uploader.Config) { c.ACL = "everybody" }, "--s3-acl"},
		{"region", func(c *uploader.Config) { c.Region = "eu-west-1" }, ""},
		{"region with a dot", func(c *uploader.Config) { c.Region = "evil.example" }, "Region"},
		{"least parts", func(c *uploader.Config) { c.PartSize = 5 << 20 }, ""},
		{"parts too small", func(c *uploader.Config) { c.PartSize = 5<<20 - 1 }, "--s3-part-size"},
		{"parts too large", func(c *uploader.Config) { c.PartSize = 5<<30 + 1 }, "--s3-part-size"},
		{"no parts", func(c *uploader.Config) { c.PartConcurrency = 0 }, "PartConcurrency"},
		{"no pause", func(c *uploader.Config) { c.RetryBase = 0 }, "RetryBase"},
		{"pauses in the wrong order", func(c *uploader.Config) { c.RetryMax = time.Millisecond }, "RetryMax"},
		{"no second try", func(c *uploader.Config) { c.MaxElapsed = 0 }, ""},
		{"negative time", func(c *uploader.Config) { c.MaxElapsed = -1 }, "MaxElapsed"},
		{"no time", func(c *uploader.Config) { c.MinTimeout = 0 }, "MinTimeout"},
		{"no rate", func(c *uploader.Config) { c.BytesPerSecond = 0 }, "BytesPerSecond"},
	} {
		cfg := uploader.DefaultConfig()
		tt.change(&cfg)
		err := cfg.Validate()
		if (err == nil) != (tt.want == "") || !strings.HasPrefix(fmt.Sprint(err), tt.want) && err != nil {
			t.Errorf("%s: got %v, want a problem with %q", tt.name, err, tt.want)
		}
		if _, newErr := uploader.New(aws.Config{}, cfg, discard()); (newErr == nil) != (err == nil) {
			t.Errorf("%s: New says %v, Validate %v", tt.name, newErr, err)
		}
	}
}

func TestValidateNamesAllProblems(t *testing.T) {
	err := uploader.Config{ACL: "x", Endpoint: "x"}.Validate()
	for _, name := range []string{
		"--s3-endpoint", "--s3-acl", "--s3-part-size", "PartConcurrency", "RetryBase", "MinTimeout", "BytesPerSecond",
	} {
		if !strings.Contains(fmt.Sprint(err), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
