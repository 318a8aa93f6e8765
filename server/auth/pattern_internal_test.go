package auth

import (
	"regexp"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, matches, others string // names, separated by spaces; "-" = the empty one
	}{
		{"", "-", "a /"},
		{"*", "- a a/b/", ""},
		{"logs/", "logs/", "- log/ logs/a/ xlogs/"},
		{"logs/*", "logs/ logs/a/ logs/a/b/", "- logs log/ xlogs/"},
		{"acme-*-logs", "acme--logs acme-a-logs acme-a-b-logs", "acme-logs acme-a-logs-x"},
		{"a*b*c", "abc aXbXc abbcc", "ab ac bc acb"},
		{"**", "- a", ""},
		{"*a", "a ba aa", "- ab"},
	} {
		for want, names := range map[bool]string{true: c.matches, false: c.others} {
			for _, name := range strings.Fields(names) {
				if name == "-" {
					name = ""
				}
				if got := pattern(c.pattern).matches(name); got != want {
					t.Errorf("%q, %q: got %v, want %v", c.pattern, name, got, want)
				}
			}
		}
	}
}

// What a pattern matches is what a regular expression of the same meaning does.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{{"a*b", "aXb"}, {"*", ""}, {"**a*", "xxa"}, {"logs/*", "logs/a/"}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, p, name string) {
		if len(p) > 100 || len(name) > 1000 {
			return
		}
		expression, err := regexp.Compile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(p), `\*`, ".*") + "$")
		if err != nil || strings.ToValidUTF8(p, "") != p || strings.ToValidUTF8(name, "") != name {
			return // regexp knows UTF-8 only
		}
		if got, want := pattern(p).matches(name), expression.MatchString(name); got != want {
			t.Errorf("%q, %q: got %v, want %v", p, name, got, want)
		}
	})
}
