package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/journal"
	"github.com/open-destinations/destinations/ledger"
	"github.com/open-destinations/destinations/ownership"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
	"github.com/open-destinations/destinations/server/limits"
	"github.com/open-destinations/destinations/telemetry"
	"github.com/open-destinations/destinations/uploader"
)

// serviceParams is what a service is made of.
type serviceParams struct {
	Config serviceConfig
	AWS    aws.Config                                          // credentials, region, HTTP client
	Listen func(network, address string) (net.Listener, error) // net.Listen, or as good
	GRPC   []grpc.ServerOption                                 // besides those that the server needs; may be nil
	Gate   *auth.Gate                                          // who may call; nil = everybody
	Audit  *auth.Audit                                         // nil = nothing is written down
	Log    *slog.Logger

	// Telemetry is the service's from newService on, which closes it.
	Telemetry *telemetry.Telemetry

	// Overdue is called when a shutdown outlasts the grace, such as on a disk that
	// does not answer. All that was acknowledged is in the journal then too.
	Overdue func()
}

// service is the whole service: the journal, what writes to it and what reads it,
// and the two listeners. newService makes it, run joins and closes it.
type service struct {
	config   serviceConfig
	log      *slog.Logger
	overdue  func()
	journal  *journal.Journal
	ledger   *ledger.Ledger
	uploader *uploader.Uploader
	batcher  *batcher.Batcher
	keeper   *ownership.Keeper
	tokenKey []byte
	server   *server.Server

	telemetry *telemetry.Telemetry

	gate       *auth.Gate   // nil = everybody may call
	grpc       *grpc.Server // what callers use
	operations *grpc.Server // what operators use, if that has an address of its own; else nil
	health     *health.Server
	admin      *http.Server
	draining   atomic.Bool

	listener           net.Listener // of grpc
	operationsListener net.Listener // nil = there is none
	adminListener      net.Listener
}

// newService opens the journal, takes its partitions over, and listens. Nothing is
// answered before run. When it fails it leaves nothing behind.
func newService(p serviceParams) (*service, error) {
	p.Config.traced(p.Telemetry.Traces())
	s := &service{config: p.Config, gate: p.Gate, log: p.Log, overdue: p.Overdue, telemetry: p.Telemetry}
	for _, step := range []func(*serviceParams) error{s.openJournal, s.openLedger, s.startBackHalf, s.openKeeper, s.makeServers, s.watch, s.listen} {
		if err := step(&p); err != nil {
			return nil, errors.Join(err, s.abandon())
		}
	}
	return s, nil
}

func (s *service) openJournal(p *serviceParams) (err error) {
	config := p.Config.Journal
	if !telemetry.Disabled() {
		config.Observer = s.telemetry
	}
	s.journal, err = journal.Open(config)
	if err != nil {
		return fmt.Errorf("%s: %w", flagAtFault(err), err)
	}
	s.telemetry.Of(s.journal.ID())
	var made bool
	s.tokenKey, made, err = server.LoadTokenKey(p.Config.Journal.Dir)
	if made && s.hasTakenEvents() {
		p.Log.Warn("token.key was missing from a data folder that is in use, and was made anew: every receipt that was given before has become unreadable; if you have the file, stop the service and put it back",
			"data", p.Config.Journal.Dir)
	}
	return err
}

// hasTakenEvents reports whether an event was ever accepted into the journal.
func (s *service) hasTakenEvents() bool {
	for i := range s.journal.Partitions() {
		if s.journal.Partition(i).Events().Committed() > 0 {
			return true
		}
	}
	return false
}

// flagAtFault is the flag to look at when the journal does not open.
func flagAtFault(err error) string {
	var mismatch *journal.MismatchError
	if errors.As(err, &mismatch) {
		switch mismatch.Field {
		case "partitions":
			return "--partitions"
		case "endpoint":
			return "--s3-endpoint"
		}
	}
	return "--data-dir"
}

// openLedger opens what remembers the deliveries. It has to follow the journal before
// anything of that is released.
func (s *service) openLedger(p *serviceParams) (err error) {
	s.ledger, err = ledger.Open(ledger.Params{
		Config:      p.Config.Ledger,
		Dir:         p.Config.Journal.Dir,
		Journal:     s.journal,
		DigestOf:    server.Digest,
		Incarnation: batcher.Incarnation,
		Log:         p.Log,
	})
	return err
}

// startBackHalf starts what turns the journal into objects.
func (s *service) startBackHalf(p *serviceParams) (err error) {
	config := p.Config.Uploader
	config.TenantOf = func(name string) uploader.Tenant { return inAWS(s.tenantOf(name).AWS) }
	s.uploader, err = uploader.New(p.AWS, config, p.Log)
	if err != nil {
		return err
	}
	partitions := s.journal.Partitions()
	s.batcher, err = batcher.Start(batcher.Params{
		Config:   p.Config.Batcher,
		Journal:  s.journal,
		Uploader: s.uploader,
		Checker:  s.uploader,
		PartitionOf: func(tenant, bucket, prefix string) int {
			return server.Partition(tenant, bucket, prefix, partitions)
		},
		TenantOf: func(name string) batcher.Tenant {
			t := s.tenantOf(name)
			return batcher.Tenant{
				Weight: t.Weight, BacklogBytes: t.BacklogBytes,
				OwnCredentials: t.AWS.HasRole(), ExpectsOwner: t.AWS != nil && t.AWS.BucketOwner != "",
			}
		},
		RegionOf: s.uploader.Region,
		Log:      p.Log,
		Observer: s.ofBatches(),
		DigestOf: server.Digest,
		Gate:     s.ledger,
	})
	if err == nil && p.Gate != nil {
		p.Gate.OnGrants(func() {
			s.uploader.TenantsChanged()
			s.batcher.TenantsChanged()
		})
	}
	return err
}

// openKeeper opens what knows the buckets that tenants have confirmed.
func (s *service) openKeeper(p *serviceParams) (err error) {
	s.keeper, err = ownership.Open(ownership.Params{
		Dir:        p.Config.Journal.Dir,
		Key:        s.tokenKey,
		Challenged: func(tenant string) bool { return s.tenantOf(tenant).Challenge },
		Uploader:   s.uploader,
		Log:        p.Log,
	})
	return err
}

// tenantOf is what is said of a tenant now.
func (s *service) tenantOf(name string) auth.Tenant {
	if s.gate == nil {
		return auth.Tenant{Weight: auth.DefaultWeight}
	}
	return s.gate.TenantOf(name)
}

// awsOf is what a tenant has in AWS of its own now; nil = nothing.
func (s *service) awsOf(tenant string) *auth.AWS { return s.tenantOf(tenant).AWS }

// handshake is how long a connection may take to become one of gRPC. Until then
// nothing can end it, so a shutdown may have to wait as long.
const handshake = 3 * time.Second

// makeServers makes the gRPC and the HTTP server, with the services on them.
func (s *service) makeServers(p *serviceParams) (err error) {
	shards := shards{s.batcher}
	params := server.Params{
		Audit:       p.Audit,
		Weight:      func(tenant string) int { return s.tenantOf(tenant).Weight },
		Config:      p.Config.Server,
		Journal:     server.OverJournal(s.journal),
		Admission:   s.batcher,
		Ownership:   confirming{s.keeper},
		Flusher:     s.batcher,
		Undelivered: undelivered{s.batcher, s.keeper, s.awsOf},
		Redriver:    redriver{s.batcher},
		DeadLetters: deadLetters{s.batcher},
		Checker:     checker{uploader: s.uploader, batcher: s.batcher, awsOf: s.awsOf, log: p.Log},
		Receipts:    receipts{ledger.NewDesk(s.ledger, shards), shards, s.ledger},
		Deliveries:  deliveries{s.ledger},
		TokenKey:    s.tokenKey,
		Log:         p.Log,
		Observer:    s.ofRequests(),
	}
	if p.Gate != nil { // a nil one in an Access would not be nil
		params.Access = p.Gate
	}
	if s.server, err = server.New(params); err != nil {
		return err
	}
	s.health = health.NewServer()
	s.setHealth(healthpb.HealthCheckResponse_NOT_SERVING)
	s.grpc = s.newGRPC(p)
	s.server.Register(s.grpc)
	forOperators := s.grpc
	if p.Config.OperationsListen != "" {
		s.operations = s.newGRPC(p)
		forOperators = s.operations
	}
	s.server.RegisterOperations(forOperators)
	reflection.Register(forOperators) // it is a stream
	s.admin = newAdmin(adminParams{Condition: s, Metrics: s.telemetry.Page(), Profiles: p.Config.Pprof, Gate: p.Gate, Audit: p.Audit, Log: p.Log})
	return nil
}

// newGRPC makes a gRPC server with the health on it.
func (s *service) newGRPC(p *serviceParams) *grpc.Server {
	options := append(s.server.Options(), grpc.WaitForHandlers(true), grpc.ConnectionTimeout(handshake))
	if p.Gate != nil && p.Gate.Certificates() != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(p.Gate.Certificates().TLS("h2"))))
	}
	made := grpc.NewServer(append(options, p.GRPC...)...)
	healthpb.RegisterHealthServer(server.JudgedFirst(made), s.health)
	return made
}

func (s *service) listen(p *serviceParams) (err error) {
	if s.listener, err = s.listenAt(p, "--listen", p.Config.Listen); err != nil {
		return err
	}
	if s.operations != nil {
		if s.operationsListener, err = s.listenAt(p, "--operations-listen", p.Config.OperationsListen); err != nil {
			return err
		}
	}
	s.adminListener, err = s.listenAt(p, "--admin-listen", p.Config.AdminListen)
	return err
}

// listenAt listens at the address of a flag, with a bounded number of connections.
func (s *service) listenAt(p *serviceParams, flag, address string) (net.Listener, error) {
	l, err := p.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	bounds := limits.ConnectionsParams{Listener: flag, Most: p.Config.MaxConnections, PerAddress: p.Config.MaxPerAddress, Log: p.Log}
	if !telemetry.Disabled() {
		bounds.Closed = s.telemetry.ConnectionClosed
	}
	return limits.NewConnections(bounds).Over(l), nil
}

// abandon closes what newService had made before it failed.
func (s *service) abandon() error {
	var problems []error
	for _, l := range []net.Listener{s.listener, s.operationsListener, s.adminListener} {
		if l != nil {
			problems = append(problems, l.Close())
		}
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	problems = append(problems, s.closeStorage(now))
	s.closeTelemetry(now)
	return errors.Join(problems...)
}

// closeStorage ends the back half, whose running uploads may finish until ctx
// ends, and then closes the journal.
func (s *service) closeStorage(ctx context.Context) error {
	var problems []error
	if s.uploader != nil {
		s.uploader.Drain()
	}
	if s.keeper != nil {
		s.keeper.Close()
	}
	if s.batcher != nil {
		problems = append(problems, s.batcher.Close(ctx))
	}
	if s.uploader != nil {
		s.uploader.Close()
	}
	if s.ledger != nil {
		problems = append(problems, s.ledger.Close())
	}
	if s.journal != nil {
		problems = append(problems, s.journal.Close())
	}
	return errors.Join(problems...)
}
