package main

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ledger"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/uploader"
)

// serviceConfig is what the flags of serve say, in the words of the packages.
type serviceConfig struct {
	Listen, AdminListen string        // host:port
	OperationsListen    string        // host:port; "" = at Listen
	MaxConnections      int           // of each listener
	MaxPerAddress       int           // of them
	Pprof               bool          // Go's profiles on AdminListen
	ShutdownGrace       time.Duration // from the first signal to the end of the process
	Memory              int64         // bytes, of which the packages have their shares
	Journal             journal.Config
	Server              server.Config
	Batcher             batcher.Config
	Ledger              ledger.Config
	Uploader            uploader.Config
}

// config translates the flags. The error has every problem of every flag.
func (c *serveCmd) config() (serviceConfig, error) {
	s := serviceConfig{
		Listen:           c.Listen,
		AdminListen:      c.AdminListen,
		OperationsListen: c.OperationsListen,
		MaxConnections:   c.MaxConnections,
		MaxPerAddress:    c.MaxConnectionsPerAddress,
		Pprof:            c.Pprof,
		ShutdownGrace:    c.ShutdownGrace,
		Memory:           int64(c.Memory),
		Journal:          journal.DefaultConfig(),
		Server:           server.DefaultConfig(),
		Batcher:          batcher.DefaultConfig(),
		Ledger:           ledger.DefaultConfig(),
		Uploader:         uploader.DefaultConfig(),
	}
	s.Journal.Dir = c.DataDir
	s.Journal.Partitions = c.Partitions
	endpoint := strings.TrimRight(c.S3Endpoint, "/") // one server, one name
	s.Journal.Endpoint = endpoint
	s.Journal.QuotaBytes = int64(c.JournalQuota)
	s.Journal.SegmentBytes = c.segmentBytes(s.Journal.SegmentBytes)

	s.Server.MaxPayloadBytes = clampInt(c.MaxPayloadSize)
	s.Server.MaxRequestBytes = clampInt(c.MaxRequestSize)
	s.Server.MaxStreamAge = c.MaxStreamAge
	s.Server.TraceRatio = c.TraceRatio
	c.limitCalls(&s.Server)
	var egress error
	s.Server.EgressAddresses, egress = addressesOf("--egress-ips", c.EgressIPs)

	s.Batcher.Window = c.Window
	s.Batcher.MaxObjectSize = int64(c.MaxObjectSize)
	s.Batcher.CompressionLevel = c.CompressionLevel
	s.Batcher.Uploads = c.Uploads
	s.Batcher.BlockAfter = c.BlockAfter
	s.Batcher.DestinationQuota = int64(c.DestinationQuota)
	s.Batcher.GiveUpAfter = c.GiveUpAfter
	s.Batcher.DedupeSenders = c.DedupeSenders
	s.Batcher.DedupeWindow = c.DedupeWindow
	s.Batcher.DedupeIDs = c.DedupeIDs

	s.Ledger.Retention = c.LedgerRetention
	s.Ledger.SizeBytes = int64(c.LedgerSize)
	if c.JournalQuota > 0 {
		s.Ledger.HeldBytes = max(1, int64(c.JournalQuota)/ledgerShare)
	}

	s.Uploader.Endpoint = endpoint
	s.Uploader.PathStyle = c.S3PathStyle
	s.Uploader.ACL = c.S3ACL
	s.Uploader.STSEndpoint = strings.TrimRight(c.STSEndpoint, "/")
	s.Uploader.PartSize = int64(c.S3PartSize)

	share := sharesOf(c.Memory)
	s.Server.MemoryBytes = share.requests
	s.Batcher.MemoryBytes = share.batches
	s.Uploader.PartConcurrency = share.partsOf(c.Uploads, s.Uploader.PartConcurrency)
	return s, errors.Join(c.check(), egress, s.check())
}

// limitCalls translates the bounds of calls.
func (c *serveCmd) limitCalls(s *server.Config) {
	s.MaxCalls = c.MaxCalls
	s.MaxCallsPerPrincipal = c.MaxCallsPerPrincipal
	s.MaxCallsPerAddress = c.MaxCallsPerAddress
	s.MaxCallsPerConnection = uint32(max(0, min(c.MaxCallsPerConnection, math.MaxInt32))) // what is refused later stays so
	s.CallsPerSecondPerPrincipal = c.CallsPerSecondPerPrincipal
	s.CallsPerSecondPerAddress = c.CallsPerSecondPerAddress
}

// ledgerShare is the part of the journal's quota, one in so many, that a ledger which can't be
// written may keep from being released.
const ledgerShare = 10

// recordGrowth is how much larger than a request the record of its events can be:
// tiny events carry their place with them there.
const recordGrowth = 4

// segmentBytes is the size of the journal's event segments: the usual one, smaller
// for a small quota, and always with room for the largest request.
func (c *serveCmd) segmentBytes(usual int64) int64 {
	size := usual
	if c.JournalQuota > 0 && c.Partitions > 0 {
		size = min(size, int64(c.JournalQuota)/int64(4*c.Partitions))
	}
	return min(usual, max(size, recordGrowth*int64(clampInt(c.MaxRequestSize))))
}

// clampInt keeps a size that is refused later from becoming another one before.
func clampInt(s byteSize) int { return int(min(s, math.MaxInt32)) }

// check finds the contradictions that no package can see alone.
func (c *serveCmd) check() error {
	problems := []error{c.checkAddresses(), c.accessFlags.check()}
	if c.ShutdownGrace <= 0 {
		problems = append(problems, fmt.Errorf("--shutdown-grace: %v, must be above 0", c.ShutdownGrace))
	}
	if most := journal.DefaultConfig().SegmentBytes / recordGrowth; int64(c.MaxRequestSize) > most {
		problems = append(problems, fmt.Errorf("--max-request-size: %s, at most %s: it has to fit into a segment of the journal", c.MaxRequestSize, byteSize(most)))
	}
	if c.Memory < minMemory {
		problems = append(problems, fmt.Errorf("--memory: %s, at least %s", c.Memory, byteSize(minMemory)))
	} else if most := sharesOf(c.Memory).transfers(); int64(c.Uploads) > most {
		problems = append(problems, fmt.Errorf("--memory: %s is enough for %d --uploads, not for %d: each takes %s of an eighth of it", c.Memory, most, c.Uploads, byteSize(transferBytes)))
	}
	for _, bound := range []struct {
		flag  string
		value int
	}{{"--max-connections", c.MaxConnections}, {"--max-connections-per-address", c.MaxConnectionsPerAddress}} {
		if bound.value < 1 {
			problems = append(problems, fmt.Errorf("%s: %d, at least 1", bound.flag, bound.value))
		}
	}
	if c.Partitions == 0 { // which the journal takes as its default
		problems = append(problems, errors.New("--partitions: 0, must be at least 1"))
	}
	return errors.Join(problems...)
}

// check asks the packages, and names their fields as the flags are called.
func (s *serviceConfig) check() error {
	var problems []error
	for _, err := range []error{s.Journal.Validate(), s.Server.Validate(), s.Batcher.Validate(), s.Ledger.Validate(), s.Uploader.Validate()} {
		if err == nil {
			continue
		}
		for problem := range strings.SplitSeq(err.Error(), "\n") {
			problems = append(problems, errors.New(flagName(problem)))
		}
	}
	return errors.Join(problems...)
}

// flagName replaces the field that a package's problem begins with by its flag.
func flagName(problem string) string {
	field, rest, found := strings.Cut(problem, ":")
	flag, known := map[string]string{
		"Dir":               "--data-dir",
		"Partitions":        "--partitions",
		"Endpoint":          "--s3-endpoint",
		"QuotaBytes":        "--journal-quota",
		"window":            "--window",
		"max-object-size":   "--max-object-size",
		"compression-level": "--compression-level",
		"uploads":           "--uploads",
		"block-after":       "--block-after",
		"give-up-after":     "--give-up-after",
		"destination-quota": "--destination-quota",
		"dedupe-senders":    "--dedupe-senders",
		"dedupe-window":     "--dedupe-window",
		"dedupe-ids":        "--dedupe-ids",
		"ledger-retention":  "--ledger-retention",
		"ledger-size":       "--ledger-size",
	}[field]
	if !found || !known {
		return problem
	}
	return flag + ":" + rest
}
