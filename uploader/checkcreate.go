package uploader

import (
	"bytes"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// option is something that a multipart upload is begun with and that takes actions of its
// own.
type option struct {
	step    StepName
	actions []string
	on      func(*s3.CreateMultipartUploadInput) bool
	drop    func(*s3.CreateMultipartUploadInput)
}

// allOptions is never written.
var allOptions = []option{
	{StepACL, []string{ActionPutACL},
		func(in *s3.CreateMultipartUploadInput) bool { return in.ACL != "" },
		func(in *s3.CreateMultipartUploadInput) { in.ACL = "" }},
	{StepTags, []string{ActionPutTags},
		func(in *s3.CreateMultipartUploadInput) bool { return in.Tagging != nil },
		func(in *s3.CreateMultipartUploadInput) { in.Tagging = nil }},
	{StepKMS, []string{ActionDataKey},
		func(in *s3.CreateMultipartUploadInput) bool { return in.SSEKMSKeyId != nil },
		func(in *s3.CreateMultipartUploadInput) { in.ServerSideEncryption, in.SSEKMSKeyId = "", nil }},
}

// tryCreate begins an upload. If that is refused it leaves out one option after the other:
// where S3 takes the upload without one, that is what it refuses. If it takes it only
// without all of them, each is tried by itself.
func (c *check) tryCreate(ctx context.Context) {
	if c.untried(StepCreate) {
		return
	}
	whole := c.begin(ctx)
	if whole == nil || !refusedAsItIs(whole) {
		c.created(whole, nil)
		return
	}
	last := whole
	for i, o := range c.options {
		if last = c.begin(ctx, o); last == nil {
			errs := make([]error, len(c.options))
			errs[i] = whole
			c.created(nil, errs)
			return
		}
	}
	if len(c.options) < 2 {
		c.created(last, nil)
		return
	}
	if bare := c.begin(ctx, c.options...); bare != nil {
		c.created(bare, nil)
		return
	}
	c.created(nil, c.beginWithEach(ctx))
}

// beginWithEach begins an upload with each of the options alone.
func (c *check) beginWithEach(ctx context.Context) []error {
	errs := make([]error, len(c.options))
	for i := range c.options {
		errs[i] = c.begin(ctx, slices.Delete(slices.Clone(c.options), i, i+1)...)
	}
	return errs
}

// created notes what came of the creation, and of its options unless that failed.
func (c *check) created(err error, options []error) {
	c.answered(StepCreate, []string{ActionPutObject}, err)
	for i, o := range c.options {
		switch {
		case c.untried(o.step):
		case err != nil:
			c.add(Step{Name: o.step, Message: "not known: see create"})
		case options == nil:
			c.answered(o.step, o.actions, nil)
		default:
			c.answered(o.step, o.actions, options[i])
		}
	}
}

// tryKey sends one byte, where objects are encrypted with a key of KMS: beginning an upload
// takes one action of the key, and sending a part another one. Where aborting is refused
// it does not, since that byte would stay.
func (c *check) tryKey(ctx context.Context) {
	step := c.step(StepKMS)
	if step == nil || step.Outcome != OutcomeWorks || c.refused != nil {
		return
	}
	c.leaveOut(slices.DeleteFunc(slices.Clone(c.options), func(o option) bool { return c.step(o.step).Outcome == OutcomeWorks }))
	c.o.Body, c.size, c.partSize, c.parts = bytes.NewReader(make([]byte, 1)), 1, 1, make([]types.CompletedPart, 1)
	err := c.create(ctx, elsewhere)
	if err == nil {
		err = c.part(ctx, 0)
		c.refused = c.abort(ctx, elsewhere)
	}
	if err != nil {
		c.found.Steps = slices.DeleteFunc(c.found.Steps, func(s Step) bool { return s.Name == StepKMS })
		c.answered(StepKMS, []string{ActionDecrypt}, err)
	}
}

// refusedAsItIs reports whether S3 might take another upload there.
func refusedAsItIs(err error) bool {
	return Classify(err) == ClassDestination && !noBucket(err) || Classify(err) == ClassBatch
}

// begin begins an upload without some of its options, and aborts it.
func (c *check) begin(ctx context.Context, without ...option) error {
	c.leaveOut(without)
	if err := c.create(ctx, elsewhere); err != nil {
		return err
	}
	c.owned()
	c.aborted = true
	if err := c.abort(ctx, elsewhere); c.refused == nil {
		c.refused = err
	}
	return nil
}

// leaveOut lets the next upload be begun without some of the options.
func (c *check) leaveOut(without []option) {
	c.alter = func(in *s3.CreateMultipartUploadInput) {
		c.options = slices.DeleteFunc(slices.Clone(allOptions), func(o option) bool { return !o.on(in) })
		for _, o := range without {
			o.drop(in)
		}
	}
}
