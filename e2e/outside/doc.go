// Package outside proves that the API works where callers are: in Node.js, in
// Python and with grpcurl, each against the service's own binary and a real S3
// server. The programs in node and python are examples to copy, the files in
// grpcurl are what is piped into it.
//
// The tests need node, npm and python3 on the PATH. What the programs need beside
// them is pinned in node/package-lock.json and python/requirements.txt; the tests
// install it beside the programs, once, and again when a pin changes.
package outside
