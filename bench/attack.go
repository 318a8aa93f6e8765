package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/open-destinations/destinations/e2e/hostile"
)

// attackToken is the variable that an attacker's token comes in.
const attackToken = "BENCH_ATTACK_TOKEN"

// attackApart attacks from a process of its own, on one core: what attackers do on those of
// the client and the service would be felt whatever the service does.
func attackApart(ctx context.Context, attack hostile.Attack, a hostile.Attacker, lasting time.Duration) error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "attack", attack.Name, a.Target, lasting.String())
	cmd.Env = append(os.Environ(), attackToken+"="+a.Token, "GOMAXPROCS=1")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("attack with %s: %w", attack.Name, err)
	}
	return nil
}

// parseAttack is what that process does: its arguments are attack, target and how long.
func parseAttack(args []string) (run func(context.Context) error, err error) {
	if len(args) != 3 {
		return nil, fmt.Errorf("%q: want an attack, a target and how long", args)
	}
	lasting, err := time.ParseDuration(args[2])
	if err != nil {
		return nil, err
	}
	for _, attack := range append(hostile.All(), hostile.Quiet()) {
		if attack.Name == args[0] {
			return func(ctx context.Context) error {
				short, end := context.WithTimeout(ctx, lasting)
				defer end()
				attack.Run(short, hostile.Attacker{Target: args[1], Token: os.Getenv(attackToken)})
				return nil
			}, nil
		}
	}
	return nil, fmt.Errorf("%q is no attack", args[0])
}
