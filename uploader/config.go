package uploader

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Limits of S3 that the configuration and the cutting of parts rest on.
const (
	minPartSize = 5 << 20 // of every part but the last
	maxPartSize = 5 << 30 // also of a single PutObject
	maxParts    = 10_000  // of one multipart upload
)

// fallbackRegion is where a bucket is looked for when nothing says otherwise. It
// is also the region whose name GetBucketLocation leaves out.
const fallbackRegion = "us-east-1"

// Config says how objects are uploaded. [DefaultConfig] fills in the defaults.
type Config struct {
	// Endpoint is the URL of an S3-compatible server, http or https (flag
	// --s3-endpoint). Default "": that of AWS for the bucket's region, or what
	// the aws.Config names.
	Endpoint string
	// PathStyle puts the bucket into the path of a request and not into the name
	// of its host, as many S3-compatible servers want it (flag --s3-path-style).
	// Default false.
	PathStyle bool
	// ACL is the canned ACL that objects are stored with (flag --s3-acl).
	// Default "bucket-owner-full-control": the only one that a bucket with
	// disabled ACLs takes. "" sends none.
	ACL string
	// STSEndpoint is the URL of the service that hands out credentials for the roles of
	// tenants, http or https (flag --sts-endpoint). Default "": that of AWS for the
	// configured region, or what the aws.Config names.
	STSEndpoint string
	// Region is used when a bucket's own region cannot be learned. Default "":
	// that of the aws.Config, and without one us-east-1.
	Region string

	// TenantOf is what is said of a tenant. It is asked for each request, so that what it
	// answers counts from the next one on, and by several goroutines at once. Default nil:
	// nothing is said of any.
	TenantOf func(tenant string) Tenant

	// PartSize is the size in bytes up to which an object is one PutObject, and
	// that of the parts of larger ones (flag --s3-part-size). It grows for an
	// object that would have more than 10,000 parts. Default 16 MiB, at least
	// 5 MiB, at most 5 GiB.
	PartSize int64
	// PartConcurrency is how many parts of one object are under way at once.
	// Default 4, at least 1. How many objects are is the caller's affair.
	PartConcurrency int

	// RetryBase is the middle of the first pause between two attempts. Pauses
	// grow by half each time and vary by half in both directions. Default 200 ms.
	RetryBase time.Duration
	// RetryMax is the longest middle of a pause. Default 1 minute.
	RetryMax time.Duration
	// MaxElapsed is for how long one request is tried again after its first
	// transient failure; then Upload returns the error, so that the caller
	// decides. An attempt that has begun is not cut short by it. Default 5 s,
	// 0 tries once.
	MaxElapsed time.Duration

	// MinTimeout is how long one attempt of a request may last that carries no
	// bytes. It also bounds the clean-up after a failed multipart upload.
	// Default 10 s.
	MinTimeout time.Duration
	// BytesPerSecond is the slowest rate that is waited for: an attempt that
	// carries n bytes may last MinTimeout + n / BytesPerSecond. Default 256 KiB.
	BytesPerSecond int64
}

// DefaultConfig returns the configuration whose values [Config] documents.
func DefaultConfig() Config {
	return Config{
		ACL:             string(types.ObjectCannedACLBucketOwnerFullControl),
		PartSize:        16 << 20,
		PartConcurrency: 4,
		RetryBase:       200 * time.Millisecond,
		RetryMax:        time.Minute,
		MaxElapsed:      5 * time.Second,
		MinTimeout:      10 * time.Second,
		BytesPerSecond:  256 << 10,
	}
}

// Validate returns everything that is wrong with c, each with the name of its
// field or flag, or nil.
func (c Config) Validate() error {
	var problems []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	check(validEndpoint(c.Endpoint), "--s3-endpoint %q: must be an http or https URL with a host, and without credentials or a query", c.Endpoint)
	check(validEndpoint(c.STSEndpoint), "--sts-endpoint %q: must be an http or https URL with a host, and without credentials or a query", c.STSEndpoint)
	check(validACL(c.ACL), "--s3-acl %q: must be empty or a canned ACL of S3", c.ACL)
	check(c.Region == "" || validRegion(c.Region), "Region %q: must be the name of a region", c.Region)
	check(c.PartSize >= minPartSize && c.PartSize <= maxPartSize,
		"--s3-part-size %d: must be between %d and %d bytes", c.PartSize, int64(minPartSize), int64(maxPartSize))
	check(c.PartConcurrency >= 1, "PartConcurrency %d: must be at least 1", c.PartConcurrency)
	check(c.RetryBase > 0, "RetryBase %s: must be positive", c.RetryBase)
	check(c.RetryMax >= c.RetryBase, "RetryMax %s: must not be below RetryBase (%s)", c.RetryMax, c.RetryBase)
	check(c.MaxElapsed >= 0, "MaxElapsed %s: must not be negative", c.MaxElapsed)
	check(c.MinTimeout > 0, "MinTimeout %s: must be positive", c.MinTimeout)
	check(c.BytesPerSecond > 0, "BytesPerSecond %d: must be positive", c.BytesPerSecond)
	return errors.Join(problems...)
}

// timeout returns how long one attempt may last that carries size bytes.
func (c *Config) timeout(size int64) time.Duration {
	return c.MinTimeout + time.Duration(float64(size)/float64(c.BytesPerSecond)*float64(time.Second))
}

// partSize returns the size of the parts of an object of size bytes.
func (c *Config) partSize(size int64) int64 {
	return max(c.PartSize, (size+maxParts-1)/maxParts)
}

func validEndpoint(endpoint string) bool {
	if endpoint == "" {
		return true
	}
	u, err := url.Parse(endpoint)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func validACL(acl string) bool {
	return acl == "" || slices.Contains(types.ObjectCannedACL("").Values(), types.ObjectCannedACL(acl))
}

// regionName is what the name of a region may look like. It becomes part of a
// host name, so an answer of the network is held to it as well.
var regionName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

func validRegion(region string) bool { return regionName.MatchString(region) }
