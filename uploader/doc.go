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
//	s3:PutObject                   PutObject, CreateMultipartUpload, UploadPart, CompleteMultipartUpload
//	s3:PutObjectAcl                likewise, when an ACL is set
//	s3:PutObjectTagging            likewise, when a [Tenant] has tags
//	kms:GenerateDataKey            likewise, when a [Tenant] has a key, which must grant it; kms:Decrypt, too, for multipart uploads
//	s3:AbortMultipartUpload        AbortMultipartUpload
//	s3:ListBucketMultipartUploads  ListMultipartUploads
//	s3:GetBucketLocation           GetBucketLocation
//	nothing                        HeadBucket: its refusal carries the region that it is called for
//
// Nothing else is ever called.
//
// # What may be left behind
//
// A multipart upload that fails is aborted before [Uploader.Upload] returns,
// also when its context was cancelled. Three things can still leave the parts
// of one behind in the bucket: a CreateMultipartUpload whose reply was lost, an
// abort that S3 never answered, and a process that was killed. None of them
// makes an object. Of the first two [Result] and [Leftover] tell, and
// [Uploader.AbortLeftovers] removes what any of them has left.
//
// # Whom an error concerns
//
// [Classify] tells whether a wait may help, or whether it is the destination, our
// credentials or this one object that S3 refuses. [Uploader.Probe] finds out,
// without sending a byte of an object, whether that has changed, and [Uploader.Check] what
// exactly it is that S3 refuses, and which action would have to be granted.
package uploader
