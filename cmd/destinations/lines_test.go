package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// readLines is the lines of r; "too long" stands for one above the limit.
func readLines(t testing.TB, r io.Reader, limit int) []string {
	t.Helper()
	reader := newLineReader(r, limit)
	var got []string
	for {
		line, err := reader.next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatal(err)
		}
		if line.payload == nil {
			got = append(got, "too long")
		} else {
			got = append(got, string(line.payload))
		}
	}
}

func TestLinesAreCutAtLineEnds(t *testing.T) {
	for text, want := range map[string][]string{
		"":               nil,
		"\n":             {""},
		"a":              {"a"},
		"a\n":            {"a"},
		"a\r\nb\n":       {"a", "b"},
		"a\r":            {"a\r"},
		"a\rb\n":         {"a\rb"},
		"\r\n\r\n":       {"", ""},
		"\r\r\n":         {"\r"},
		"abcd\nabcde\nx": {"abcd", "too long", "x"},
		"abcd\r\n":       {"abcd"},
		"abcde\r\n":      {"too long"},
		"abcd\r\r\n":     {"too long"},
		"abcdefghij":     {"too long"},
	} {
		if got := readLines(t, strings.NewReader(text), 4); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The line end is found also where it falls on the edge of the read buffer.
func TestLineEndOnTheEdgeOfTheBuffer(t *testing.T) {
	for size := 64<<10 - 3; size <= 64<<10+3; size++ {
		line := strings.Repeat("x", size)
		for _, end := range []string{"\n", "\r\n"} {
			for _, limit := range []int{size, size - 1} {
				reader := newLineReader(strings.NewReader(line+end+"y"), limit)
				first, err := reader.next()
				if err != nil || first.size != uint64(size) || (first.payload == nil) != (limit < size) {
					t.Errorf("%d bytes, end %q, limit %d: got size %d, payload of %d bytes, %v", size, end, limit, first.size, len(first.payload), err)
				}
				if second, err := reader.next(); err != nil || string(second.payload) != "y" {
					t.Errorf("%d bytes, end %q: got %q, %v behind it", size, end, second.payload, err)
				}
			}
		}
	}
}

func TestLineReaderHoldsNoMoreThanTheLimit(t *testing.T) {
	reader := newLineReader(io.LimitReader(zeros{}, 64<<20), 1000)
	line, err := reader.next()
	if err != nil || line.size != 64<<20 || line.payload != nil || cap(reader.buf) > 2000 {
		t.Errorf("got size %d, buffer %d, %v", line.size, cap(reader.buf), err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestErrorOfTheFileIsReturned(t *testing.T) {
	want := errors.New("disk on fire")
	reader := newLineReader(io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(want)), 4)
	if line, err := reader.next(); err != nil || string(line.payload) != "a" {
		t.Errorf("got %q, %v", line.payload, err)
	}
	if _, err := reader.next(); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func FuzzLinesJoinedAreTheText(f *testing.F) {
	f.Add([]byte("a\nb\r\n\nc"))
	f.Add([]byte("\r\n\r\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		var want []string
		for line := range bytes.Lines(text) {
			if cut, ok := bytes.CutSuffix(line, []byte("\n")); ok {
				line, _ = bytes.CutSuffix(cut, []byte("\r"))
			}
			want = append(want, string(line))
		}
		got := readLines(t, iotest.OneByteReader(bytes.NewReader(text)), len(text)+1)
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	})
}
