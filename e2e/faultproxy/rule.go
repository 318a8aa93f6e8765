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

// rules are the rules that are in force, and how many requests have fit each.
// They are guarded by the lock of their proxy.
type rules struct {
	all    []Rule
	fitted []int
}

// decide counts c with every rule that it fits, and returns the first that holds
// for it; if there is none, a nameless one that passes it on.
func (s *rules) decide(c Call) *Rule {
	var first *Rule
	for i := range s.all {
		r := &s.all[i]
		if !r.fits(c) {
			continue
		}
		s.fitted[i]++
		if first == nil && r.holds(s.fitted[i]) {
			first = r
		}
	}
	if first == nil {
		return &Rule{}
	}
	return first
}
