package main

import (
	"math"
	"testing"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]byteSize{
		"0": 0, "0B": 0, "1": 1, "17B": 17, "1KiB": 1 << 10, "128MiB": 128 << 20, "10 GiB": 10 << 30, "2TiB": 2 << 40,
		"9223372036854775807": math.MaxInt64,
	} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err != nil || got != want {
			t.Errorf("%q: got %d, %v; want %d", text, got, err, want)
		}
	}
}

func TestRefusedSizes(t *testing.T) {
	for _, text := range []string{"", "MiB", "1MB", "1mib", "1.5MiB", "-1", "-1KiB", "1 ", "1e6", "0x10", "8388608TiB", "9223372036854775808"} {
		var got byteSize
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func FuzzSizeIsReadBackAsWritten(f *testing.F) {
	for _, seed := range []string{"0", "1", "16MiB", "9223372036854775807", "3 KiB", "x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var size, again byteSize
		if size.UnmarshalText([]byte(text)) != nil {
			return
		}
		if err := again.UnmarshalText([]byte(size.String())); err != nil || again != size {
			t.Errorf("%q: got %d, written as %q, read as %d, %v", text, size, size, again, err)
		}
	})
}
