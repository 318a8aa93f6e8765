package main

import (
	"fmt"
	"regexp"
)

var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// checkBucket refuses what can't be a bucket's name.
func checkBucket(name string) error {
	if !bucketName.MatchString(name) {
		return fmt.Errorf("%q is not a bucket's name: 3 to 63 lower-case letters, digits, hyphens and dots", name)
	}
	return nil
}
