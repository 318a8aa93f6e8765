package main

import (
	"math/rand/v2"

	"github.com/open-destinations/destinations/e2e/faultproxy"
)

// How many lives a bucket is sick or well for, at most, and how often it is longer:
// long enough for its batches to be parked.
const (
	phaseLives     = 6
	longPhasePart  = 0.1
	longPhaseLives = 60
)

// sickness has two of the buckets refuse everything for some of the service's lives.
type sickness struct {
	random *rand.Rand
	sick   bool
	left   int // lives until it changes
}

// next returns what S3 answers in the next life.
func (s *sickness) next() []faultproxy.Rule {
	if s.left--; s.left < 0 {
		s.sick = !s.sick
		s.left = s.random.IntN(phaseLives)
		if s.random.Float64() < longPhasePart {
			s.left = s.random.IntN(longPhaseLives)
		}
	}
	if !s.sick {
		return nil
	}
	return []faultproxy.Rule{
		{Name: "refused", Bucket: sickBuckets[0], Fault: faultproxy.Answer(403, "AccessDenied")},
		{Name: "slow down", Bucket: sickBuckets[1], Fault: faultproxy.Answer(503, "SlowDown")},
	}
}

// sickBuckets are those that are sick at times.
var sickBuckets = [...]string{"kills-c", "kills-d"}
