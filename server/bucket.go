package server

import (
	"fmt"
	"strings"
)

// Limits of a bucket's name, in bytes.
const (
	minBucketBytes = 3
	maxBucketBytes = 63
)

// What Amazon S3 keeps for itself, as its naming rules list it:
// docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html.
const (
	reservedBucketPrefixes = "xn-- sthree- amzn-s3-demo-"
	reservedBucketSuffixes = "-s3alias --ol-s3 .mrap --x-s3 --table-s3"
)

// CheckBucket says which of Amazon S3's rules for the names of general purpose
// buckets the name breaks, or nil. The error's text holds at most the first 100
// bytes of the name.
func CheckBucket(bucket string) error {
	if n := len(bucket); n < minBucketBytes || n > maxBucketBytes {
		return fmt.Errorf("%s: %s bytes, must be %d to %d", quoted(bucket), thousands(n), minBucketBytes, maxBucketBytes)
	}
	for i := range len(bucket) {
		if c := bucket[i]; !alphanumeric(c) && c != '-' && c != '.' {
			return fmt.Errorf("%s: must consist of lower-case letters, digits, hyphens and dots", quoted(bucket))
		}
	}
	if !alphanumeric(bucket[0]) || !alphanumeric(bucket[len(bucket)-1]) {
		return fmt.Errorf("%q: must begin and end with a letter or digit", bucket)
	}
	if strings.Contains(bucket, "..") {
		return fmt.Errorf("%q: must not have two dots in a row", bucket)
	}
	if likeIPv4(bucket) {
		return fmt.Errorf("%q: must not look like an IPv4 address", bucket)
	}
	return checkReserved(bucket)
}

func checkReserved(bucket string) error {
	for prefix := range strings.FieldsSeq(reservedBucketPrefixes) {
		if strings.HasPrefix(bucket, prefix) {
			return fmt.Errorf("%q: must not begin with %q", bucket, prefix)
		}
	}
	for suffix := range strings.FieldsSeq(reservedBucketSuffixes) {
		if strings.HasSuffix(bucket, suffix) {
			return fmt.Errorf("%q: must not end with %q", bucket, suffix)
		}
	}
	return nil
}

func alphanumeric(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }

// likeIPv4 reports whether a name without two dots in a row is four groups of
// digits with dots in between.
func likeIPv4(bucket string) bool {
	return strings.Count(bucket, ".") == 3 && strings.Trim(bucket, ".0123456789") == ""
}
