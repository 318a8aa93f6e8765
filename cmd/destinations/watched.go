package main

import (
	"context"
	"time"

	"github.com/open-destinations/destinations/batcher"
	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/telemetry"
)

// watch lets telemetry ask the parts of the service, which are all there.
func (s *service) watch(*serviceParams) error {
	return s.telemetry.Watch(telemetry.Sources{
		Backlog:       s.batcher.Backlog,
		Counts:        s.batcher.Counts,
		BatchMemory:   s.batcher.Memory,
		RequestMemory: s.server.Memory,
		JournalUsed:   s.journal.Used,
		JournalQuota:  s.journal.Quota,
		Closed:        func() int { return len(s.closed()) },
	})
}

// ofRequests and ofBatches are who is told of them; nil = nobody.
func (s *service) ofRequests() server.Observer {
	if telemetry.Disabled() {
		return nil
	}
	return s.telemetry
}

func (s *service) ofBatches() batcher.Observer {
	if telemetry.Disabled() {
		return nil
	}
	return s.telemetry
}

// traced says how many sampled events are kept for telemetry: none if it has nowhere to
// send spans to.
func (c *serviceConfig) traced(spans bool) {
	if !spans {
		c.Server.TraceRatio = 0
		return
	}
	c.Server.TracedPerRequest, c.Batcher.TracedPerBatch = telemetry.SpansPerRequest, telemetry.SpansPerObject
}

// flushing is how long the last export may take at most: with a collector that does not
// answer it is no use to wait longer.
const flushing = 5 * time.Second

// closeTelemetry exports what is left, within what is left of the grace: at least half
// of the tenth that is kept of it for the closing.
func (s *service) closeTelemetry(grace context.Context) {
	left := s.config.ShutdownGrace / 20
	if deadline, ok := grace.Deadline(); ok {
		left = max(left, time.Until(deadline))
	}
	ctx, cancel := context.WithTimeout(context.Background(), min(left, flushing))
	defer cancel()
	if err := s.telemetry.Close(ctx); err != nil {
		s.log.Warn("the last of telemetry can't be exported", "error", err)
	}
}
