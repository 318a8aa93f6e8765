package faultproxy

import "strings"

// Rule lets requests fail that fit it. What is zero fits all.
type Rule struct {
	Name   string // for Proxy.Done
	Op     Op
	Bucket string
	Prefix string // of the key
	Part   int
	From   int   // the first of the requests that fit for which the rule holds, counted from 1
	To     int   // the last one; 0: for ever
	Fault  Fault // what becomes of them
}

// fits tells whether a rule is about such a request.
func (r *Rule) fits(c Call) bool {
	return c.Op != "" && (r.Op == "" || r.Op == c.Op) && (r.Bucket == "" || r.Bucket == c.Bucket) &&
		strings.HasPrefix(c.Key, r.Prefix) && (r.Part == 0 || r.Part == c.Part)
}

// holds tells whether a rule holds for the n-th request that fits it.
func (r *Rule) holds(n int) bool { return n >= r.From && (r.To == 0 || n <= r.To) }

// counted is a rule that is in force, and how many requests have fit it. That is
// guarded by the lock of the proxy.
type counted struct {
	Rule
	fitted int
}

// decide counts c with every rule that it fits, and returns the first that holds
// for it; if there is none, a nameless one that passes it on.
func decide(rules []*counted, c Call) *counted {
	var first *counted
	for _, r := range rules {
		if !r.fits(c) {
			continue
		}
		r.fitted++
		if first == nil && r.holds(r.fitted) {
			first = r
		}
	}
	if first == nil {
		return &counted{}
	}
	return first
}
