// Package e2e proves the service's promises from outside: its own binary, a real
// S3 server under the bucket policy that users are given, an account that may do
// nothing but what that policy says, and the system's gunzip.
//
// The clients of these tests never send anything twice, and every event has a
// payload of its own, so what a bucket holds says exactly what became of each.
package e2e
