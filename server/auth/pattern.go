package auth

import "strings"

// pattern is a name in which each "*" stands for any run of characters, "/" and none
// at all among them.
type pattern string

// exact reports whether only one name matches.
func (p pattern) exact() bool { return !strings.Contains(string(p), "*") }

// matches takes no longer than the product of both lengths, whatever they hold.
func (p pattern) matches(name string) bool {
	s := string(p)
	star, mark := -1, 0 // the last "*" of s, and where in name what follows it is tried
	at := 0             // in s
	for i := 0; i < len(name); {
		switch {
		case at < len(s) && s[at] == '*':
			star, mark = at, i
			at++
		case at < len(s) && s[at] == name[i]:
			at++
			i++
		case star >= 0:
			mark++
			at, i = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(s[at:], "*") == ""
}
