package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"go.yaml.in/yaml/v3"
)

// profileCmd is the group of what can be done with profiles.
type profileCmd struct {
	Save   profileSaveCmd   `cmd:"" help:"Remember how a service is reached."`
	List   profileListCmd   `cmd:"" help:"List what is remembered."`
	Remove profileRemoveCmd `cmd:"" help:"Forget a profile."`
}

// profileName is what a profile may be called.
var profileName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// profileSaveCmd remembers flags.
type profileSaveCmd struct {
	reachFlags `embed:""`

	Name string `arg:"" help:"What the profile is called; one of that name is replaced."`
}

// Help is the long text of --help.
func (*profileSaveCmd) Help() string {
	return `Profiles are in $XDG_CONFIG_HOME/destinations/profiles.yaml, or ~/.config/destinations/profiles.yaml, which only you may read. They name files of tokens and keys, and hold none. A flag beats its variable, which beats the profile, which beats the --config file.`
}

// Validate refuses a name that could be mistaken for something else.
func (c *profileSaveCmd) Validate() error {
	if !profileName.MatchString(c.Name) {
		return fmt.Errorf(`name: %q: must be 1 to 100 letters, digits, ".", "_" and "-"`, c.Name)
	}
	return nil
}

// Run remembers them. Files are remembered by their whole paths.
func (c *profileSaveCmd) Run(p *process) error {
	if err := c.check(); err != nil {
		return &exitError{code: exitNothing, err: fmt.Errorf("--target: %w", err)}
	}
	if _, err := c.options(nil); err != nil {
		return err
	}
	settings := map[string]string{"target": c.Target}
	for flag, value := range map[string]bool{"insecure": c.Insecure, "tls": c.TLS} {
		if value {
			settings[flag] = "true"
		}
	}
	if c.TLSServerName != "" {
		settings["tls-server-name"] = c.TLSServerName
	}
	for flag, path := range map[string]string{
		"tls-ca": c.TLSCA, "tls-client-cert": c.TLSClientCert, "tls-client-key": c.TLSClientKey, "token-file": c.TokenFile,
	} {
		if path == "" {
			continue
		}
		whole, err := filepath.Abs(path)
		if err != nil {
			return fmt.Errorf("--%s: %w", flag, err)
		}
		settings[flag] = whole
	}
	return p.changeProfiles(func(all profiles) error {
		all[c.Name] = settings
		return nil
	})
}

// changeProfiles changes the file of profiles, so that whoever reads it meanwhile gets
// what was or what is.
func (p *process) changeProfiles(change func(profiles) error) error {
	path, err := profilesPath(p.environ)
	if err != nil {
		return err
	}
	all, err := readProfiles(path)
	if err != nil {
		return err
	}
	if err := change(all); err != nil {
		return err
	}
	text, err := yaml.Marshal(all)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "profiles.*.tmp") // of mode 0600
	if err != nil {
		return err
	}
	_, err = temporary.Write(text)
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		os.Remove(temporary.Name()) // the error before says more
	}
	return err
}

// profileListCmd lists profiles.
type profileListCmd struct{}

// Run prints them.
func (*profileListCmd) Run(p *process) error {
	path, err := profilesPath(p.environ)
	if err != nil {
		return err
	}
	all, err := readProfiles(path)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(p.stdout, "%s:", name)
		for _, flag := range slices.Sorted(maps.Keys(all[name])) {
			fmt.Fprintf(p.stdout, " --%s=%s", flag, all[name][flag])
		}
		if _, err := fmt.Fprintln(p.stdout); err != nil {
			return err
		}
	}
	return nil
}

// profileRemoveCmd forgets a profile.
type profileRemoveCmd struct {
	Name string `arg:"" help:"What it is called."`
}

// Run forgets it.
func (c *profileRemoveCmd) Run(p *process) error {
	return p.changeProfiles(func(all profiles) error {
		if _, known := all[c.Name]; !known {
			return fmt.Errorf("there is no profile %q", c.Name)
		}
		delete(all, c.Name)
		return nil
	})
}
