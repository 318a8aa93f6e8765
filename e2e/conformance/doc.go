// Package conformance holds the clients of all languages to one behaviour: it plays the
// scenarios of clients/conformance against the real service and a real S3 server, through
// proxies that break what is between them, and lets each language's driver do with its
// package what a user would. Then it reads every object back.
//
// The scenarios' fields stand in scenario_test.go, the drivers' protocol in
// clients/conformance/README.md.
package conformance
