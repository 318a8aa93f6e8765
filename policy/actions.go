package policy

import "slices"

// Place is what an action is allowed on.
type Place int

const (
	OnBucket  Place = iota // the bucket itself
	OnObjects              // what stands in it
	OnKey                  // the KMS key, whose policy is one of its own
)

// Action is something that AWS has to allow.
type Action struct {
	Name string // as AWS writes it, such as "s3:PutObject"
	On   Place
	For  string // what the service does with it, for people
}

// Actions of S3 and KMS that the service may need, as the Service Authorization Reference
// names them: docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html,
// docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions.
const (
	AbortMultipartUpload       = "s3:AbortMultipartUpload"
	GetBucketLocation          = "s3:GetBucketLocation"
	PutObject                  = "s3:PutObject"
	PutObjectACL               = "s3:PutObjectAcl"
	ListBucketMultipartUploads = "s3:ListBucketMultipartUploads"
	PutObjectTagging           = "s3:PutObjectTagging"
	GenerateDataKey            = "kms:GenerateDataKey"
	Decrypt                    = "kms:Decrypt"
)

// Actions are all that have to be allowed for what the terms switch on, in the order in
// which a policy lists them: always the first five (the fourth unless there is no ACL), and
// nothing but uploading. It is the one table of them.
func (t Terms) Actions() []Action {
	return slices.DeleteFunc([]Action{
		{AbortMultipartUpload, OnObjects, "aborts multipart uploads that failed or were left over"},
		{GetBucketLocation, OnBucket, "finds the bucket's region, where nothing else has told it"},
		{PutObject, OnObjects, "writes objects, in one piece or in parts"},
		{PutObjectACL, OnObjects, "writes objects with an ACL (bucket-owner-full-control)"},
		{ListBucketMultipartUploads, OnBucket, "finds multipart uploads of its own that were left over"},
		{PutObjectTagging, OnObjects, "writes objects with tags"},
		{GenerateDataKey, OnKey, "encrypts objects with the key"},
		{Decrypt, OnKey, "joins the parts of an encrypted multipart upload"},
	}, func(a Action) bool { return !t.needs(a.Name) })
}

func (t Terms) needs(action string) bool {
	switch action {
	case PutObjectACL:
		return !t.NoACL
	case PutObjectTagging:
		return t.Tags
	case GenerateDataKey, Decrypt:
		return t.KMSKey != ""
	}
	return true
}

// Allowing is the statement that allows one of [Terms.Actions] and nothing else, and where
// it belongs: into the bucket's policy, or, if it is on the key, into the key's. It reports
// false for an action that the service never needs on these terms.
func (t Terms) Allowing(action string) (statement Statement, on Place, ok bool) {
	for _, a := range t.Actions() {
		if a.Name == action {
			statement = Statement{
				Effect: allow, Principal: t.principal(), Action: []string{a.Name}, Resource: t.resources(a.On),
			}
			if a.On == OnKey {
				statement.Condition = t.throughS3()
			}
			return statement, a.On, true
		}
	}
	return Statement{}, OnBucket, false
}

// named are the names of those of the actions that are on one of the places.
func (t Terms) named(on ...Place) []string {
	var names []string
	for _, a := range t.Actions() {
		if slices.Contains(on, a.On) {
			names = append(names, a.Name)
		}
	}
	return names
}
