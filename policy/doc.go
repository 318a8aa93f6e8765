// Package policy writes what AWS has to be told so that the service can deliver into a
// bucket: the bucket's policy, and what belongs to it where a tenant's role is assumed or
// objects are encrypted with a key. It asks nothing of AWS, and AWS was not asked whether it
// means the same: each condition says which page of AWS's documentation it comes from.
//
// The one table of what the service does, and which action AWS calls it, is [Terms.Actions].
package policy
