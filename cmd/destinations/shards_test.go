package main

import (
	"testing"

	"github.com/open-destinations/destinations/batcher"
)

// What a destination waits for is named; what was said of it may name another's object, and
// a receipt's holder is not told that.
func TestHealthOfWhatWaitsNamesNoOther(t *testing.T) {
	waits := healthOf(&batcher.Status{State: batcher.StateBlocked, Code: "Timeout", Message: "PutObject s3://theirs/k: timeout", WaitsFor: "endpoint"})
	if waits.Code != "Timeout" || waits.Message != "waits for the endpoint" {
		t.Errorf("got %+v", waits)
	}
	own := healthOf(&batcher.Status{State: batcher.StateBlocked, Code: "AccessDenied", Message: "PutObject s3://ours/k: AccessDenied"})
	if own.Message != "PutObject s3://ours/k: AccessDenied" {
		t.Errorf("got %+v", own)
	}
}
