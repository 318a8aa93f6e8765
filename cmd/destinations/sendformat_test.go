package main

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// gzipped is text as a gzip member.
func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// zstandard is text as a zstd frame.
func zstandard(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSendReadsCompressedFiles(t *testing.T) {
	fake := &fakeService{}
	skipped := "\x53\x2a\x4d\x18\x03\x00\x00\x00abc"
	got := invocation{
		args: []string{"send", "--bucket", "bkt", "--target", fake.start(t),
			writeFile(t, "plain", "1\n"),
			writeFile(t, "members.gz", gzipped(t, "2\n3")+gzipped(t, "0\n4\n")),
			writeFile(t, "frames.zst", zstandard(t, "5\n6")+zstandard(t, "0\n")),
			writeFile(t, "any-name", skipped+zstandard(t, "7\n")),
			"-"},
		stdin: gzipped(t, "8\n"),
	}.run(t)
	if want := []string{"1", "2", "30", "4", "5", "60", "7", "8"}; got.code != exitOK || !slices.Equal(fake.payloads, want) {
		t.Errorf("got %+v, events %q, want %q", got, fake.payloads, want)
	}
}

func TestSendOfADamagedFileSendsWhatComesBefore(t *testing.T) {
	text := strings.Repeat("an event\n", 100_000)
	cut := func(s string) string { return s[:len(s)-3] }
	const durable = "FILE:100001: WHY; events up to FILE:100000 are durable\n"
	said := func(why string) string { return strings.Replace(durable, "WHY", why, 1) }
	wrong := []byte(gzipped(t, text))
	wrong[len(wrong)-5]++ // the checksum
	for _, test := range []struct{ name, text, want string }{
		{"cut.gz", cut(gzipped(t, text)), said("gzip: the file is cut off: unexpected EOF")},
		{"cut.zst", cut(zstandard(t, text)), "FILE:87382: zstd: the file is cut off: unexpected EOF; events up to FILE:87381 are durable\n"}, // whole blocks
		{"head.gz", gzipped(t, text)[:5], "FILE: gzip: the file is cut off: unexpected EOF; no event was sent\n"},
		{"wrong.gz", string(wrong), said("gzip: invalid checksum; the 100000 lines before it were sent and may be wrong")},
		{"behind.gz", gzipped(t, text) + "x", said("gzip: what stands behind the end of the compressed data is not gzip; all before it was whole")},
		{"zeros.gz", gzipped(t, text) + strings.Repeat("\x00", 512), said("gzip: what stands behind the end of the compressed data is not gzip; all before it was whole")},
	} {
		fake := &fakeService{}
		file := writeFile(t, test.name, test.text)
		got := invocation{args: []string{"send", "--bucket", "bkt", "--target", fake.start(t), file}}.run(t)
		if want := strings.ReplaceAll(test.want, "FILE", file); got.code == exitOK || !strings.HasSuffix(got.stderr, "destinations send: "+want) {
			t.Errorf("%s: got exit code %d, %s\nwant %s", test.name, got.code, got.stderr, want)
		}
	}
}

// A file that only begins like a compressed one is read as it is.
func TestTextIsNoCompressedFile(t *testing.T) {
	for _, text := range []string{"", "[", "(", "P", "_*M", "[1,2]\n", "\x1f\x8b", "\x1f\x8b\x07abc", "\x28\xb5\x2f", "\x50\x2a\x4d\x19abc", "\x60\x2a\x4d\x18"} {
		r, err := uncompressed(strings.NewReader(text))
		if err != nil {
			t.Errorf("%q: got %v", text, err)
			continue
		}
		if got, err := io.ReadAll(r); string(got) != text || err != nil {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// Whoever types one line into a pipe and waits has that line sent.
func TestFormatIsRecognisedWithoutWaitingForMore(t *testing.T) {
	for _, line := range []string{"[\n", "(\n", "{\n", "\n"} {
		waits := iotest.ErrReader(errors.New("was read on"))
		r, err := uncompressed(io.MultiReader(strings.NewReader(line), waits))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 10)
		if n, err := r.Read(got); err != nil || string(got[:n]) != line {
			t.Errorf("%q: got %q, %v", line, got[:n], err)
		}
	}
}

func FuzzUncompressed(f *testing.F) {
	f.Add([]byte(gzipped(f, "one\ntwo\n")))
	f.Add([]byte(zstandard(f, "one\ntwo\n")))
	f.Add([]byte("\x53\x2a\x4d\x18\xff\xff\xff\xff"))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := uncompressed(bytes.NewReader(text))
		if err != nil {
			return
		}
		defer r.Close()
		io.Copy(io.Discard, io.LimitReader(r, 1<<20)) // any error will do
	})
}
