// Package traffic sends events as workflow executors do that resend blindly: a
// request that has no answer is sent again, as it was, until it has one, whatever
// breaks in between. And it counts what of it arrives.
//
// A Client numbers its events, and everything about an event follows from its number:
// its destination and every byte of its payload. So a Tally can judge millions of
// lines with a bit for each.
package traffic
