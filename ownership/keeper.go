package ownership

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/uploader"
)

// What can be wrong with a challenge and a confirmation.
var (
	// ErrContentWrong is a content that is not that of the challenge.
	ErrContentWrong = errors.New("content is not that of the challenge")
	// ErrFull is a bucket more than are kept.
	ErrFull = errors.New("too many buckets are confirmed")
	// ErrBusy is a challenge more than are written for one tenant at a time.
	ErrBusy = errors.New("other challenges of the tenant are being written")
	// ErrNotKept is a confirmation that could not be written down.
	ErrNotKept = errors.New("what was confirmed could not be kept")
)

// Bounds of what is kept.
const (
	maxConfirmed       = 100_000 // in all
	maxConfirmedTenant = 10_000
)

const (
	writers      = 8                // challenges that are written by themselves at a time
	writeTimeout = 30 * time.Second // of one
)

// Uploader stores one object, unless it is there: see [uploader.Uploader.Upload].
type Uploader interface {
	Upload(ctx context.Context, o *uploader.Object) (uploader.Result, error)
}

// Params are what a Keeper is made of.
type Params struct {
	// Dir is the data folder, which the caller has locked.
	Dir string
	// FS is the file system; nil is the operating system's.
	FS journal.FS
	// Key is what the challenges are derived from: of the data folder, and secret.
	Key []byte
	// Challenged says whether a tenant has to confirm its buckets, at the moment. It is
	// called together and often, and must not wait.
	Challenged func(tenant string) bool
	// Uploader writes the challenges.
	Uploader Uploader
	// Log takes what the people who run the service need to know.
	Log *slog.Logger
}

// Keeper knows which buckets are confirmed. Its methods may be called together.
type Keeper struct {
	secret     []byte
	challenged func(tenant string) bool
	uploader   Uploader
	log        *slog.Logger
	attempts   *attempts
	confirmed  atomic.Pointer[confirmed]
	turns      turns
	changing   chan struct{} // a place for who changes what is confirmed, and its file
	file       file

	cancel  context.CancelFunc
	writing sync.WaitGroup
}

// Open reads what is confirmed, and begins to write challenges. The caller closes the keeper.
func Open(p Params) (*Keeper, error) {
	secret, err := secretFrom(p.Key)
	if err != nil {
		return nil, err
	}
	if p.FS == nil {
		p.FS = journal.OS()
	}
	k := &Keeper{
		secret: secret, challenged: p.Challenged, uploader: p.Uploader, log: p.Log, attempts: newAttempts(),
		changing: make(chan struct{}, 1), file: file{p.FS, p.Dir},
	}
	kept, damage, err := k.file.load()
	if err != nil {
		return nil, err
	}
	if damage != nil {
		k.log.Error("what was confirmed could not be understood and was set aside: every bucket has to be confirmed again where the grants ask for it",
			"file", asideName, "data", p.Dir, "error", damage)
	}
	k.confirmed.Store(&kept)
	ctx, cancel := context.WithCancel(context.Background())
	k.cancel = cancel
	for range writers {
		k.writing.Go(func() { k.write(ctx) })
	}
	return k, nil
}

// Close ends the writing of challenges, and returns when it has ended.
func (k *Keeper) Close() {
	k.cancel()
	k.writing.Wait()
}

// Unconfirmed returns why new events of a tenant for a bucket are to be rejected, for the
// people who send them: it has to confirm the bucket, and has not. "" = they are not. It waits
// for nothing. That an event is rejected has the challenge written, if it is not.
func (k *Keeper) Unconfirmed(tenant, bucket, prefix string) string {
	if !k.challenged(tenant) {
		return ""
	}
	if _, is := (*k.confirmed.Load())[owned{tenant, bucket}]; is {
		return ""
	}
	p := Place{tenant, bucket, prefix}
	at, known := k.attempts.ask(p, time.Now())
	return k.reason(p, &at, known)
}

// reason says what is to be done.
func (k *Keeper) reason(p Place, at *attempt, known bool) string {
	state := " (the object is being written)"
	switch {
	case !known:
		state = " (the command without a content writes the object)"
	case at.failures > 0:
		state = fmt.Sprintf(" (the object could not be written: %s, since %s)", at.code, at.since.UTC().Format(time.RFC3339))
	case at.written:
		state = ""
	}
	return fmt.Sprintf("tenant %q has not shown yet that it can read bucket %q%s: read s3://%s/%s and give its content to %s",
		p.Tenant, p.Bucket, state, p.Bucket, keyOf(k.secret, p), commandFor(p))
}

// commandFor is the command that confirms a bucket, but for the content.
func commandFor(p Place) string {
	command := "destinations confirm --bucket " + p.Bucket
	if p.Prefix != "" {
		command += " --prefix " + shellWord(p.Prefix)
	}
	return command
}

// shellWord is a text as one word of a shell.
func shellWord(text string) string {
	special := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_./=:,+@%", r)
	}
	if !strings.ContainsFunc(text, special) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// Standing is how a bucket of a tenant stands.
type Standing struct {
	Key       string    // of its challenge
	Needed    bool      // the tenant has to confirm it
	Confirmed time.Time // since when it is; zero = it is not
}

func (k *Keeper) standing(p Place) Standing {
	return Standing{Key: keyOf(k.secret, p), Needed: k.challenged(p.Tenant), Confirmed: (*k.confirmed.Load())[owned{p.Tenant, p.Bucket}]}
}

// Challenge has the challenge of a place written unless it is there, or the bucket is
// confirmed, and says how the bucket stands. The error is the uploader's, or ErrBusy.
func (k *Keeper) Challenge(ctx context.Context, p Place) (Standing, error) {
	standing := k.standing(p)
	if !standing.Confirmed.IsZero() {
		return standing, nil
	}
	if !k.turns.begin(p.Tenant) {
		return standing, ErrBusy
	}
	defer k.turns.end(p.Tenant)
	return standing, k.put(ctx, p)
}

// Confirm takes the content of the challenge of a place. When it returns without an error,
// the bucket is confirmed, durably. Errors wrap ErrContentWrong, ErrFull, ErrNotKept, or
// ctx's.
func (k *Keeper) Confirm(ctx context.Context, p Place, content string) (Standing, error) {
	c := challengeOf(k.secret, p)
	if !c.is(content) {
		return Standing{}, fmt.Errorf("%w s3://%s/%s of tenant %q", ErrContentWrong, p.Bucket, c.Key, p.Tenant)
	}
	of := owned{p.Tenant, p.Bucket}
	err := k.change(ctx, func(now confirmed) (confirmed, error) {
		if _, already := now[of]; already {
			return nil, nil
		}
		if len(now) >= maxConfirmed || now.ofTenant(p.Tenant) >= maxConfirmedTenant {
			return nil, fmt.Errorf("%w: at most %d of a tenant, %d in all", ErrFull, maxConfirmedTenant, maxConfirmed)
		}
		return now.with(of, time.Now().Truncate(time.Second)), nil
	})
	if err != nil {
		return Standing{}, err
	}
	k.attempts.drop(p.Tenant, p.Bucket)
	k.log.Info("bucket confirmed", "tenant", p.Tenant, "bucket", p.Bucket, "key", c.Key)
	return k.standing(p), nil
}

// change changes what is confirmed to what f makes of it, durably; nil = not at all.
func (k *Keeper) change(ctx context.Context, f func(confirmed) (confirmed, error)) error {
	select {
	case k.changing <- struct{}{}:
		defer func() { <-k.changing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	next, err := f(*k.confirmed.Load())
	if err != nil || next == nil {
		return err
	}
	if err := k.file.save(next); err != nil {
		return fmt.Errorf("%w: %w", ErrNotKept, err)
	}
	k.confirmed.Store(&next)
	return nil
}
