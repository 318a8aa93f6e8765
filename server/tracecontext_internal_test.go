package server

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"
)

const goodTraceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParseTraceparent(t *testing.T) {
	const ids = "0af7651916cd43dd8448eb211c80319c" + "b7ad6b7169203331"
	tests := []struct{ name, traceparent, want string }{
		{"sampled", goodTraceparent, ids + "01"},
		{"not sampled", strings.TrimSuffix(goodTraceparent, "1") + "0", ids + "00"},
		{"random trace id", strings.TrimSuffix(goodTraceparent, "01") + "03", ids + "03"},
		{"flags without a meaning are cleared", strings.TrimSuffix(goodTraceparent, "01") + "ff", ids + "03"},
		{"later version", "cc" + goodTraceparent[2:], ids + "01"},
		{"later version knows the sampled flag alone", "01" + goodTraceparent[2:53] + "ff", ids + "01"},
		{"later version with more", "cc" + goodTraceparent[2:] + "-what", ids + "01"},
		{"later version with an empty rest", "cc" + goodTraceparent[2:] + "-", ids + "01"},
		{"later version, no hyphen", "cc" + goodTraceparent[2:] + "what", ""},
		{"version ff", "ff" + goodTraceparent[2:], ""},
		{"version 00 with more", goodTraceparent + "-what", ""},
		{"too short", goodTraceparent[:54], ""},
		{"empty", "", ""},
		{"upper case", strings.ToUpper(goodTraceparent), ""},
		{"one upper-case digit", strings.Replace(goodTraceparent, "f7", "F7", 1), ""},
		{"no trace id", "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01", ""},
		{"no span id", goodTraceparent[:36] + strings.Repeat("0", 16) + "-01", ""},
		{"not hexadecimal", strings.Replace(goodTraceparent, "0a", "0g", 1), ""},
		{"other separators", strings.ReplaceAll(goodTraceparent, "-", "_"), ""},
		{"space around", " " + goodTraceparent + " ", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseTraceparent(tt.traceparent)
			if ok != (tt.want != "") || ok && hex.EncodeToString(got[:]) != tt.want {
				t.Errorf("parseTraceparent(%q): got %x, %v; want %q", tt.traceparent, got, ok, tt.want)
			}
		})
	}
}

func TestParseTraceparentAllocatesNothing(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { parseTraceparent(goodTraceparent) }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

var traceparentShape = regexp.MustCompile(`\A([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-(?s:.*))?\z`)

func FuzzParseTraceparent(f *testing.F) {
	for _, seed := range []string{goodTraceparent, "cc" + goodTraceparent[2:] + "-x", "ff" + goodTraceparent[2:], goodTraceparent[:54], "", "00-" + strings.Repeat("0", 32) + "-b7ad6b7169203331-01"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := parseTraceparent(s)
		m := traceparentShape.FindStringSubmatch(s)
		want := m != nil && m[1] != "ff" && strings.Trim(m[2], "0") != "" && strings.Trim(m[3], "0") != "" && (m[1] != "00" || m[5] == "")
		if ok != want {
			t.Fatalf("parseTraceparent(%q): got %v, want %v", s, ok, want)
		}
		if ok && hex.EncodeToString(got[:24]) != m[2]+m[3] {
			t.Errorf("parseTraceparent(%q): got %x", s, got)
		}
	})
}
