package uploader_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/open-destinations/destinations/uploader"
)

func keyParams() uploader.KeyParams {
	return uploader.KeyParams{
		JournalID: [16]byte{1, 2, 3}, Partition: 2, FirstOffset: 1 << 40, FirstIndex: 7,
		Tenant: "default", Bucket: "demo", Prefix: "test/", Nonce: [16]byte{9, 8, 7},
	}
}

// TestIdentifierStaysTheSame holds the encoding: another one would give a batch
// that was sealed by an older version a second key.
func TestIdentifierStaysTheSame(t *testing.T) {
	for _, tt := range []struct {
		name string
		p    uploader.KeyParams
		want string
	}{
		{"zero", uploader.KeyParams{}, "c6a175da26770701819c56a3c781c4402eb0798d0adfb1ce34866d6ee5dee2e9"},
		{"all fields", keyParams(), "0414a3e8149e3625bb5ee7b4f8972448e55024b7c4ef41f32e90c707a99ce66e"},
	} {
		if got := uploader.Identifier(tt.p); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

// Holds invariant 8 of ARCHITECTURE.md.
func TestIdentifierDependsOnEveryField(t *testing.T) {
	changes := map[string]func(*uploader.KeyParams){
		"nothing":      func(*uploader.KeyParams) {},
		"journal":      func(p *uploader.KeyParams) { p.JournalID[15]++ },
		"partition":    func(p *uploader.KeyParams) { p.Partition++ },
		"first offset": func(p *uploader.KeyParams) { p.FirstOffset++ },
		"first index":  func(p *uploader.KeyParams) { p.FirstIndex++ },
		"tenant":       func(p *uploader.KeyParams) { p.Tenant += "x" },
		"bucket":       func(p *uploader.KeyParams) { p.Bucket += "x" },
		"prefix":       func(p *uploader.KeyParams) { p.Prefix = "" },
		"nonce":        func(p *uploader.KeyParams) { p.Nonce[0]++ },
		"moved border": func(p *uploader.KeyParams) { p.Tenant, p.Bucket = p.Tenant+p.Bucket, "" },
	}
	seen := make(map[string]string)
	for name, change := range changes {
		p := keyParams()
		change(&p)
		id := uploader.Identifier(p)
		if other, ok := seen[id]; ok {
			t.Errorf("%q and %q have one identifier", name, other)
		}
		seen[id] = name
	}
}

func TestKey(t *testing.T) {
	const id = "8f25b54462bf6eeac3ee8bde512b6c59654c454356e808167a01c43ebe4ee919"
	closed := time.Date(2019, 5, 25, 16, 14, 58, 999_999_999, time.UTC)
	for _, tt := range []struct {
		name, prefix string
		closed       time.Time
		want         string
	}{
		{"prefix", "test/", closed, "test/2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz"},
		{"no prefix", "", closed, "2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz"},
		{"deep prefix", "a/b/日本/", closed, "a/b/日本/2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz"},
		{
			"another zone", "test/", closed.In(time.FixedZone("", 9*3600)),
			"test/2019/05/25/16/2019-05-25-16-14-58-" + id + ".gz",
		},
		{
			"midnight of a new year", "", time.Date(2026, 12, 31, 23, 59, 60, 0, time.UTC),
			"2027/01/01/00/2027-01-01-00-00-00-" + id + ".gz",
		},
	} {
		if got := uploader.Key(tt.prefix, tt.closed, id); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestKeyOfLongestPrefixFitsS3(t *testing.T) {
	prefix := strings.Repeat("p", 900) + "/"
	key := uploader.Key(prefix, time.Now(), uploader.Identifier(keyParams()))
	if got, want := len(key), len(prefix)+101; got != want {
		t.Errorf("got a key of %d bytes, want %d", got, want)
	}
	if len(key) > 1024 {
		t.Errorf("got a key of %d bytes, want at most 1024", len(key))
	}
}

func ExampleKey() {
	closed := time.Date(2019, 5, 25, 16, 14, 58, 0, time.UTC)
	id := uploader.Identifier(uploader.KeyParams{Tenant: "default", Bucket: "demo", Prefix: "test/"})
	key := uploader.Key("test/", closed, id)
	fmt.Println(strings.Replace(key, id, "<64 hex>", 1), len(id))
	// Output: test/2019/05/25/16/2019-05-25-16-14-58-<64 hex>.gz 64
}

// FuzzIdentifier looks for two different parameters with one identifier: the
// second is the first with the border between two of its strings moved, or
// with text moved between the numbers and the strings.
func FuzzIdentifier(f *testing.F) {
	f.Add("default", "demo", "test/", uint32(0), uint64(0), "default", "demo", "test/", uint32(0), uint64(1))
	f.Add("", "ab", "", uint32(1), uint64(1), "a", "b", "", uint32(1), uint64(1))
	f.Add("a", "", "b", uint32(0), uint64(97), "", "a", "b", uint32(97), uint64(0))
	f.Add("\x00\x00\x00\x00\x00\x00\x00\x01b", "", "", uint32(0), uint64(0), "", "b", "", uint32(0), uint64(0))
	f.Fuzz(func(t *testing.T, t1, b1, p1 string, part1 uint32, off1 uint64, t2, b2, p2 string, part2 uint32, off2 uint64) {
		x := uploader.KeyParams{Tenant: t1, Bucket: b1, Prefix: p1, Partition: part1, FirstOffset: off1}
		y := uploader.KeyParams{Tenant: t2, Bucket: b2, Prefix: p2, Partition: part2, FirstOffset: off2}
		idX, idY := uploader.Identifier(x), uploader.Identifier(y)
		if (x == y) != (idX == idY) {
			t.Errorf("%+v has identifier %s, %+v has %s", x, idX, y, idY)
		}
		if len(idX) != 64 || strings.Trim(idX, "0123456789abcdef") != "" {
			t.Errorf("got identifier %q, want 64 lower-case hexadecimal digits", idX)
		}
	})
}
