package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"

	"github.com/open-destinations/destinations/telemetry"
)

// serveCmd runs the service.
type serveCmd struct {
	Listen         string `default:"127.0.0.1:50051" placeholder:"HOST:PORT" help:"Address of the gRPC API (${default})."`
	AdminListen    string `default:"127.0.0.1:9464" placeholder:"HOST:PORT" help:"Address of the HTTP pages /livez, /readyz and /metrics (${default})."`
	InsecureListen bool   `help:"Allow --listen, --operations-listen and --admin-listen to be reached from other machines though nothing is encrypted or nobody authenticated: who is not authenticated can write to every bucket that this service can."`
	accessFlags    `embed:""`

	DataDir      string   `default:"./data" placeholder:"FOLDER" help:"Folder of the journal (${default}); made if absent. One process at a time has it, whose user it must belong to, and nobody else may be able to write to it."`
	Partitions   int      `default:"4" placeholder:"N" help:"Partitions of the journal (${default}; 1 to 1024, above 320 only with a larger --journal-quota), fixed when the folder is made."`
	JournalQuota byteSize `default:"10GiB" placeholder:"SIZE" help:"Largest size of the events in the journal (${default}; 0: what the disk has; at least 8 times --max-request-size for each of the --partitions: 32MiB each by default); beyond it senders get RESOURCE_EXHAUSTED."`

	Memory byteSize `default:"512MiB" placeholder:"SIZE" help:"Memory to stay within (${default}, at least 64MiB): a quarter for requests, half for batches, an eighth for uploads, the rest for all else. When a share is used up its users wait: senders, for 10s, then they get RESOURCE_EXHAUSTED. Also the Go runtime's soft limit, unless GOMEMLIMIT is set."`

	Window           time.Duration `default:"1m" placeholder:"TIME" help:"How long a destination's events are collected into one object (${default}; 1s to 24h)."`
	MaxObjectSize    byteSize      `default:"128MiB" placeholder:"SIZE" help:"Compressed size at which an object is closed before its window ends (${default}, at least 1MiB)."`
	CompressionLevel int           `default:"2" placeholder:"1-9" help:"1 is fastest, 9 smallest (${default})."`
	MaxPayloadSize   byteSize      `default:"1MiB" placeholder:"SIZE" help:"Largest payload of an event (${default})."`
	MaxRequestSize   byteSize      `default:"4MiB" placeholder:"SIZE" help:"Largest gRPC request (${default}; at most 16MiB, and at least 4KiB above --max-payload-size)."`

	BlockAfter       time.Duration `default:"30s" placeholder:"TIME" help:"How long uploads to a destination may fail, whatever the error, before it is blocked (${default}, at least 1s): its events wait in the journal and not in memory. A try that S3 does not answer fails after 20s to 30s, with a large object later: where S3 hangs it is not blocked sooner. Errors that need somebody, such as AccessDenied, block it at once."`
	DestinationQuota byteSize      `default:"1GiB" placeholder:"SIZE" help:"Undelivered events of a blocked destination, in bytes of their payloads, beyond which its new ones are rejected (${default}, at least 1B); less while the journal is more than half full."`
	GiveUpAfter      time.Duration `default:"72h" placeholder:"TIME" help:"How long after its first failure a blocked destination's batches are dead: kept, and no longer tried by themselves (${default}, not below --block-after; 0: never). The destination itself is probed once an hour from then on. See \"destinations dead list\"."`

	DedupeSenders int           `default:"100000" placeholder:"N" help:"Senders that each partition remembers, for a day after their last request, to leave out what they send again (${default}; 0: none)."`
	DedupeWindow  time.Duration `default:"10m" placeholder:"TIME" help:"How long an event's id is remembered, to leave out another event of that id (${default}, at least 1s)."`
	DedupeIDs     int           `name:"dedupe-ids" default:"500000" placeholder:"N" help:"Ids of events that are remembered, all partitions together (${default}; 0: none)."`

	LedgerRetention time.Duration `default:"168h" placeholder:"TIME" help:"How long the ledger keeps what was delivered (${default}, at least 1m): which object, when. See \"destinations status\"."`
	LedgerSize      byteSize      `default:"2GiB" placeholder:"SIZE" help:"Largest size of the ledger's database (${default}, at least 16MiB); beyond it the oldest deliveries are forgotten first."`

	MaxStreamAge time.Duration `default:"1h" placeholder:"TIME" help:"How long a StreamS3 lasts, more or less by a tenth of it, before its sender is told to open another one (${default}, at least 1s)."`

	MaxConnections             int `default:"4000" placeholder:"N" help:"Connections of each address that is listened on (${default}, at least 1). Where there are more, the oldest of those is closed over which nobody has been let in yet, or the new one."`
	MaxConnectionsPerAddress   int `default:"1000" placeholder:"N" help:"Connections of one IPv4 address, or IPv6 network /64 (${default}, at least 1): more behind a proxy that all come through."`
	MaxCalls                   int `default:"4000" placeholder:"N" help:"Calls, such as streams, of all callers at a time (${default}, at least 1). Further ones get RESOURCE_EXHAUSTED, TOO_MANY_CALLS. Each takes some kilobytes of memory while it is idle."`
	MaxCallsPerPrincipal       int `default:"2000" placeholder:"N" help:"Calls of one principal at a time (${default}, at least 1)."`
	MaxCallsPerAddress         int `default:"2000" placeholder:"N" help:"Calls of one IPv4 address, or IPv6 network /64, at a time, whoever makes them (${default}, at least 1)."`
	MaxCallsPerConnection      int `default:"1000" placeholder:"N" help:"Calls of one connection at a time (${default}, at least 1); further ones wait at the client."`
	CallsPerSecondPerPrincipal int `default:"5000" placeholder:"N" help:"Calls of one principal that may begin in a second (${default}, at least 1). Further ones get RESOURCE_EXHAUSTED, RATE_EXCEEDED; at twice that rate the connection is closed."`
	CallsPerSecondPerAddress   int `default:"5000" placeholder:"N" help:"Likewise of one address (${default}, at least 1)."`

	S3Endpoint  string   `name:"s3-endpoint" placeholder:"URL" help:"S3-compatible server (AWS). Fixed when the data folder is made. Credentials and region come from AWS's default chain: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION, profiles, instance and container roles."`
	S3PathStyle bool     `name:"s3-path-style" help:"Put the bucket into the path of the URL and not into the host's name, as many S3-compatible servers need it."`
	S3ACL       string   `name:"s3-acl" default:"bucket-owner-full-control" placeholder:"ACL" help:"Canned ACL of the objects (${default}); empty for none."`
	STSEndpoint string   `name:"sts-endpoint" placeholder:"URL" help:"Where roles of tenants (role-arn in the file of --grants) are assumed (AWS's STS in the service's region)."`
	S3PartSize  byteSize `name:"s3-part-size" default:"16MiB" placeholder:"SIZE" help:"Objects above it are uploaded in parts of it (${default}; 5MiB to 5GiB)."`
	Uploads     int      `default:"32" placeholder:"N" help:"Objects on their way to S3 at once (${default}; 1 to 1024)."`

	EgressIPs []string `name:"egress-ips" placeholder:"CIDR" help:"Addresses from which this service reaches S3, such as those of its NAT gateway (203.0.113.7, 203.0.113.0/24; several): published, so that buckets' policies can demand them; see \"destinations egress-ips\". They bind nothing here."`

	ShutdownGrace time.Duration `default:"20s" placeholder:"TIME" help:"How long a SIGTERM or SIGINT lets running uploads finish (${default}). What is not uploaded stays in the journal; a second signal ends the process at once, and nothing is lost either."`
	TraceRatio    float64       `default:"0.001" placeholder:"RATIO" help:"Which part of the events that come without a trace context is traced, if an OTEL_* variable says where spans go (${default}; 0 to 1). What comes with one is traced if its caller wants it."`
	Pprof         bool          `help:"Serve Go's profiles, too, on --admin-listen at /debug/pprof/: they show what the process holds and does, payloads perhaps, and take CPU while they are made."`
	LogFormat     string        `default:"auto" enum:"auto,text,json" placeholder:"FORMAT" help:"auto, text or json: auto is text on a terminal and JSON elsewhere (${default})."`
	LogLevel      string        `default:"info" enum:"debug,info,warn,error" placeholder:"LEVEL" help:"debug, info, warn or error (${default})."`
}

// Help is the long text of --help.
func (*serveCmd) Help() string {
	return `Events are taken over gRPC (destinations.v1.Destinations, with grpc.health.v1 and reflection), answered when they stand in the journal on this machine's disk, and uploaded once a window. Wrong or missing AWS credentials do not stop it: events are taken all the same and wait in the journal.`
}

// Run serves until a signal ends it, or something that it can't go on without
// fails.
func (c *serveCmd) Run(p *process) error {
	config, err := c.config()
	if err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	log := newLogger(p.stderr, c.LogFormat, c.LogLevel)
	limitMemory(p.environ, config.Memory)
	ctx, release := untilSignal(p.ctx, log)
	defer release()
	access, err := c.openAccess(p.stdout, log)
	if err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	defer access.close()
	defer onHangup(access.reload)()
	exports, err := telemetry.Start(ctx, telemetry.Params{Version: readBuild().version, TraceRatio: c.TraceRatio, Log: log})
	if err != nil {
		return &exitError{code: exitNothing, err: err}
	}
	log = exports.Logger(log)
	config.Journal.Log = log
	s, err := newService(serviceParams{
		Config:    config,
		AWS:       loadAWS(ctx, log),
		Listen:    net.Listen,
		Gate:      access.gate,
		Audit:     access.audit,
		Log:       log,
		Telemetry: exports,
		Overdue: func() {
			log.Error("the shutdown outlasts its grace: exiting; what was acknowledged and not uploaded is in the journal")
			os.Exit(exitFailed)
		},
	})
	if err != nil {
		return err
	}
	return s.run(ctx)
}

// limitMemory lets the garbage collector work harder before the process takes more
// memory than it was given. Whoever sets GOMEMLIMIT knows better.
func limitMemory(environ []string, bytes int64) {
	if !slices.ContainsFunc(environ, func(pair string) bool { return strings.HasPrefix(pair, "GOMEMLIMIT=") }) {
		debug.SetMemoryLimit(bytes)
	}
}

// loadAWS reads AWS's default chain. What is wrong with it is logged and comes
// back as the error of every upload: events are accepted all the same.
func loadAWS(ctx context.Context, log *slog.Logger) aws.Config {
	config, err := awsconfig.LoadDefaultConfig(ctx)
	if err == nil {
		return config
	}
	log.Error("no AWS configuration; events are accepted and wait in the journal until the service is restarted with one", "error", err)
	return aws.Config{Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{}, fmt.Errorf("AWS configuration: %w", err)
	})}
}

// untilSignal returns a context that the first SIGTERM or SIGINT ends. The second
// ends the process: all that was acknowledged is in the journal at any time. The
// function takes this back.
func untilSignal(parent context.Context, log *slog.Logger) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	released, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		select {
		case s := <-signals:
			log.Info("shutting down", "signal", s.String())
			cancel()
		case <-released:
			return
		}
		select {
		case <-signals:
			log.Warn("second signal: exiting at once; what was acknowledged and not uploaded is in the journal")
			os.Exit(exitFailed)
		case <-released:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(released)
		<-done
		cancel()
	}
}

// checkListen refuses an address that other machines reach, unless what goes there is
// encrypted and who comes there authenticated, or it was asked for by name.
func (c *serveCmd) checkListen(flag, address string) error {
	host, _, err := splitAddress(address)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", flag, err)
	case !isLoopback(host) && !c.InsecureListen && c.exposed() != "":
		return fmt.Errorf("%s: %s can be reached from other machines, and %s; --insecure-listen allows it", flag, address, c.exposed())
	}
	return nil
}

// checkAddresses refuses what can't be listened on.
func (c *serveCmd) checkAddresses() error {
	problems := []error{c.checkListen("--listen", c.Listen), c.checkListen("--admin-listen", c.AdminListen)}
	if c.OperationsListen != "" {
		problems = append(problems, c.checkListen("--operations-listen", c.OperationsListen))
	}
	taken := map[string]string{}
	for _, a := range []struct{ flag, address string }{{"--listen", c.Listen}, {"--admin-listen", c.AdminListen}, {"--operations-listen", c.OperationsListen}} {
		_, port, err := splitAddress(a.address)
		if by := taken[a.address]; by != "" && err == nil && port != "0" {
			problems = append(problems, fmt.Errorf("%s: %s is %s already", a.flag, a.address, by))
		}
		taken[a.address] = a.flag
	}
	return errors.Join(problems...)
}
