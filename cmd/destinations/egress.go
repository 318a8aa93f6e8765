package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	destinationsv1 "github.com/open-destinations/destinations/gen/destinations/v1"
)

// egressCmd asks a running service from where it writes.
type egressCmd struct {
	clientFlags `embed:""`

	JSON    bool          `name:"json" help:"Print them as one JSON list, instead of one a line."`
	Timeout time.Duration `default:"1m" help:"How long to wait for the answer (${default})."`
}

// Help is the long text of --help.
func (*egressCmd) Help() string {
	return `They are what the service was told by its --egress-ips, and may change: a bucket's policy that demands them (policy --source-ip published) has to follow. The exit code is 1 if it publishes none.`
}

// Validate refuses a wait of no time.
func (c *egressCmd) Validate() error { return checkTimeout(c.Timeout) }

// Run prints them.
func (c *egressCmd) Run(p *process) error {
	ctx, cancel := within(p.ctx, c.Timeout)
	defer cancel()
	addresses, err := c.egressAddresses(ctx, p)
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(p.stdout).Encode(addresses)
	}
	for _, a := range addresses {
		if _, err := fmt.Fprintln(p.stdout, a); err != nil {
			return err
		}
	}
	return nil
}

// errNoEgress says that there is nothing to demand.
var errNoEgress = errors.New("the service publishes no addresses (its --egress-ips)")

// egressAddresses asks the service from where it writes: at least one range.
func (c *clientFlags) egressAddresses(ctx context.Context, p *process) ([]string, error) {
	conn, err := c.dial(p)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	response, err := destinationsv1.NewOperationsClient(conn).GetEgressAddresses(ctx, &destinationsv1.GetEgressAddressesRequest{})
	switch {
	case err != nil:
		return nil, c.explainIn(ctx, err)
	case len(response.GetAddresses()) == 0:
		return nil, fmt.Errorf("%s (--target): %w", c.Target, errNoEgress)
	}
	return response.GetAddresses(), nil
}
