package uploader_test

import (
	"bufio"
	"bytes"
	stdgzip "compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/open-destinations/destinations/uploader"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// compress makes the file of the given chunks.
func compress(t testing.TB, level int, chunks ...[]byte) *uploader.Body {
	t.Helper()
	c, err := uploader.NewCompressor(level)
	if err != nil {
		t.Fatal(err)
	}
	var runs [][]byte
	var crc uint32
	var size uint64
	for _, chunk := range chunks {
		runs = append(runs, c.Run(chunk))
		crc = crc32.Update(crc, crc32.IEEETable, chunk)
		size += uint64(len(chunk))
	}
	return uploader.NewBody(runs, crc, size)
}

// content reads all of a body.
func content(t testing.TB, b uploader.Content) []byte {
	t.Helper()
	all, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()))
	if err != nil {
		t.Fatalf("read the body: %v", err)
	}
	return all
}

// gunzipOneMember returns what file holds and fails unless it is exactly one
// gzip member.
func gunzipOneMember(t testing.TB, file []byte) []byte {
	t.Helper()
	br := bufio.NewReader(bytes.NewReader(file)) // a ByteReader: the reader takes nothing beyond the member
	zr, err := stdgzip.NewReader(br)
	if err != nil {
		t.Fatalf("gzip header: %v", err)
	}
	zr.Multistream(false)
	raw, err := io.ReadAll(zr)
	if err != nil {
		t.Fatalf("gunzip: %v", err)
	}
	if rest, _ := io.ReadAll(br); len(rest) > 0 {
		t.Fatalf("%d bytes after the first gzip member", len(rest))
	}
	return raw
}

// sampleText is JSON-like and a little random: compressible, not trivial.
func sampleText(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	for b.Len() < size {
		fmt.Fprintf(&b, `{"id":%d,"user":"u%d","action":"click","note":"日本 \u00e9"}`+"\n", r.Uint32(), r.IntN(100))
	}
	return b.Bytes()[:size]
}

func TestBodyIsOneReadableMember(t *testing.T) {
	sizes := []int{0, 1, 2, 100, 16 << 10, 32<<10 - 1, 32 << 10, 65535, 65536, 65537, 300 << 10}
	cases := map[string][][]byte{
		"no runs":      nil,
		"one line":     {[]byte("hello\n")},
		"empty runs":   {nil, []byte("a\n"), nil, {}, []byte("b\n"), nil},
		"noise":        {testBytes(70_000), testBytes(70_000)},
		"same twice":   {sampleText(1, 40_000), sampleText(1, 40_000)},
		"many small":   bytes.SplitAfter(sampleText(2, 20_000), []byte("\n")),
		"chunk of all": {sampleText(3, 16<<10), sampleText(4, 64<<10), sampleText(5, 3), sampleText(6, 64<<10)},
	}
	for _, n := range sizes {
		cases[fmt.Sprintf("%d bytes", n)] = [][]byte{sampleText(uint64(n), n)}
	}
	for name, chunks := range cases {
		for _, level := range []int{1, 2, 6, 9} {
			b := compress(t, level, chunks...)
			file := content(t, b)
			if int64(len(file)) != b.Size() {
				t.Errorf("%s, level %d: read %d bytes, Size says %d", name, level, len(file), b.Size())
			}
			if got := gunzipOneMember(t, file); !bytes.Equal(got, bytes.Join(chunks, nil)) {
				t.Errorf("%s, level %d: got %d other bytes back", name, level, len(got))
			}
		}
	}
}

func TestBodyIsReadByGunzip(t *testing.T) {
	gunzip, err := exec.LookPath("gunzip")
	if err != nil {
		t.Fatalf("the system's gunzip is needed: %v", err)
	}
	chunks := [][]byte{sampleText(1, 64<<10), nil, sampleText(2, 64<<10), []byte("end\n")}
	dir := t.TempDir()
	path := filepath.Join(dir, "object.gz")
	if err := os.WriteFile(path, content(t, compress(t, 2, chunks...)), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(gunzip, "--test", path).CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("gunzip --test: %v, %s", err, out)
	}
	got, err := exec.Command(gunzip, "--stdout", path).Output()
	if err != nil {
		t.Fatalf("gunzip: %v", err)
	}
	if !bytes.Equal(got, bytes.Join(chunks, nil)) {
		t.Errorf("gunzip gave %d other bytes", len(got))
	}
}

// TestGoldenFile holds the frame and, by a digest, the compressed bytes: a new
// version of the compressor that makes other bytes is seen here. Nothing breaks
// by it, since no key and no dedupe depends on the compressed bytes.
func TestGoldenFile(t *testing.T) {
	body := compress(t, 2, []byte("{\"n\":1}\n{\"n\":2}\n"), nil, []byte("{\"n\":3}\n"))
	var got strings.Builder
	got.WriteString(hex.Dump(content(t, body)))
	large := content(t, compress(t, 2, sampleText(1, 64<<10), sampleText(2, 64<<10)))
	fmt.Fprintf(&got, "128 KiB of text: %d bytes, sha256 %x\n", len(large), sha256.Sum256(large))
	path := filepath.Join("testdata", "body.golden")
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

func TestRunDoesNotDependOnEarlierRuns(t *testing.T) {
	for _, level := range []int{1, 2, 6, 9} {
		used, err := uploader.NewCompressor(level)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 6 {
			chunk := sampleText(uint64(i%3), 64<<10-i)
			fresh, err := uploader.NewCompressor(level)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := used.Run(chunk), fresh.Run(chunk); !bytes.Equal(got, want) {
				t.Fatalf("level %d, run %d: a used compressor gave %d bytes, a fresh one %d others", level, i, len(got), len(want))
			}
		}
	}
}

func TestRunIsExactAndTheCallers(t *testing.T) {
	c, err := uploader.NewCompressor(2)
	if err != nil {
		t.Fatal(err)
	}
	chunk := sampleText(1, 64<<10)
	first := c.Run(chunk)
	keep := bytes.Clone(first)
	c.Run(sampleText(2, 64<<10))
	if !bytes.Equal(first, keep) {
		t.Error("a later run overwrote an earlier one")
	}
	if len(first) != cap(first) {
		t.Errorf("a run of %d bytes has room for %d", len(first), cap(first))
	}
	if got := testing.AllocsPerRun(20, func() { c.Run(chunk) }); got > 1 {
		t.Errorf("got %.0f allocations a run, want 1", got)
	}
}

func TestNewCompressorRefusesOtherLevels(t *testing.T) {
	for _, level := range []int{-3, -2, -1, 0, 10} {
		if _, err := uploader.NewCompressor(level); err == nil || !strings.Contains(err.Error(), "between 1 and 9") {
			t.Errorf("level %d: got %v, want an error that names the range", level, err)
		}
	}
}

func TestBodyReadAt(t *testing.T) {
	b := compress(t, 2, sampleText(1, 5000), nil, sampleText(2, 100), sampleText(3, 70_000))
	all := content(t, b)
	if err := iotest.TestReader(io.NewSectionReader(b, 0, b.Size()), all); err != nil {
		t.Error(err)
	}
	size := b.Size()
	for _, tt := range []struct {
		off    int64
		length int
		n      int
		err    string
	}{
		{0, 0, 0, ""},
		{0, int(size), int(size), ""},
		{0, int(size) + 1, int(size), "EOF"},
		{9, 2, 2, ""},
		{size - 1, 1, 1, ""},
		{size - 1, 2, 1, "EOF"},
		{size, 1, 0, "EOF"},
		{1<<63 - 1, 1, 0, "EOF"},
		{-1, 1, 0, "uploader: read at a negative offset"},
	} {
		p := make([]byte, tt.length)
		n, err := b.ReadAt(p, tt.off)
		if n != tt.n || fmt.Sprint(err) != orNil(tt.err) {
			t.Errorf("ReadAt(%d bytes, %d): got %d, %v, want %d, %s", tt.length, tt.off, n, err, tt.n, orNil(tt.err))
		}
		if tt.off >= 0 && n > 0 && !bytes.Equal(p[:n], all[tt.off:tt.off+int64(n)]) {
			t.Errorf("ReadAt(%d bytes, %d): got other bytes", tt.length, tt.off)
		}
	}
}

func orNil(s string) string {
	if s == "" {
		return "<nil>"
	}
	return s
}

func TestBodySize(t *testing.T) {
	runs := [][]byte{make([]byte, 100), nil, make([]byte, 23)}
	if got, want := uploader.BodySize(123), uploader.NewBody(runs, 0, 0).Size(); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
	if got, want := uploader.BodySize(0), uploader.NewBody(nil, 0, 0).Size(); got != want {
		t.Errorf("no runs: got %d, want %d", got, want)
	}
}

func TestBodySizeFieldWrapsAt4GiB(t *testing.T) {
	b := uploader.NewBody(nil, 0, 1<<32+5)
	all := content(t, b)
	if got := all[len(all)-4:]; !bytes.Equal(got, []byte{5, 0, 0, 0}) {
		t.Errorf("got %v, want the size modulo 2^32", got)
	}
}

// FuzzBody cuts arbitrary bytes into arbitrary chunks and reads them back.
func FuzzBody(f *testing.F) {
	f.Add([]byte("a\nb\n"), uint16(1), uint8(2))
	f.Add(sampleText(1, 5000), uint16(4096), uint8(6))
	f.Add([]byte{}, uint16(0), uint8(9))
	f.Fuzz(func(t *testing.T, raw []byte, chunk uint16, level uint8) {
		var chunks [][]byte
		for rest := raw; len(rest) > 0; {
			n := min(int(chunk)+1+len(raw)/20, len(rest)) // few runs: each clears a compressor's tables
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		b := compress(t, int(level)%9+1, chunks...)
		if got := gunzipOneMember(t, content(t, b)); !bytes.Equal(got, raw) {
			t.Errorf("got %q back, want %q", got, raw)
		}
	})
}

func BenchmarkRun(b *testing.B) {
	for _, level := range []int{1, 2, 6} {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			c, err := uploader.NewCompressor(level)
			if err != nil {
				b.Fatal(err)
			}
			chunk := sampleText(1, 64<<10)
			b.SetBytes(int64(len(chunk)))
			b.ReportAllocs()
			for b.Loop() {
				c.Run(chunk)
			}
		})
	}
}

func TestFrameAroundRunsIsTheirBody(t *testing.T) {
	runs := [][]byte{[]byte("some"), []byte("runs")}
	body := uploader.NewBody(runs, 7, 9)
	want := make([]byte, body.Size())
	if _, err := body.ReadAt(want, 0); err != nil {
		t.Fatal(err)
	}
	header, trailer := uploader.Frame(7, 9)
	got := append(append(append(append([]byte{}, header...), runs[0]...), runs[1]...), trailer...)
	if !bytes.Equal(got, want) {
		t.Errorf("got %x, want %x", got, want)
	}
}

// A stored run holds its bytes as they are, whatever their number.
func TestStoredRun(t *testing.T) {
	for _, size := range []int{0, 1, 65_535, 65_536, 200_000} {
		raw := bytes.Repeat([]byte("stored "), size/7+1)[:size]
		body := uploader.NewBody([][]byte{uploader.StoredRun(raw)}, crc32.ChecksumIEEE(raw), uint64(size))
		z, err := stdgzip.NewReader(io.NewSectionReader(body, 0, body.Size()))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, raw) {
			t.Errorf("%d bytes: %d come back, %v", size, len(got), err)
		}
	}
}
