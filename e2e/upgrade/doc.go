// Package upgrade reads and writes archives of data folders that earlier versions have
// written, with a note of what each of them owes its senders. The archives lie in
// e2e/testdata/upgrade; the program in make writes them.
package upgrade
