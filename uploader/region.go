package uploader

import (
	"context"
	"errors"
	"regexp"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	// maxRegions bounds how many buckets' regions are remembered. Beyond it any
	// one is forgotten, which costs a look-up.
	maxRegions = 10_000
	// guessLife is for how long a region is used that nobody has confirmed,
	// before the bucket is looked up again.
	guessLife = time.Minute
)

// regions remembers in which region each bucket is, and looks it up once,
// however many uploads wait for it.
type regions struct {
	fallback string                         // for buckets that will not say; immutable
	start    func(bucket string, l *lookup) // runs a look-up, which ends by calling finish; immutable

	mu struct {
		sync.Mutex
		known  map[string]place
		asking map[string]*lookup
	}
}

// place is what is known of one bucket.
type place struct {
	region string
	until  time.Time // zero: confirmed by S3, valid until S3 says otherwise
}

// lookup is one question under way. region is set before done is closed.
type lookup struct {
	done   chan struct{}
	region string
}

// newRegions returns an empty memory of regions.
func newRegions(fallback string, start func(bucket string, l *lookup)) *regions {
	r := &regions{fallback: fallback, start: start}
	r.mu.known = make(map[string]place)
	r.mu.asking = make(map[string]*lookup)
	return r
}

// of returns the region of a bucket: what is remembered, or what a look-up finds,
// or the fallback. It waits for a look-up no longer than ctx lasts.
func (r *regions) of(ctx context.Context, bucket string) string {
	region, l := r.recall(bucket)
	if l == nil {
		return region
	}
	select {
	case <-l.done:
		return l.region
	case <-ctx.Done():
		return r.fallback
	}
}

// last returns the region that the last request to a bucket went to, or that the first
// one begins with. It asks nobody.
func (r *regions) last(bucket string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.mu.known[bucket]; ok {
		return p.region
	}
	return r.fallback
}

// Region returns the region whose endpoint the requests of a bucket go to, as far as that is
// known without asking: before the first one, the configured region. It is empty
// if one endpoint serves all regions.
func (u *Uploader) Region(bucket string) string {
	if u.oneEndpoint {
		return ""
	}
	return u.regions.last(bucket)
}

// recall returns what is remembered, or else the look-up under way, which it
// starts if there is none.
func (r *regions) recall(bucket string) (string, *lookup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.mu.known[bucket]; ok && (p.until.IsZero() || time.Now().Before(p.until)) {
		return p.region, nil
	}
	l, ok := r.mu.asking[bucket]
	if !ok {
		l = &lookup{done: make(chan struct{})}
		r.mu.asking[bucket] = l
		r.start(bucket, l)
	}
	return "", l
}

// finish ends a look-up: with a region, or with "" if none was learned.
func (r *regions) finish(bucket string, l *lookup, region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := place{region: region}
	if region == "" {
		p = place{region: r.fallback, until: time.Now().Add(guessLife)}
	}
	r.rememberLocked(bucket, p)
	l.region = p.region
	delete(r.mu.asking, bucket)
	close(l.done)
}

// correct remembers what a redirect said.
func (r *regions) correct(bucket, region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rememberLocked(bucket, place{region: region})
}

// forget lets the next upload to the bucket look its region up again.
func (r *regions) forget(bucket string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mu.known, bucket)
}

func (r *regions) rememberLocked(bucket string, p place) {
	if _, ok := r.mu.known[bucket]; !ok && len(r.mu.known) >= maxRegions {
		for any := range r.mu.known {
			delete(r.mu.known, any)
			break
		}
	}
	r.mu.known[bucket] = p
}

// startLookup looks a bucket's region up in a goroutine that Close joins. The
// upload that asks is running, so the count that is raised here is not zero. It
// lasts at most Config.MinTimeout and no longer than the Uploader.
func (u *Uploader) startLookup(bucket string, l *lookup) {
	u.running.Go(func() {
		ctx, cancel := u.deadline(u.ctx, 0)
		defer cancel()
		u.regions.finish(bucket, l, u.askRegion(ctx, bucket))
	})
}

// askRegion asks S3 where a bucket is, or returns "". HeadBucket comes first: it
// needs no permission, since its refusals carry the region too. Servers that
// leave the header out may still answer GetBucketLocation. An error is no
// reason not to try the upload: a wrong region is corrected by its answer.
func (u *Uploader) askRegion(ctx context.Context, bucket string) string {
	client := u.clients.in(u.cfg.Region)
	if region := headRegion(ctx, client, bucket, u.cfg.MinTimeout/2); region != "" {
		return region
	}
	out, err := client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &bucket})
	if err != nil {
		region := regionIn(err)
		u.log.DebugContext(ctx, "region of a bucket not learned", "bucket", bucket, "hint", region, "error", err)
		return region
	}
	return regionNamed(out)
}

// regionNamed is the region that an answer of GetBucketLocation means, or "".
func regionNamed(out *s3.GetBucketLocationOutput) string {
	switch name := string(out.LocationConstraint); {
	case name == "":
		return fallbackRegion
	case name == "EU":
		return "eu-west-1"
	case validRegion(name):
		return name
	}
	return ""
}

// headRegion returns the region that HeadBucket's answer names, whatever its
// status, or "".
func headRegion(ctx context.Context, client *s3.Client, bucket string, limit time.Duration) string {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err != nil {
		return regionIn(err)
	}
	if out.BucketRegion != nil && validRegion(*out.BucketRegion) {
		return *out.BucketRegion
	}
	return ""
}

// expectedRegion finds the region in the message of AuthorizationHeaderMalformed.
var expectedRegion = regexp.MustCompile(`expecting '([^']+)'`)

// regionIn returns the region that an error answer names, or "".
func regionIn(err error) string {
	var re *smithyhttp.ResponseError
	if errors.As(err, &re) && re.Response != nil {
		if region := re.Response.Header.Get("X-Amz-Bucket-Region"); validRegion(region) {
			return region
		}
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "AuthorizationHeaderMalformed" {
		if m := expectedRegion.FindStringSubmatch(api.ErrorMessage()); m != nil && validRegion(m[1]) {
			return m[1]
		}
	}
	return ""
}
