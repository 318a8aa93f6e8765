package server_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/open-destinations/destinations/server"
)

func TestCheckPrefix(t *testing.T) {
	long := strings.Repeat("a", 899)
	tests := []struct{ raw, completed, problem string }{
		{"", "", ""},
		{"test", "test/", ""},
		{"test/", "test/", ""},
		{"/", "/", ""},
		{"a//b", "a//b/", ""},
		{"日本語/データ", "日本語/データ/", ""},
		{"a.b/..c/d..", "a.b/..c/d../", ""},
		{"...", ".../", ""},
		{long, long + "/", ""},
		{long + "/", long + "/", ""},
		{long + "a", "", `901 bytes, limit 900 when completed`},
		{long + "a/", "", `901 bytes, limit 900 when completed`},
		{strings.Repeat("語", 300), "", "901 bytes"},
		{".", "", `segment "."`},
		{"./a", "", `segment "."`},
		{"a/..", "", `segment ".."`},
		{"a/../b", "", `segment "..", as at byte 2`},
		{"a/./", "", `segment "."`},
		{"a\nb", "", "control character U+000A at byte 1"},
		{"a\x00", "", "control character U+0000 at byte 1"},
		{"a\x7f", "", "control character U+007F at byte 1"},
		{"é\u0085", "", "control character U+0085 at byte 2"},
		{"a\xff", "", "UTF-8"},
	}
	for _, tt := range tests {
		completed, err := server.CheckPrefix(tt.raw)
		if completed != tt.completed || (err == nil) != (tt.problem == "") {
			t.Errorf("CheckPrefix(%q): got %q, %v; want %q, %q", tt.raw, completed, err, tt.completed, tt.problem)
		} else if err != nil && !strings.Contains(err.Error(), tt.problem) {
			t.Errorf("CheckPrefix(%q): got %v, want %q in it", tt.raw, err, tt.problem)
		}
	}
}

// slowPrefix is the rule once more, a rune at a time.
func slowPrefix(raw string) (string, bool) {
	completed := raw
	if n := len(raw); n > 0 && raw[n-1] != '/' {
		completed += "/"
	}
	segment := ""
	for _, r := range completed {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return "", false
		}
		if r != '/' {
			segment += string(r)
			continue
		}
		if segment == "." || segment == ".." {
			return "", false
		}
		segment = ""
	}
	return completed, len(completed) <= 900 && utf8.ValidString(raw)
}

func FuzzCheckPrefix(f *testing.F) {
	for _, seed := range []string{"", "test", "test/", "/", "../a", "a/./b", "a\u0085", "日本語", "\xff", strings.Repeat("a", 900)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got, err := server.CheckPrefix(raw)
		want, ok := slowPrefix(raw)
		if (err == nil) != ok || ok && got != want {
			t.Fatalf("CheckPrefix(%q): got %q, %v; want %q, %v", raw, got, err, want, ok)
		}
		if err != nil {
			if !utf8.ValidString(err.Error()) || strings.ContainsFunc(err.Error(), unicode.IsControl) {
				t.Errorf("CheckPrefix(%q): the error %q is not fit to be shown", raw, err)
			}
			return
		}
		if again, err := server.CheckPrefix(got); err != nil || again != got {
			t.Errorf("CheckPrefix(%q): got %q, %v; want it unchanged", got, again, err)
		}
	})
}
