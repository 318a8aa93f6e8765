package ownership

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"
)

const golden = `destinations confirmed buckets
format 1
acme acme-logs 2026-01-02T03:04:05Z
acme acme.raw 2026-01-02T03:04:06Z
beta acme-logs 2026-01-02T03:04:07Z
sha256 ...
`

func some() confirmed {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return confirmed{{"acme", "acme-logs"}: at, {"acme", "acme.raw"}: at.Add(time.Second), {"beta", "acme-logs"}: at.Add(2 * time.Second)}
}

// sealed is a text with its checksum behind it.
func sealed(text string) []byte {
	return fmt.Appendf(nil, "%ssha256 %x\n", text, sha256.Sum256([]byte(text)))
}

func TestFileForPeople(t *testing.T) {
	body, _, _ := strings.Cut(golden, "sha256 ")
	if got := string(some().encode()); got != string(sealed(body)) {
		t.Errorf("got\n%s\nwant\n%s", got, sealed(body))
	}
	got, err := decode(sealed(body))
	if err != nil || !maps.EqualFunc(got, some(), time.Time.Equal) {
		t.Errorf("got %v, %v", got, err)
	}
}

// A whole file of another format is not damaged: whoever goes back to an older version
// does not lose it.
func TestAnotherFormatIsNoDamage(t *testing.T) {
	_, err := decode(sealed(fileHead + "format 2\nanything\n"))
	if err == nil || errors.Is(err, errDamaged) || !strings.Contains(err.Error(), `"format 2"`) {
		t.Errorf("got %v", err)
	}
	for _, text := range []string{"another file\n", fileHead + formatOne + "acme b\n", fileHead + formatOne + "acme b c\n", fileHead + formatOne + "b b 2026-01-02T03:04:05Z\na b 2026-01-02T03:04:05Z\n"} {
		if _, err := decode(sealed(text)); !errors.Is(err, errDamaged) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// Whatever is read is refused, or is exactly what would be written.
func FuzzDecode(f *testing.F) {
	f.Add(some().encode(), true)
	f.Add([]byte(fileHead+formatOne+"a b 2026-01-02T03:04:05+01:00\n"), true)
	f.Add([]byte(fileHead+"format 2\n"), true)
	f.Fuzz(func(t *testing.T, text []byte, seal bool) {
		if seal {
			text = sealed(string(text))
		}
		if c, err := decode(text); err == nil && string(c.encode()) != string(text) {
			t.Errorf("got %v of %q", c, text)
		}
	})
}

func TestWordsOfAShell(t *testing.T) {
	for text, want := range map[string]string{"a/b-c_d.e=1/": "a/b-c_d.e=1/", "a b/": "'a b/'", "it's/": `'it'\''s/'`, "$(x)/": "'$(x)/'", "é/": "'é/'", "~/": "'~/'"} {
		if got := shellWord(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
