// Package ownership keeps which buckets tenants have shown to be theirs, and writes the
// challenges by which they show it.
//
// A service that writes with its own credentials into every bucket that trusts it can be
// told to write into a stranger's. Where a tenant has to, it shows first that it can read
// the bucket: the service writes an object there, the challenge, and the tenant gives its
// content back. That needs no permission to read on the service's side.
//
// # A challenge
//
// Its key and its content are functions of the tenant, the bucket and the prefix under a
// secret of the data folder: see [Challenge]. So nothing is kept before a bucket is
// confirmed, and a challenge that is written again, by another process or after it was
// deleted, is the same. It is written create-only: that it is there already is success.
// Who can write into the bucket can be there first with another content; then that
// tenant can't confirm under that prefix, and nobody else can either.
//
// # What is kept
//
// That a tenant has confirmed a bucket, and when, stands in the file "confirmed" of the data
// folder: lines of "TENANT BUCKET TIME" between a head and a checksum. Each change writes
// it whole: temporary name, sync, rename, sync of the folder; only then does it count. A
// file that does not verify is set aside, and everything has to be confirmed again: that
// refuses events of the tenants concerned, visibly, and is mended by a command, while a
// start that is refused would hold back what was acknowledged, of everybody. A file that
// can't be read, or is of another format, refuses the start: nothing says that it is damaged.
package ownership
