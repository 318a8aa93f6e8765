package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// profileFlag names a profile; profilesMode is the mode of their file.
const (
	profileFlag  = "profile"
	profilesMode = 0o600
)

// profiles are sets of the flags of clients, by name.
type profiles map[string]map[string]string

// profilesPath is where they are remembered.
func profilesPath(environ []string) (string, error) {
	for _, name := range []string{"XDG_CONFIG_HOME", "HOME"} {
		for _, pair := range environ {
			if dir, ok := strings.CutPrefix(pair, name+"="); ok && filepath.IsAbs(dir) {
				if name == "HOME" {
					dir = filepath.Join(dir, ".config")
				}
				return filepath.Join(dir, "destinations", "profiles.yaml"), nil
			}
		}
	}
	return "", errors.New("profiles: neither XDG_CONFIG_HOME nor HOME says where they are")
}

// readProfiles reads the file; there may be none. It names files of tokens, and says where
// they are sent, so a file that others may write is refused.
func readProfiles(path string) (profiles, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return profiles{}, nil
	case err != nil:
		return nil, err
	case info.Mode().Perm()&^profilesMode != 0:
		return nil, fmt.Errorf("%s: mode %#o, must be %#o or narrower", path, info.Mode().Perm(), fs.FileMode(profilesMode))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := profiles{}
	if err := yaml.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name, settings := range all {
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			if !slices.Contains(rememberedFlags(), key) {
				return nil, fmt.Errorf("%s: profile %s: unknown key %q%s", path, name, key, suggestion(key, rememberedFlags()))
			}
		}
	}
	return all, nil
}

// rememberedFlags are the flags that a profile can set.
func rememberedFlags() []string {
	return []string{"target", "insecure", "tls", "tls-ca", "tls-server-name", "tls-client-cert", "tls-client-key", "token-file"}
}

// profileOf is the profile that the command line or the environment chooses; nil = none.
func profileOf(ctx *kong.Context, environ []string, environment map[string]string) (settings map[string]string, path string, err error) {
	name := environment[variable(profileFlag)]
	applies := false
	for _, flag := range ctx.Flags() {
		if flag.Name == profileFlag {
			applies = true
			if chosen, _ := ctx.FlagValue(flag).(string); chosen != "" {
				name = chosen
			}
		}
	}
	if !applies || name == "" {
		return nil, "", nil
	}
	if path, err = profilesPath(environ); err != nil {
		return nil, "", err
	}
	all, err := readProfiles(path)
	if err != nil {
		return nil, "", err
	}
	settings, known := all[name]
	if !known {
		return nil, "", fmt.Errorf("--profile: there is no profile %q in %s%s", name, path, suggestion(name, slices.Sorted(maps.Keys(all))))
	}
	return settings, path, nil
}
