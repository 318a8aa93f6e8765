// Package uploader puts one object into S3 under one exact key, at most once.
//
// It knows how an object is named ([Identifier], [Key]), how its bytes are put
// together ([Compressor], [Body]), how it gets into its bucket ([Uploader]) and
// what an answer of S3 means ([Error], [Classify]). It sees an [Object] and
// never what the object was made of, and it is the only package that talks to
// S3.
//
// # How an object is stored at most once
//
// A key is a function of the decision to make that one object, so nothing else
// may ever be stored under it. Every PutObject and every
// CompleteMultipartUpload is create-only (If-None-Match: *). An attempt whose
// reply was lost may have stored the object all the same; it is repeated under
// the same key, never under a new one, and the answer 412 then says that the
// object is there. That is success, and it needs no permission to read. What a
// 412 does not tell (ETag, stored size) is reported as unknown.
//
// # What is asked of the bucket's owner
//
// Only PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload,
// AbortMultipartUpload, GetBucketLocation and HeadBucket are called. The first
// four need s3:PutObject (and s3:PutObjectAcl when an ACL is set), the next two
// s3:AbortMultipartUpload and s3:GetBucketLocation. HeadBucket needs nothing:
// its refusal carries the region that it is called for.
//
// # What may be left behind
//
// A multipart upload that fails is aborted before [Uploader.Upload] returns,
// also when its context was cancelled. Three things can still leave the parts
// of one behind in the bucket: a CreateMultipartUpload whose reply was lost, an
// abort that S3 never answered, and a process that was killed. None of them
// makes an object. A lifecycle rule of the bucket
// (AbortIncompleteMultipartUpload) removes them.
package uploader
