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
	fallback string                    // for buckets that will not say; immutable
	start    func(by asker, l *lookup) // runs a look-up, which ends by calling finish; immutable

	mu struct {
		sync.Mutex
		known  map[asker]place // what S3 has said is everybody's, and so the asker's without a tenant
		asking map[asker]*lookup
	}
}

// asker is who asks where a bucket is. One who has credentials or expects an owner of his
// own asks for himself: that S3 says nothing to him tells others nothing.
type asker struct {
	tenant string // "" = one of whom nothing is said
	bucket string
}

func (a asker) everybody() asker { return asker{bucket: a.bucket} }

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
func newRegions(fallback string, start func(by asker, l *lookup)) *regions {
	r := &regions{fallback: fallback, start: start}
	r.mu.known = make(map[asker]place)
	r.mu.asking = make(map[asker]*lookup)
	return r
}

// of returns the region of a bucket: what is remembered, or what a look-up finds,
// or the fallback. It waits for a look-up no longer than ctx lasts.
func (r *regions) of(ctx context.Context, by asker) string {
	region, l := r.recall(by)
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
	if p, ok := r.mu.known[asker{bucket: bucket}]; ok {
		return p.region
	}
	return r.fallback // as what was not learned for one tenant alone
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
func (r *regions) recall(by asker) (string, *lookup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.mu.known[by.everybody()]; ok && p.until.IsZero() {
		return p.region, nil
	}
	if p, ok := r.mu.known[by]; ok && time.Now().Before(p.until) {
		return p.region, nil
	}
	l, ok := r.mu.asking[by]
	if !ok {
		l = &lookup{done: make(chan struct{})}
		r.mu.asking[by] = l
		r.start(by, l)
	}
	return "", l
}

// finish ends a look-up: with a region, or with "" if none was learned.
func (r *regions) finish(by asker, l *lookup, region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.region = region
	if region == "" {
		l.region = r.fallback
		r.rememberLocked(by, place{region: r.fallback, until: time.Now().Add(guessLife)})
	} else {
		r.rememberLocked(by.everybody(), place{region: region})
	}
	delete(r.mu.asking, by)
	close(l.done)
}

// correct remembers what a redirect said.
func (r *regions) correct(bucket, region string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rememberLocked(asker{bucket: bucket}, place{region: region})
}

// forget lets the asker's next upload to the bucket look its region up again.
func (r *regions) forget(by asker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.mu.known, by)
	delete(r.mu.known, by.everybody())
}

func (r *regions) rememberLocked(of asker, p place) {
	if _, ok := r.mu.known[of]; !ok && len(r.mu.known) >= maxRegions {
		for any := range r.mu.known {
			delete(r.mu.known, any)
			break
		}
	}
	r.mu.known[of] = p
}

// startLookup looks a bucket's region up in a goroutine that Close joins. The
// upload that asks is running, so the count that is raised here is not zero. It
// lasts at most Config.MinTimeout and no longer than the Uploader.
func (u *Uploader) startLookup(by asker, l *lookup) {
	u.running.Go(func() {
		ctx, cancel := u.deadline(u.ctx, 0)
		defer cancel()
		t := &transfer{u: u, o: &Object{Tenant: by.tenant, Bucket: by.bucket}}
		region := ""
		if _, err := t.credentials(ctx); err == nil { // without them nothing is learned
			region = t.askRegion(ctx)
		}
		u.regions.finish(by, l, region)
	})
}

// bucketRegion is the region of the object's bucket: see [regions.of].
func (t *transfer) bucketRegion(ctx context.Context) string { return t.u.regions.of(ctx, t.asker()) }

// asker is who the object's tenant is to [regions].
func (t *transfer) asker() asker {
	by := asker{bucket: t.o.Bucket}
	if of := t.tenant(); of.BucketOwner != "" || of.Role != (Role{}) {
		by.tenant = t.o.Tenant
	}
	return by
}

// askRegion asks S3 where a bucket is, or returns "". HeadBucket comes first: it
// needs no permission, since its refusals carry the region too. Servers that
// leave the header out may still answer GetBucketLocation. An error is no
// reason not to try the upload: a wrong region is corrected by its answer.
func (t *transfer) askRegion(ctx context.Context) string {
	client := t.u.clients.in(t.u.cfg.Region)
	if region := t.headRegion(ctx, client); region != "" {
		return region
	}
	out, err := client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &t.o.Bucket, ExpectedBucketOwner: t.owner()}, t.signing()...)
	if err != nil {
		region := regionIn(err)
		t.u.log.DebugContext(ctx, "region of a bucket not learned", "bucket", t.o.Bucket, "hint", region, "error", err)
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
func (t *transfer) headRegion(ctx context.Context, client *s3.Client) string {
	ctx, cancel := context.WithTimeout(ctx, t.u.cfg.MinTimeout/2)
	defer cancel()
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &t.o.Bucket, ExpectedBucketOwner: t.owner()}, t.signing()...)
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
