package uploader

import (
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
)

// How many connections wait for their next request. There is one host for each
// bucket on AWS, and one for all of them on most other servers.
const (
	idleConnections        = 256
	idleConnectionsPerHost = 64
)

// writeBuffer is what a connection collects before it writes. Most objects of many
// destinations are smaller, and go out with their header in one call; with the
// default of 4 KiB, what is left of a body is copied through a fresh buffer.
const writeBuffer = 64 << 10

// clients makes and keeps one client of the SDK for each region.
type clients struct {
	awsCfg aws.Config      // immutable; its HTTPClient is the one that all clients share
	cfg    Config          // immutable
	own    *http.Transport // nil if the HTTP client is the caller's

	mu struct {
		sync.Mutex
		byRegion map[string]*s3.Client
	}
}

// newClients returns clients for the given configuration.
func newClients(awsCfg aws.Config, cfg Config) *clients {
	c := &clients{awsCfg: awsCfg, cfg: cfg}
	c.mu.byRegion = make(map[string]*s3.Client)
	if awsCfg.Credentials != nil {
		c.awsCfg.Credentials = marking{awsCfg.Credentials}
	}
	if awsCfg.HTTPClient == nil {
		awsCfg.HTTPClient = awshttp.NewBuildableClient()
	}
	if b, ok := awsCfg.HTTPClient.(*awshttp.BuildableClient); ok {
		c.own = b.GetTransport()
		c.own.MaxIdleConns = idleConnections
		c.own.MaxIdleConnsPerHost = idleConnectionsPerHost
		c.own.WriteBufferSize = writeBuffer
		c.awsCfg.HTTPClient = &http.Client{Transport: c.own, CheckRedirect: stay}
	}
	return c
}

// stay follows no redirect: what is signed for one host is not sent to another,
// and a redirect to another region is answered by signing anew.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// in returns the client for a region.
func (c *clients) in(region string) *s3.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	client, ok := c.mu.byRegion[region]
	if !ok {
		client = s3.NewFromConfig(c.awsCfg, func(o *s3.Options) { c.apply(o, region) })
		c.mu.byRegion[region] = client
	}
	return client
}

// apply sets what is the same in every client but the region.
func (c *clients) apply(o *s3.Options, region string) {
	o.Region = region
	o.UsePathStyle = c.cfg.PathStyle
	if c.cfg.Endpoint != "" {
		o.BaseEndpoint = aws.String(c.cfg.Endpoint)
	}
	// Attempts are made, counted and logged here.
	o.Retryer = aws.NopRetryer{}
	// Checksums are computed here and sent in headers: the SDK would put them
	// behind the body, in a transfer encoding that not every server has.
	o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	o.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	// CreateSession is none of the permissions that a bucket's owner grants.
	o.DisableS3ExpressSessionAuth = aws.Bool(true)
	// Headers and bodies stay out of every log.
	o.ClientLogMode = 0
	o.Logger = quiet
}

// quiet is a logger for the SDK.
var quiet = logging.Nop{}

// close closes idle connections, if they are ours.
func (c *clients) close() {
	if c.own != nil {
		c.own.CloseIdleConnections()
	}
}
