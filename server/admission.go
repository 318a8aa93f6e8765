package server

import destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"

// Admission says whether destinations take more events.
type Admission interface {
	// Refusal returns why new events for a destination are to be rejected, for the
	// people who send them; "" = they are not. The prefix is completed. It is a
	// hint that may be stale: what was accepted by mistake is kept like all else. It
	// is asked for each destination of each request, by any number of callers
	// together, so it must not wait, and should not allocate to say "".
	Refusal(tenant, bucket, prefix string) string
}

// admit asks once a request whether a destination takes more, and returns why not: that
// its tenant has to confirm the bucket, first.
func (c *checker) admit(to *destination) *problem {
	if to.asked == c.request {
		return to.refused
	}
	to.asked, to.refused = c.request, nil
	if reason := c.ownership.Unconfirmed(to.tenant, to.bucket, to.prefix); reason != "" {
		to.refused = &problem{destinationsv1.RejectionCode_REJECTION_CODE_BUCKET_NOT_CONFIRMED, "bucket", "bucket: " + reason}
		c.directory.bytes += len(to.refused.reason) // it is made for this destination alone
	} else if reason := c.admission.Refusal(to.tenant, to.bucket, to.prefix); reason != "" {
		to.refused = &problem{destinationsv1.RejectionCode_REJECTION_CODE_DESTINATION_BLOCKED, "bucket", "bucket: " + reason}
	}
	return to.refused
}
