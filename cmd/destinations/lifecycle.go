package main

import (
	"context"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// run serves until ctx ends or something fails for good, and then shuts down. It
// returns nil if ctx ended it and all that was under way came to its end. All that
// was acknowledged stands in the journal in either case.
func (s *service) run(ctx context.Context) error {
	var serving sync.WaitGroup
	ended := make(chan error, 3) // room for all servers, so that none waits
	serving.Go(func() { ended <- serveGRPC(s.grpc, s.listener) })
	if s.operations != nil {
		serving.Go(func() { ended <- serveGRPC(s.operations, s.operationsListener) })
	}
	serving.Go(func() { ended <- s.serveAdmin() })
	watch, unwatch := context.WithCancel(ctx)
	defer unwatch()
	serving.Go(func() { s.watchFolder(watch) })
	if s.gate != nil {
		serving.Go(func() { s.gate.Run(watch) })
	}
	serving.Go(func() { watchForgotten(watch, s.log, s.batcher.Counts) })
	if s.notReady() == nil {
		s.setHealth(healthpb.HealthCheckResponse_SERVING)
	}
	id := s.journal.ID()
	operations := s.listener
	if s.operationsListener != nil {
		operations = s.operationsListener
	}
	s.log.Info("serving",
		"listen", s.listener.Addr().String(), "operations", operations.Addr().String(), "admin", s.adminListener.Addr().String(),
		"data", s.config.Journal.Dir, "journal", hex.EncodeToString(id[:]), "version", readBuild().version)

	var cause error
	select {
	case <-ctx.Done():
	case cause = <-ended:
	case <-s.journal.Failed():
		cause = fmt.Errorf("journal: %w", s.journal.Err())
	case <-s.batcher.Failed():
		cause = fmt.Errorf("batcher: %w", s.batcher.Err())
	}
	if cause != nil {
		s.log.Error("ending", "error", cause)
	}
	unwatch()
	err := s.shutdown()
	serving.Wait()
	if cause != nil {
		return cause // what follows from it adds nothing
	}
	if err == nil {
		s.log.Info("stopped")
	}
	return err
}

// folderLook is how often is looked whether the data folder is still there.
const folderLook = 2 * time.Second

// watchFolder lets the journal break when somebody removes its folder.
func (s *service) watchFolder(ctx context.Context) {
	look := time.NewTicker(folderLook)
	defer look.Stop()
	for {
		select {
		case <-look.C:
			s.journal.CheckFolder()
		case <-ctx.Done():
			return
		}
	}
}

func serveGRPC(s *grpc.Server, on net.Listener) error {
	if err := s.Serve(on); err != nil {
		return fmt.Errorf("serve gRPC: %w", err)
	}
	return nil
}

func (s *service) serveAdmin() error {
	on := s.adminListener
	if s.gate != nil && s.gate.Certificates() != nil {
		on = tls.NewListener(on, s.gate.Certificates().TLS("http/1.1"))
	}
	if err := s.admin.Serve(on); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// shutdown answers what was read, lets running uploads finish, and closes the
// journal, in this order. A tenth of the grace is kept for the closing.
func (s *service) shutdown() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.config.ShutdownGrace/10*9)
	defer cancel()
	watchdog := time.AfterFunc(s.config.ShutdownGrace, s.overdue)
	defer watchdog.Stop()
	s.draining.Store(true)
	s.health.Shutdown()
	s.server.Drain()
	if err := s.server.Wait(ctx); err != nil {
		s.log.Warn("streams outlast the grace and are cut off")
	}
	s.stopGRPC(ctx)
	err := s.closeStorage(ctx)
	s.logCounts()
	s.closeTelemetry(ctx)
	return errors.Join(err, s.admin.Close())
}

// logCounts says what the batcher and the ledger have counted since the start.
func (s *service) logCounts() {
	c, l := s.batcher.Counts(), s.ledger.Counts()
	s.log.Info("counted since the start",
		"duplicates_by_sender", c.DuplicatesBySender, "duplicates_by_id", c.DuplicatesByID,
		"senders_forgotten_early", c.SendersForgottenEarly, "ids_forgotten_early", c.IDsForgottenEarly,
		"blocked", c.Blocked, "freed", c.Freed, "passes", c.Passes,
		"parked", c.Parked, "dead", c.Dead, "redriven", c.Redriven, "discarded", c.Discarded,
		"ledger_rows", l.Rows, "ledger_failures", l.Failures, "ledger_left_behind", l.LeftBehind, "ledger_set_aside", l.SetAside,
		"ledger_forgotten", l.Forgotten, "watchers_cut_off", l.CutOff)
}

// lingering is how long calls that are not of this service, such as a watch of its
// health, may hold the end up.
const lingering = time.Second

// stopGRPC closes the connections, once the answers have gone out on them.
func (s *service) stopGRPC(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lingering)
	defer cancel()
	var stopping sync.WaitGroup
	for _, g := range []*grpc.Server{s.grpc, s.operations} {
		if g == nil {
			continue
		}
		stopping.Go(func() {
			stop := context.AfterFunc(ctx, g.Stop)
			g.GracefulStop()
			stop()
		})
	}
	stopping.Wait()
}

func (s *service) setHealth(status healthpb.HealthCheckResponse_ServingStatus) {
	for _, name := range []string{
		"", // the service as a whole
		destinationsv1.Destinations_ServiceDesc.ServiceName,
		destinationsv1.Operations_ServiceDesc.ServiceName,
	} {
		s.health.SetServingStatus(name, status)
	}
}

// notReady says why no events are taken; nil: they are.
func (s *service) notReady() error {
	if s.draining.Load() {
		return errors.New("shutting down")
	}
	closed := s.closed()
	if len(closed) < s.journal.Partitions() {
		closed = nil // the others take events
	}
	return errors.Join(append(closed, s.journal.Err(), s.batcher.Err())...)
}

// damage says which partitions are closed because their files are damaged; the
// others serve.
func (s *service) damage() error { return errors.Join(s.closed()...) }

// closed has an error for each partition that is closed.
func (s *service) closed() (closed []error) {
	for i := range s.journal.Partitions() {
		if err := s.journal.Partition(i).Err(); err != nil {
			closed = append(closed, fmt.Errorf("partition %d is closed: %w", i, err))
		}
	}
	return closed
}
