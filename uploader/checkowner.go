package uploader

import (
	"context"
	"fmt"
)

// tryOwner finds out whether the bucket belongs to the account that it has to belong to.
// AWS answers both a wrong owner and a missing action by AccessDenied: so what is refused
// is asked for once more without an owner. Nothing is begun in a bucket of somebody else.
func (c *check) tryOwner(ctx context.Context) {
	owner := c.tenant().BucketOwner
	if owner == "" || c.untried(StepOwner) {
		return
	}
	location, list := c.step(StepLocation), c.step(StepList)
	step := Step{Name: StepOwner, Outcome: OutcomeWorks}
	switch {
	case location.Outcome == OutcomeWorks || list.Outcome == OutcomeWorks:
	case len(location.Missing) == 0 || len(list.Missing) == 0 || !c.worksForAnyOwner(ctx):
		step = Step{Name: StepOwner, Message: "not known: see the other steps"}
	default:
		step = Step{
			Name: StepOwner, Outcome: OutcomeFails, Code: location.Code, RequestID: location.RequestID,
			Message: fmt.Sprintf("the bucket does not belong to the account %s, as it has to", owner),
		}
		for _, s := range []*Step{location, list} {
			*s = Step{Name: s.Name, Message: "not known: see ownership"}
		}
		c.stopped = StepOwner
	}
	c.add(step)
}

// worksForAnyOwner reports whether something that was refused is not if nothing is said
// of an owner.
func (c *check) worksForAnyOwner(ctx context.Context) bool {
	c.anyOwner = true
	defer func() { c.anyOwner = false }()
	return c.askLocation(ctx) == nil || c.list(ctx, new(listing), elsewhere) == nil
}

// owned notes that S3 has done something in the bucket of the owner that was named.
func (c *check) owned() {
	if s := c.step(StepOwner); s != nil {
		*s = Step{Name: StepOwner, Outcome: OutcomeWorks}
	}
}

// step is what was noted of a step; nil = nothing was.
func (c *check) step(name StepName) *Step {
	for i := range c.found.Steps {
		if c.found.Steps[i].Name == name {
			return &c.found.Steps[i]
		}
	}
	return nil
}
