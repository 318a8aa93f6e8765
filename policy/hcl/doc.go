// Package hcl has one test: that Terraform's own parser reads what the package policy writes
// in its language, and takes it for the same documents. It is a module of its own, so that
// the service does not depend on the parser.
package hcl
