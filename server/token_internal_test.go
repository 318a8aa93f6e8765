package server

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func sampleToken() Token {
	return Token{
		Tenant:      "default",
		Destination: [16]byte{1, 2, 3, 15: 16},
		Partition:   3,
		First:       Position{Offset: 1 << 40, Index: 7},
		Last:        Position{Offset: 1<<40 + 5, Index: 1 << 30},
		Received:    time.Unix(1_790_000_000, 123_456_789),
	}
}

func sampleTokens() *tokens { return newTokens(bytes.Repeat([]byte{9}, 32), [16]byte{4, 5, 6}) }

func TestTokenReadsBack(t *testing.T) {
	k := sampleTokens()
	for _, tenant := range []string{"", "default", strings.Repeat("t", 200)} {
		want := sampleToken()
		want.Tenant = tenant
		encoded := k.encode(want)
		got, err := k.decode(encoded)
		if err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
		if len(encoded) >= 400 || len(encoded) != encodedTokenBytes(want) {
			t.Errorf("got %d characters, want under 400, and %d", len(encoded), encodedTokenBytes(want))
		}
		if strings.Trim(encoded, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("got %q, want URL-safe characters", encoded)
		}
	}
}

// A token of what is received after the start is not older than the start, however far the clock was
// set back in between: the ledger would take it for one of a folder that was restored.
func TestTokenIsNotOlderThanTheStart(t *testing.T) {
	began := time.Now()
	for name, at := range map[string]time.Time{
		"set back": began.Add(-time.Hour), "as it was": began.Add(time.Second), "set forward": began.Add(time.Hour),
	} {
		got, want := laterOf(at, began, time.Second), began.Add(time.Second).Round(0)
		if name == "set forward" {
			want = at.Round(0)
		}
		if got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
	k := sampleTokens()
	k.began = began // two looks at the clocks differ by what passes between that at the one and at the other
	if got := k.received(began); got != began.Round(0) {
		t.Errorf("got %v, want %v as it was received", got, began.Round(0))
	}
}

func TestTokenFormatStays(t *testing.T) {
	const want = "AQdkZWZhdWx0AQIDAAAAAAAAAAAAAAAAEAAAAAMAAAEAAAAAAAAAAAcAAAEAAAAABUAAAAAY11uEK07NFfyXq89rI7JM6Z-QXFOhRqI"
	if got := sampleTokens().encode(sampleToken()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTamperedTokenIsRefused(t *testing.T) {
	k := sampleTokens()
	raw, err := tokenEncoding.DecodeString(k.encode(sampleToken()))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		changed := bytes.Clone(raw)
		changed[bit/8] ^= 1 << (bit % 8)
		if _, err := k.decode(tokenEncoding.EncodeToString(changed)); !errors.Is(err, errTokenInvalid) {
			t.Errorf("bit %d changed: got %v, want errTokenInvalid", bit, err)
		}
	}
	for n := range len(raw) {
		if _, err := k.decode(tokenEncoding.EncodeToString(raw[:n])); !errors.Is(err, errTokenInvalid) {
			t.Errorf("cut to %d bytes: got %v, want errTokenInvalid", n, err)
		}
	}
}

func TestTokenOfAnotherKeyOrJournalIsRefused(t *testing.T) {
	encoded := sampleTokens().encode(sampleToken())
	for name, k := range map[string]*tokens{
		"key":     newTokens(bytes.Repeat([]byte{8}, 32), [16]byte{4, 5, 6}),
		"journal": newTokens(bytes.Repeat([]byte{9}, 32), [16]byte{4, 5, 7}),
	} {
		if _, err := k.decode(encoded); !errors.Is(err, errTokenInvalid) {
			t.Errorf("another %s: got %v, want errTokenInvalid", name, err)
		}
	}
}

func TestTokenOfALaterVersionIsRefused(t *testing.T) {
	k := sampleTokens()
	raw, err := tokenEncoding.DecodeString(k.encode(sampleToken()))
	if err != nil {
		t.Fatal(err)
	}
	body := raw[:len(raw)-macBytes]
	body[0] = 2
	if _, err := k.decode(tokenEncoding.EncodeToString(append(body, k.mac(body)...))); !errors.Is(err, errTokenInvalid) || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("got %v, want errTokenInvalid with the version", err)
	}
}

func FuzzTokenDecode(f *testing.F) {
	k := sampleTokens()
	good := k.encode(sampleToken())
	for _, seed := range []string{"", good, good[:20], good + "A", good + "=", strings.Repeat("A", 103), "\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		token, err := k.decode(s)
		if err == nil && k.encode(token) != s {
			t.Errorf("decode(%q): got %+v, which is another token", s, token)
		}
		if err != nil && !errors.Is(err, errTokenInvalid) {
			t.Errorf("decode(%q): got %v, want errTokenInvalid", s, err)
		}
	})
}
