package main

import (
	"fmt"
	"os"

	"github.com/open-destinations/destinations/server"
	"github.com/open-destinations/destinations/server/auth"
)

// grantsCmd is the group of what can be asked of a grants file.
type grantsCmd struct {
	Check   grantsCheckCmd   `cmd:"" help:"Check a grants file."`
	Explain grantsExplainCmd `cmd:"" help:"Say what a grants file lets a principal do."`
}

// grantsCheckCmd checks a grants file.
type grantsCheckCmd struct {
	File string `arg:"" help:"The file."`
}

// Run checks it.
func (c *grantsCheckCmd) Run(p *process) error {
	grants, err := readGrants(c.File)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: %s\n", c.File, counted(uint64(grants.Count()), "grant", "grants"))
	names, said := grants.Tenants()
	for _, name := range names {
		text := grants.TenantOf(name).String()
		if !said[name] {
			text += " (not under tenants)"
		}
		if _, err := fmt.Fprintf(p.stdout, "tenant %q: %s\n", name, text); err != nil {
			return err
		}
	}
	return nil
}

func readGrants(path string) (*auth.Grants, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	grants, err := auth.ParseGrants(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return grants, nil
}

// grantsExplainCmd says what a grants file means.
type grantsExplainCmd struct {
	Grants    string `required:"" placeholder:"FILE" help:"The file (the service's --grants)."`
	Principal string `required:"" placeholder:"NAME" help:"The principal, such as token:ci or uri:spiffe://shop.example/ci."`
	Bucket    string `required:"" placeholder:"BUCKET" help:"The bucket that it wants to reach."`
	Prefix    string `placeholder:"PREFIX" help:"The prefix (none)."`
}

// Help is the long text of --help.
func (*grantsExplainCmd) Help() string {
	return `Exit code 0: the destination is in the grant's reach. 1: it is not, or no grant names the principal.`
}

// Run says it.
func (c *grantsExplainCmd) Run(p *process) error {
	grants, err := readGrants(c.Grants)
	if err != nil {
		return err
	}
	if err := server.CheckBucket(c.Bucket); err != nil {
		return &exitError{code: exitNothing, err: fmt.Errorf("--bucket: %w", err)}
	}
	prefix, err := server.CheckPrefix(c.Prefix)
	if err != nil {
		return &exitError{code: exitNothing, err: fmt.Errorf("--prefix: %w", err)}
	}
	text, allowed := grants.Explain(c.Principal, c.Bucket, prefix)
	if _, err := fmt.Fprint(p.stdout, text); err != nil {
		return err
	}
	if !allowed {
		return &exitError{code: exitFailed}
	}
	return nil
}
