package uploader

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// Tenant is what the requests for a tenant's objects say beside what all do. The zero
// value is nothing. The values are taken as they are: who reads them from somewhere
// checks them. It must not be changed once it was given to this package.
type Tenant struct {
	// Role is assumed for its requests.
	Role Role
	// BucketOwner is the account, 12 digits, that its buckets must belong to. Every
	// request says so, and S3 refuses it with AccessDenied where that does not hold:
	// a bucket that somebody else has made under the same name takes nothing. "" asks
	// for no owner.
	BucketOwner string
	// KMSKey lets objects be encrypted with this key of AWS KMS (SSE-KMS): an ARN, an
	// alias or an id. It takes permissions that the bucket's policy can't give. "" leaves
	// it to the bucket.
	KMSKey string
	// ACL is the canned ACL of its objects in the place of [Config].ACL; "" sends none.
	// nil is that of the Config.
	ACL *string
	// StorageClass is that of its objects, such as STANDARD_IA, but for those with Text; ""
	// is the server's usual one.
	StorageClass string
	// Tags are put on its objects, at most 10. They take the permission
	// s3:PutObjectTagging.
	Tags map[string]string
}

// tenant is what is said of the tenant of t's object now.
func (t *transfer) tenant() Tenant {
	if t.u.cfg.TenantOf == nil {
		return Tenant{}
	}
	return t.u.cfg.TenantOf(t.o.Tenant)
}

// owner is the account that the object's bucket must belong to; nil = any.
func (t *transfer) owner() *string {
	if t.anyOwner {
		return nil
	}
	return optional(t.tenant().BucketOwner)
}

// terms are what a request says that begins an object, by the names of its fields.
type terms struct {
	acl        types.ObjectCannedACL
	encryption types.ServerSideEncryption
	key        *string
	class      types.StorageClass
	tagging    *string
	owner      *string
}

func (t *transfer) terms() terms {
	of := t.tenant()
	made := terms{
		acl: types.ObjectCannedACL(t.u.cfg.ACL), key: optional(of.KMSKey), class: types.StorageClass(of.StorageClass),
		tagging: optional(tagging(of.Tags)), owner: optional(of.BucketOwner),
	}
	if of.ACL != nil {
		made.acl = types.ObjectCannedACL(*of.ACL)
	}
	if of.KMSKey != "" {
		made.encryption = types.ServerSideEncryptionAwsKms
	}
	if t.o.Text {
		made.class = "" // people read it at once, which an archive's class does not let them
		if widelyReadable[made.acl] {
			made.acl = types.ObjectCannedACLBucketOwnerFullControl
		}
	}
	return made
}

// widelyReadable are the ACLs by which others than the bucket's owner read an object. It is
// never written.
var widelyReadable = map[types.ObjectCannedACL]bool{
	types.ObjectCannedACLPublicRead: true, types.ObjectCannedACLPublicReadWrite: true,
	types.ObjectCannedACLAuthenticatedRead: true, types.ObjectCannedACLAwsExecRead: true,
}

// tagging is tags as the header x-amz-tagging wants them. A space is written as %20, which
// is one in every reading of a query.
func tagging(tags map[string]string) string {
	query := make(url.Values, len(tags))
	for key, value := range tags {
		query.Set(key, value)
	}
	return strings.ReplaceAll(query.Encode(), "+", "%20")
}

// optional is a field of a request that is left out if it is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
