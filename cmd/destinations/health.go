package main

import (
	"errors"
	"fmt"
	"time"

	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// healthCmd asks a service whether it takes events.
type healthCmd struct {
	clientFlags `embed:""`

	Timeout time.Duration `default:"5s" placeholder:"TIME" help:"How long to wait for the answer (${default})."`
}

// Validate refuses a wait of no time.
func (c *healthCmd) Validate() error { return checkTimeout(c.Timeout) }

// Help is the long text of --help.
func (*healthCmd) Help() string {
	return `It asks grpc.health.v1, which is open to everybody: for the health check of a container, and for scripts that wait until the service is ready. One that is shutting down, or whose journal is broken, does not serve.

Exit code 0: it serves. 1: it does not, or there is no answer. 2: nothing could be asked.`
}

// Run asks once.
func (c *healthCmd) Run(p *process) error {
	conn, err := c.dial(p)
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	answer, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		return c.explainIn(ctx, err)
	}
	if _, err := fmt.Fprintln(p.stdout, answer.GetStatus()); err != nil {
		return err
	}
	if answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		return &exitError{code: exitFailed, err: errors.New("the service takes no events now")}
	}
	return nil
}
