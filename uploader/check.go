package uploader

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// checkTimeout bounds a whole check, beside the clean-up behind it.
const checkTimeout = 30 * time.Second

// Check finds out what can really be done at a destination, by doing it, once: it asks for
// the credentials and for the bucket's region, lists multipart uploads, begins one under a
// key of the prefix that no object ever has, with everything that a real one has, and
// aborts it. If beginning it is refused it finds out which part is, by leaving others out.
// It stores no object and sends no bytes, but for one where a key of KMS is configured. The
// prefix is empty or ends with "/".
//
// What does not work stands in the [Diagnosis]. An error says that there is none: ctx has
// ended, the Uploader is closed, or the tenant has too many under way ([ErrChecksBusy]). A check takes at most half a minute and some 30
// requests, and goes on to its end when ctx ends, so that nothing is left behind. Of a
// destination there is one at a time: who asks meanwhile gets its result.
func (u *Uploader) Check(ctx context.Context, tenant, bucket, prefix string) (*Diagnosis, error) {
	found, err := u.joinCheck(ctx, checkOf{tenant, bucket, prefix})
	if err != nil {
		return nil, fmt.Errorf("check s3://%s/%s: %w", bucket, prefix, err)
	}
	return found, nil
}

func (u *Uploader) joinCheck(ctx context.Context, of checkOf) (*Diagnosis, error) {
	ctx, leave, err := u.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	run, err := u.checks.join(u, of)
	if err != nil {
		return nil, err
	}
	select {
	case <-run.done:
		if u.ctx.Err() != nil {
			return nil, ErrClosed
		}
		return run.found, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// check is a check under way. It belongs to its goroutine.
type check struct {
	*multipart
	found   *Diagnosis
	stopped StepName // after which nothing more was worth trying; "" = none
	options []option // that uploads are begun with
	aborted bool     // an upload was begun, and its abort tried
	refused error    // what the abort ended with that failed first; nil = none
}

// check tries all steps. It is called by a goroutine that Close joins, with a context that
// Close ends.
func (u *Uploader) check(ctx context.Context, of checkOf) *Diagnosis {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, errSlow)
	defer cancel()
	var id [32]byte
	rand.Read(id[:]) // never fails
	o := &Object{Tenant: of.tenant, Bucket: of.bucket, Key: Key(of.prefix, time.Now(), hex.EncodeToString(id[:]))}
	c := &check{multipart: &multipart{transfer: &transfer{u: u, o: o}}, found: &Diagnosis{Key: o.Key}}
	for _, try := range []func(context.Context){c.tryCredentials, c.tryLocation, c.tryList, c.tryOwner, c.tryCreate, c.tryKey, c.tryAbort} {
		try(ctx)
	}
	c.clean()
	c.found.Leftover = c.leftover
	if c.found.Region == "" {
		c.found.Region = u.Region(of.bucket)
	}
	c.found.At = time.Now()
	return c.found
}

func (c *check) tryCredentials(ctx context.Context) {
	ctx, cancel := c.u.deadline(ctx, 0)
	defer cancel()
	step := Step{Name: StepCredentials, Outcome: OutcomeWorks}
	if _, err := c.credentials(ctx); err != nil {
		e := newError("GetCredentials", c.o, err)
		step = c.failed(StepCredentials, OutcomeFails, e)
		step.Missing = actionsOf(e, nil)
		c.stopped = StepCredentials
	}
	c.add(step)
}

// tryLocation asks the bucket's own region: elsewhere AWS refuses other accounts, whatever
// the bucket's policy says. A refusal is no obstacle, since the region is known without.
func (c *check) tryLocation(ctx context.Context) {
	if c.untried(StepLocation) {
		return
	}
	c.answered(StepLocation, []string{ActionGetLocation}, c.askLocation(ctx))
}

func (c *check) askLocation(ctx context.Context) error {
	return c.retry(ctx, task{op: "GetBucketLocation", again: elsewhere, try: func(ctx context.Context) error {
		region := c.bucketRegion(ctx)
		ctx, cancel := c.u.deadline(ctx, 0)
		defer cancel()
		out, err := c.u.clients.in(region).GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &c.o.Bucket, ExpectedBucketOwner: c.owner()}, c.signing()...)
		if err != nil {
			return c.failure(ctx, "GetBucketLocation", region, err)
		}
		if !c.u.oneEndpoint {
			c.found.Region = regionNamed(out)
		}
		return nil
	}})
}

func (c *check) tryList(ctx context.Context) {
	if c.untried(StepList) {
		return
	}
	c.answered(StepList, []string{ActionList}, c.list(ctx, new(listing), elsewhere))
}

// tryAbort tells what came of the aborts. If there was nothing to abort it asks for an
// upload that is not there: S3 answers that to who may abort, and to others that they may
// not.
func (c *check) tryAbort(ctx context.Context) {
	if c.untried(StepAbort) {
		return
	}
	err := c.refused
	if !c.aborted {
		_, err = c.abortID(ctx, rand.Text(), elsewhere)
	}
	c.answered(StepAbort, []string{ActionAbort}, err)
}

// clean looks for an upload whose creation was not answered, or whose abort was not.
func (c *check) clean() {
	if !c.leftover || c.refused != nil && denied(c.refused) {
		return
	}
	ctx, cancel := c.u.deadline(context.WithoutCancel(c.u.ctx), 0)
	defer cancel()
	if _, err := c.u.AbortLeftovers(ctx, c.o.Tenant, c.o.Bucket, c.o.Key); err == nil {
		c.leftover = false
	}
}

// untried notes a step that is not worth trying, because of one before it.
func (c *check) untried(name StepName) bool {
	if c.stopped == "" {
		return false
	}
	c.add(Step{Name: name, Message: fmt.Sprintf("not tried: see %s", c.stopped)})
	return true
}

// answered notes what a step ended with that takes these actions.
func (c *check) answered(name StepName, actions []string, err error) {
	if err == nil {
		c.add(Step{Name: name, Outcome: OutcomeWorks})
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		e = newError(string(name), c.o, err)
	}
	switch {
	case Classify(e) == ClassCredentials:
		c.stopped = StepCredentials
		c.found.Steps[0] = c.failed(StepCredentials, OutcomeFails, e)
		c.untried(name)
		return
	case noBucket(e) || e.Status == 0 && (name == StepLocation || name == StepCreate):
		c.stopped = name // the others would be told the same
		c.add(c.failed(name, OutcomeFails, e))
		return
	}
	outcome := OutcomeFails
	if name.dispensable() {
		outcome = OutcomeWarns
		if Classify(e) == ClassTransient {
			outcome = OutcomeUnknown
		}
	}
	step := c.failed(name, outcome, e)
	if denied(e) {
		step.Missing = actionsOf(e, actions)
		step.Denied = strings.Contains(step.Message, "explicit deny")
	}
	c.add(step)
}

// failed is a step that ended with e.
func (c *check) failed(name StepName, outcome Outcome, e *Error) Step {
	step := Step{Name: name, Outcome: outcome, Code: e.Code, RequestID: e.RequestID, Message: e.Err.Error()}
	var api smithy.APIError
	if e.Code != CodeNoCredentials && errors.As(e.Err, &api) && api.ErrorMessage() != "" {
		step.Message = api.ErrorMessage()
	}
	return step
}

func (c *check) add(s Step) { c.found.Steps = append(c.found.Steps, s) }

// noBucket reports whether the answer in err is that there is no such bucket.
func noBucket(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == "NoSuchBucket"
}

// denied reports whether the answer in err is that an action is not granted.
func denied(err error) bool {
	var e *Error
	if !errors.As(err, &e) {
		return false
	}
	_, known := byCode[e.Code]
	return e.Code == "AccessDenied" || e.Status == http.StatusForbidden && !known
}

// namedAction finds the action in what AWS says to accounts that it trusts with it.
var namedAction = regexp.MustCompile(`not authorized to perform: ([a-z0-9-]+:[A-Za-z]+)\b`)

// actionsOf are the actions that an AccessDenied is for: the one that it names, or those
// that the request was made for.
func actionsOf(e *Error, actions []string) []string {
	var api smithy.APIError
	if errors.As(e.Err, &api) {
		if m := namedAction.FindStringSubmatch(api.ErrorMessage()); m != nil {
			return m[1:]
		}
	}
	return actions
}
