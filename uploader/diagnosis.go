package uploader

import (
	"slices"
	"time"
)

// StepName is one of the things that [Uploader.Check] tries. Its value stands in logs, in
// answers and in JSON.
type StepName string

// The steps, in the order in which they are tried.
const (
	StepCredentials StepName = "credentials" // they can be had, and S3 takes them
	StepLocation    StepName = "location"    // the bucket says where it is
	StepList        StepName = "list"        // multipart uploads that were left behind can be found
	StepOwner       StepName = "ownership"   // the bucket belongs to the account that it has to belong to
	StepCreate      StepName = "create"      // objects can be stored
	StepACL         StepName = "acl"         // with the ACL that is configured
	StepTags        StepName = "tags"        // with the tags that are configured
	StepKMS         StepName = "kms"         // encrypted with the key that is configured
	StepAbort       StepName = "abort"       // multipart uploads that failed can be taken back
)

// dispensable reports whether objects are delivered without the step.
func (n StepName) dispensable() bool { return n == StepLocation || n == StepList || n == StepAbort }

// The actions of AWS that the service may need, by the names that they have in policies.
const (
	ActionPutObject   = "s3:PutObject"
	ActionPutACL      = "s3:PutObjectAcl"
	ActionPutTags     = "s3:PutObjectTagging"
	ActionAbort       = "s3:AbortMultipartUpload"
	ActionList        = "s3:ListBucketMultipartUploads"
	ActionGetLocation = "s3:GetBucketLocation"
	ActionDataKey     = "kms:GenerateDataKey"
	ActionDecrypt     = "kms:Decrypt"
)

// Outcome is what came of a step.
type Outcome int

const (
	// OutcomeUnknown: it was not tried, because of another step, or S3's answer does not
	// tell.
	OutcomeUnknown Outcome = iota
	// OutcomeWorks: S3 has done it.
	OutcomeWorks
	// OutcomeWarns: S3 refuses it, and objects are delivered all the same.
	OutcomeWarns
	// OutcomeFails: no object can be delivered as long as this is so.
	OutcomeFails
)

// String is the outcome as it stands in logs and in JSON.
func (o Outcome) String() string {
	switch o {
	case OutcomeWorks:
		return "works"
	case OutcomeWarns:
		return "warns"
	case OutcomeFails:
		return "fails"
	}
	return "unknown"
}

// Step is one thing that was tried, and what S3 answered.
type Step struct {
	Name    StepName
	Outcome Outcome
	// Code is AWS's error code, or [CodeNoCredentials]; "" if it works, was not tried or
	// was not answered.
	Code string
	// Message is what was answered, or why it was not tried, for people; "" if it works.
	Message   string
	RequestID string // S3's id of the request that failed; may be ""
	// Missing are the actions that have to be granted for the step to work, such as
	// "s3:PutObject"; none if no grant would help.
	Missing []string
	// Denied: a statement of some policy forbids it in so many words, so that granting the
	// action is not enough.
	Denied bool
}

// Diagnosis is what [Uploader.Check] found out about a destination.
type Diagnosis struct {
	At     time.Time // when it had been found out
	Key    string    // under which a multipart upload was begun
	Region string    // that the bucket is in, as far as that is known; "" = one endpoint serves all regions
	Steps  []Step    // what was tried, each step once; those of what is switched off are left out
	// Leftover: a multipart upload, without parts, may have been left behind under Key.
	// [Uploader.AbortLeftovers] removes it once that is granted.
	Leftover bool
}

// Outcome is that of the whole: fails if a step fails; else unknown if what an object needs
// is not known; else warns if a step warns; else works.
func (d *Diagnosis) Outcome() Outcome {
	worst := OutcomeWorks
	for _, o := range []Outcome{OutcomeWarns, OutcomeUnknown, OutcomeFails} {
		if slices.ContainsFunc(d.Steps, func(s Step) bool { return s.Outcome == o }) {
			worst = o
		}
	}
	return worst
}

// Missing are the actions of AWS that have to be granted, in the order of the steps.
func (d *Diagnosis) Missing() (actions []string) {
	for _, s := range d.Steps {
		for _, action := range s.Missing {
			if !slices.Contains(actions, action) {
				actions = append(actions, action)
			}
		}
	}
	return actions
}
