// Package sts is a Security Token Service for tests: it answers AssumeRole over real
// HTTP, as AWS does, for roles that a test describes. It checks the signature of a
// request, who makes it, the external id and the session tags that the role asks for, and
// hands out session keys that the S3 server of the tests (e2e/s3server) knows: each
// session is a file in a folder that both are given.
//
// It can be told to refuse, throttle, fail or hang, for one role or for all, and to
// end sessions sooner than was asked.
//
// Sources: the AWS Security Token Service API Reference, AssumeRole and Common Errors;
// the IAM User Guide, "The confused deputy problem" and "Passing session tags in STS".
package sts
