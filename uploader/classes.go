package uploader

import (
	"errors"
	"strings"
)

// Class says whom an error concerns, and so what may be hoped of repeating what
// failed.
type Class int

const (
	// ClassTransient is an error that a wait may cure without anyone's help, and
	// every error that is not known.
	ClassTransient Class = iota
	// ClassDestination is an error of one bucket or of one prefix of it. It stays
	// until somebody changes the bucket, its policy, its key or its account.
	ClassDestination
	// ClassCredentials is an error of everything that is signed with the same
	// credentials: they have expired, are wrong or cannot be had, or the clock is
	// wrong. No bucket's owner can do anything about it.
	ClassCredentials
	// ClassBatch is an error of one object: S3 will not have it as it is, and may
	// take the next one.
	ClassBatch
)

// String returns the class as it stands in logs.
func (c Class) String() string {
	switch c {
	case ClassDestination:
		return "destination"
	case ClassCredentials:
		return "credentials"
	case ClassBatch:
		return "batch"
	}
	return "transient"
}

// Permanent tells whether err needs somebody's help: whether its class is any
// but [ClassTransient]. Nothing has been stored by the request that it ended.
func Permanent(err error) bool { return Classify(err) != ClassTransient }

// Classify returns the class of err by the AWS code, and where that is not known
// by the HTTP status, of the [Error] in it. An error without one is transient: so
// are connections refused, reset or timed out, and contexts that were cancelled.
func Classify(err error) Class {
	var e *Error
	if !errors.As(err, &e) {
		return ClassTransient
	}
	return rowOf(e).class
}

// row is what is known of an error.
type row struct {
	class Class
	again bool // a second try soon may cure it although its class is not transient
}

// rowOf finds what is known of e.
func rowOf(e *Error) row {
	if r, ok := byCode[e.Code]; ok {
		return r
	}
	if strings.HasPrefix(e.Code, kmsPrefix) {
		return row{class: ClassDestination}
	}
	for _, r := range byStatus {
		if e.Status >= r.from && e.Status <= r.to {
			return r.row
		}
	}
	return row{}
}

// kmsPrefix begins the codes of the service that keeps the keys of buckets. What
// of them is not in byCode says that the bucket's key cannot be used.
const kmsPrefix = "KMS."

var (
	transient   = row{}
	destination = row{class: ClassDestination}
	account     = row{class: ClassCredentials}
	batch       = row{class: ClassBatch}
)

// byCode lists the codes that say more than the status they come with, and those
// that can also stand in the body of a 200. It is never written. Its sources: the
// page "Error responses" of the Amazon S3 API Reference, with the list that the
// SDK repeats at types.Error; what the SDKs repeat (retry.DefaultThrottleErrorCodes
// and others in Go, _retry.json in Python); and what other servers add, named
// where it is.
var byCode = map[string]row{
	// Time or a second try cures it, whatever the status.
	"InternalError":                  transient, // 500: S3's own
	"SlowDown":                       transient, // 503: too many requests for the prefix
	"ServiceUnavailable":             transient, // 503
	"RequestTimeout":                 transient, // 400: our bytes came too slowly
	"RequestTimeoutException":        transient, // 400: likewise
	"IncompleteBody":                 transient, // 400: the connection broke in the body
	"BadDigest":                      transient, // 400: bytes were damaged on the way
	"XAmzContentChecksumMismatch":    transient, // 400: likewise
	"XAmzContentSHA256Mismatch":      transient, // 400: likewise
	"InvalidPart":                    transient, // 400: a part is gone; a new upload sends it again
	"NoSuchUpload":                   transient, // 404: somebody aborted it, or it is complete; a new upload finds out
	"OperationAborted":               transient, // 409: another request about the same thing is under way
	"ConditionalRequestConflict":     transient, // 409: likewise
	"TemporaryRedirect":              transient, // 307: the name of a young bucket is still spreading
	"Redirect":                       transient, // 307: likewise
	"Throttling":                     transient, // 400: too many requests; so the next ones
	"ThrottlingException":            transient, // 400
	"ThrottledException":             transient, // 400
	"RequestThrottled":               transient, // 403
	"RequestThrottledException":      transient, // 400
	"TooManyRequestsException":       transient, // 429
	"RequestLimitExceeded":           transient, // 400, 503
	"BandwidthLimitExceeded":         transient, // 509
	"LimitExceededException":         transient, // 400
	"PriorRequestNotComplete":        transient, // 400
	"KMS.ThrottlingException":        transient, // 400: the key's service is busy
	"KMS.KMSInternalException":       transient, // 400: the key's service failed
	"KMS.DependencyTimeoutException": transient, // 400: likewise
	"KMS.KeyUnavailableException":    transient, // 400: likewise

	// The bucket, its policy, its account or its key.
	"AccessDenied":                       destination, // 403, or in a 200: the policy does not grant it, or not any more
	"AllAccessDisabled":                  destination, // 403: AWS has closed the bucket
	"AccountProblem":                     destination, // 403: of the bucket's account: ours would be found out by more than one bucket
	"NotSignedUp":                        destination, // 403: likewise
	"InvalidPayer":                       destination, // 403: likewise
	"UnauthorizedAccess":                 destination, // 403: China, the bucket's account has no licence
	"QuotaExceeded":                      destination, // 403: other servers: the bucket is full
	"XMinioAdminBucketQuotaExceeded":     destination, // 400: MinIO, likewise
	"NoSuchBucket":                       destination, // 404, or in a 200: the bucket is gone
	"NoSuchKey":                          destination, // 404: an access point or a server that does not know the bucket
	"ObjectParentIsFile":                 destination, // 409: versitygw: the prefix is an object
	"InvalidBucketName":                  destination, // 400
	"InvalidBucketState":                 destination, // 409
	"InvalidObjectState":                 destination, // 403
	"MethodNotAllowed":                   destination, // 405
	"NotImplemented":                     destination, // 501: the server cannot do what we need
	"AccessControlListNotSupported":      destination, // 400: the bucket has ACLs off, and --s3-acl names another than the owner's
	"PermanentRedirect":                  destination, // 301: another region, and the answer did not say which
	"AuthorizationHeaderMalformed":       destination, // 400: likewise
	"IllegalLocationConstraintException": destination, // 400: likewise
	"MissingSecurityHeader":              destination, // 400: the bucket asks for a header that we do not send
	"InvalidEncryptionAlgorithmError":    destination, // 400: the bucket's encryption

	// Our credentials and our clock.
	CodeNoCredentials:             {class: ClassCredentials, again: true}, // their provider may answer the next time
	"RequestTimeTooSkewed":        {class: ClassCredentials, again: true}, // 403: the SDK has learned the skew from the answer
	"RequestExpired":              {class: ClassCredentials, again: true}, // 400: likewise
	"ExpiredToken":                account,                                // 400: nothing is newer until their provider has others
	"ExpiredTokenException":       account,                                // 400: likewise, as other services of AWS call it
	"TokenRefreshRequired":        account,                                // 400: likewise
	"InvalidToken":                account,                                // 400: the session's token is of no use
	"InvalidAccessKeyId":          account,                                // 403: unknown or deactivated
	"InvalidClientTokenId":        account,                                // 403: likewise, as other services of AWS call it
	"UnrecognizedClientException": account,                                // 400: likewise
	"InvalidSecurity":             account,                                // 403: likewise
	"SignatureDoesNotMatch":       account,                                // 403: the secret is wrong, or a proxy has changed the request
	"InvalidSignatureException":   account,                                // 403: likewise
	"IncompleteSignature":         account,                                // 400: likewise
	"AuthFailure":                 account,                                // 403: likewise

	// This object as it is.
	"InvalidRequest":               batch, // 400
	"InvalidArgument":              batch, // 400
	"InvalidDigest":                batch, // 400
	"InvalidPartOrder":             batch, // 400
	"InvalidPartNumber":            batch, // 400: other servers
	"InvalidURI":                   batch, // 400
	"KeyTooLongError":              batch, // 400
	"KeyTooLong":                   batch, // 400: as older pages call it
	"EntityTooLarge":               batch, // 400
	"EntityTooSmall":               batch, // 400: a part of it
	"TooManyParts":                 batch, // 400
	"MetadataTooLarge":             batch, // 400
	"MalformedXML":                 batch, // 400: our list of parts
	"MaxMessageLengthExceeded":     batch, // 400: likewise
	"MissingContentLength":         batch, // 411
	"RequestHeaderSectionTooLarge": batch, // 400
	"UnexpectedContent":            batch, // 400
}

// byStatus holds for codes that are not in byCode; the first row that fits
// counts, and a status that is not here is transient. It is never written.
var byStatus = []struct {
	from, to int
	row      row
}{
	{307, 307, transient},   // Temporary Redirect
	{300, 399, destination}, // another region or endpoint, and the answer did not say which
	{401, 407, destination}, // who we are, what we may, whether it is there
	{410, 410, destination}, // gone
	{411, 411, batch},       // wants a length
	{413, 414, batch},       // too large, key too long
	{431, 431, batch},       // headers too large
	{451, 451, destination}, // closed by law
}
