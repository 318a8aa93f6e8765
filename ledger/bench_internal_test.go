package ledger

import (
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/open-destinations/destinations/journal"
)

var benchRows = flag.Int("rows", 100_000, "rows in the ledger of BenchmarkOneReceipt")

const benchDestinations = 10_000

func benchDigest(tenant, bucket, prefix string) [DigestBytes]byte {
	sum := sha256.Sum256([]byte(tenant + "/" + bucket + "/" + prefix))
	return [DigestBytes]byte(sum[:])
}

// BenchmarkOneReceipt asks a ledger of many rows for one receipt after the other, each of any row,
// and reports the 50th and 99th percentile.
func BenchmarkOneReceipt(b *testing.B) {
	config := journal.DefaultConfig()
	config.Dir, config.Partitions, config.Log = b.TempDir(), 1, slog.New(slog.DiscardHandler)
	j, err := journal.Open(config)
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	appended := j.Partition(0).Events().Append([]byte{0}) // all events are of one record
	<-appended.Done()
	rows := min(*benchRows, maxIndex)
	fillStore(b, filepath.Join(config.Dir, FileName), j.ID(), rows)
	settings := DefaultConfig()
	settings.SizeBytes = 1 << 40
	l, err := Open(Params{
		Config: settings, Dir: config.Dir, Journal: j, DigestOf: benchDigest, Log: config.Log,
		Incarnation: func(*journal.Partition) ([]byte, error) { return nil, nil },
	})
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	desk := NewDesk(l, nil) // a shard need not be asked
	var latencies []time.Duration
	for b.Loop() {
		n := rand.IntN(rows)
		at := Place{Index: uint32(n)}
		of := Receipt{Span: Span{Digest: benchDigest("default", "bucket", fmt.Sprintf("p%d/", n%benchDestinations)), First: at, Last: at}, Received: time.Now()}
		began := time.Now()
		answer, err := desk.Deliveries(context.Background(), []Receipt{of})
		latencies = append(latencies, time.Since(began))
		if err != nil || answer[0].State != StateDelivered || len(answer[0].Objects) != 1 {
			b.Fatalf("row %d: got %+v, %v", n, answer, err)
		}
	}
	slices.Sort(latencies)
	b.ReportMetric(float64(latencies[len(latencies)/2].Microseconds())/1e3, "p50-ms")
	b.ReportMetric(float64(latencies[len(latencies)*99/100].Microseconds())/1e3, "p99-ms")
	b.ReportMetric(float64(rows), "rows")
}

// fillStore makes a database of so many delivered batches, without the indexes until all are there.
func fillStore(b *testing.B, path string, id [16]byte, rows int) {
	b.Helper()
	ctx := context.Background()
	s, err := openStore(ctx, path, id)
	if err != nil {
		b.Fatal(err)
	}
	defer s.close()
	exec := func(query string, args ...any) {
		b.Helper()
		if _, err := s.write.ExecContext(ctx, query, args...); err != nil {
			b.Fatal(err)
		}
	}
	exec("PRAGMA synchronous = OFF")
	for _, index := range []string{"batches_place", "batches_sealed"} {
		exec("DROP INDEX " + index)
	}
	for d := range benchDestinations {
		prefix := fmt.Sprintf("p%d/", d)
		digest := benchDigest("default", "bucket", prefix)
		exec("INSERT INTO destinations VALUES (?, ?, 'default', 'bucket', ?)", d, digest[:], prefix)
	}
	for from := 0; from < rows; from += 500_000 {
		exec(`INSERT INTO batches SELECT n + 1, n % ?1, 0, n, n, n + 1, NULL, randomblob(16), 5,
  printf('p%d/2026/11/30/01/2026-11-30-01-00-00-%s.gz', n % ?1, lower(hex(randomblob(32)))), 100, 40000, 8000,
  '"d41d8cd98f00b204e9800998ecf8427e"', ?2, ?2, ?2 + n, ?2, 1, ''
  FROM (WITH RECURSIVE c(n) AS (SELECT ?3 UNION ALL SELECT n + 1 FROM c WHERE n + 1 < ?4) SELECT n FROM c)`,
			benchDestinations, time.Now().UnixNano(), from, min(rows, from+500_000))
	}
	exec("CREATE UNIQUE INDEX batches_place ON batches (destination, first)")
	exec("CREATE INDEX batches_sealed ON batches (sealed)")
	exec("UPDATE meta SET change = ?", rows)
	exec("INSERT INTO partitions VALUES (0, 0, 0, NULL, 0)")
	exec("PRAGMA wal_checkpoint(TRUNCATE)")
}
