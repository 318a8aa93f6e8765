package uploader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Uploader puts objects into S3. It may be used by several goroutines at once.
// How many uploads run at once is decided by its callers; beside them it runs at
// most one look-up of a region for each bucket, and the checks that were asked for.
type Uploader struct {
	cfg      Config       // immutable
	log      *slog.Logger // immutable
	clients  *clients     // one for each region
	regions  *regions     // where buckets are
	sessions *sessions    // of the tenants' roles
	checks   checks       // under way
	buffers  sync.Pool    // of *[]byte, that sections are copied with

	oneEndpoint bool // it serves all regions; immutable

	ctx    context.Context         // ends with Close; what runs for no single caller runs under it
	cancel context.CancelCauseFunc // ends ctx

	mu struct {
		sync.Mutex
		closed   bool
		draining bool
	}
	lastTries chan struct{}  // closed by Drain
	running   sync.WaitGroup // uploads and look-ups; counted up under mu, or by a running upload
}

// New returns an Uploader that signs with the credentials of awsCfg and logs
// each failed attempt to log, at level debug. It starts nothing and asks S3
// nothing. The HTTP client of awsCfg is used as it is, unless it is the SDK's
// own kind or missing: then connections are pooled here. The SDK's retries are
// switched off, so that every attempt is counted.
func New(awsCfg aws.Config, cfg Config, log *slog.Logger) (*Uploader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("uploader: %w", err)
	}
	if cfg.Region == "" {
		cfg.Region = awsCfg.Region
	}
	if cfg.Region == "" {
		cfg.Region = fallbackRegion
	}
	u := &Uploader{cfg: cfg, log: log, clients: newClients(awsCfg, cfg), lastTries: make(chan struct{})}
	u.ctx, u.cancel = context.WithCancelCause(context.Background())
	u.regions = newRegions(cfg.Region, u.startLookup)
	u.sessions = newSessions(u, newAssumer(awsCfg, cfg, u.clients))
	u.oneEndpoint = u.clients.in(cfg.Region).Options().BaseEndpoint != nil
	return u, nil
}

// Upload stores o and returns when S3 has said that the object is there, or that
// it cannot be stored now. It tries transient errors again, for about
// Config.MaxElapsed, and starts nothing that is still running when it returns.
//
// An error holds an [*Error] wherever S3 or the network is its cause; [Permanent]
// tells whether it needs somebody's help. Unless it does, the object may have been
// stored all the same: the caller repeats the same object under the same key, now
// or after a restart, and never makes another key for it. The same holds when ctx
// ends; the error then wraps its cause.
func (u *Uploader) Upload(ctx context.Context, o *Object) (Result, error) {
	start := time.Now()
	ctx, leave, err := u.enter(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("upload s3://%s/%s: %w", o.Bucket, o.Key, err)
	}
	defer leave()
	t := &transfer{u: u, o: o, size: o.Body.Size()}
	t.result.Multipart = t.size > u.cfg.PartSize
	if t.result.Multipart {
		err = t.inParts(ctx)
	} else {
		err = t.put(ctx)
	}
	t.result.Leftover = t.leftover
	t.result.Duration = time.Since(start)
	t.result.Calls, t.result.CallsOmitted = t.calls.all, t.calls.count-len(t.calls.all)
	if err != nil {
		t.result.ETag, t.result.Size, t.result.Existed = "", 0, false
		return t.result, t.marked(err)
	}
	return t.result, nil
}

// Drain lets every attempt that is under way be the last one of its upload: what
// fails now is not tried again, and a pause between two attempts ends with the
// error of the one before it. It does not wait, and may be called more than once.
func (u *Uploader) Drain() {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.mu.draining {
		u.mu.draining = true
		close(u.lastTries)
	}
}

// Close cuts short what is still under way, waits until it has ended (which may
// take as long as the clean-up of a multipart upload, at most a second), and
// closes idle connections. Uploads that begin later answer [ErrClosed]. It may
// be called more than once.
func (u *Uploader) Close() {
	u.mu.Lock()
	u.mu.closed = true
	u.mu.Unlock()
	u.cancel(ErrClosed)
	u.running.Wait()
	u.clients.close()
}

// enter counts an upload as running until leave is called. The context that it
// returns ends with ctx and with Close.
func (u *Uploader) enter(ctx context.Context) (entered context.Context, leave func(), err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.mu.closed {
		return nil, nil, ErrClosed
	}
	u.running.Add(1)
	entered, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(u.ctx, func() { cancel(ErrClosed) })
	return entered, func() {
		stop()
		cancel(nil)
		u.running.Done()
	}, nil
}

// errSlow is the cause of a context that ended with one attempt's time-out.
var errSlow = errors.New("no answer in time")

// deadline bounds one attempt that carries size bytes.
func (u *Uploader) deadline(ctx context.Context, size int64) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, u.cfg.timeout(size), errSlow)
}
