package main

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// layers is what stands between the command line and the defaults: the
// environment, below it the profile, and below that the configuration file. It is kong's only resolver:
// kong's own reading of the environment would let the file win.
type layers struct {
	sources     map[string]string // by flag: the layer that its value came from, if one did
	environment map[string]string // by variable
	profile     map[string]string // by flag
	profilePath string            // of the file that it stands in
	file        *configFile
}

// newLayers reads all layers. The error names every variable and key that is no
// flag of any command.
func newLayers(ctx *kong.Context, environ []string) (*layers, error) {
	known := flagNames(ctx.Model)
	environment, problems := readEnvironment(environ, known)
	l := &layers{sources: map[string]string{}, environment: environment, file: &configFile{}}
	var err error
	if l.profile, l.profilePath, err = profileOf(ctx, environ, environment); err != nil {
		problems = append(problems, err)
	}
	path := configPath(ctx, environment)
	if path != "" {
		file, err := readConfigFile(path)
		if err != nil {
			return nil, errors.Join(append(problems, err)...)
		}
		l.file = file
		problems = append(problems, file.unknown(known)...)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return l, nil
}

// configPath is the configuration file's path, "" for none. A file can't name
// another one.
func configPath(ctx *kong.Context, environment map[string]string) string {
	for _, flag := range ctx.Model.Flags {
		if flag.Name != configFlag {
			continue
		}
		if path, _ := ctx.FlagValue(flag).(string); path != "" {
			return path
		}
	}
	return environment[variable(configFlag)]
}

const configFlag = "config"

// Validate has nothing to add: what could be wrong was found by newLayers.
func (l *layers) Validate(*kong.Application) error { return nil }

// Resolve returns the value of a flag that the command line did not set; nil if
// no layer sets it. An error says which layer the value came from.
func (l *layers) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := variable(flag.Name)
	if value, ok := l.environment[name]; ok {
		l.sources[flag.Name] = name
		return checkValue(flag, value, name)
	}
	if value, ok := l.profile[flag.Name]; ok {
		l.sources[flag.Name] = l.profilePath
		return checkValue(flag, value, l.profilePath)
	}
	if entry, ok := l.file.entries[flag.Name]; ok {
		l.sources[flag.Name] = l.file.place(entry)
		return checkValue(flag, entry.value, l.file.place(entry))
	}
	return nil, nil
}

// sourced adds to a problem that begins with a flag which layer the flag's value came
// from, if one did: nobody has typed it.
func (l *layers) sourced(problem string) string {
	name, isFlag := strings.CutPrefix(problem, "--")
	if !isFlag || l == nil {
		return problem
	}
	if at := strings.IndexFunc(name, func(r rune) bool { return r != '-' && (r < 'a' || r > 'z') && (r < '0' || r > '9') }); at >= 0 {
		name = name[:at]
	}
	if source, ok := l.sources[name]; ok {
		return problem + " (from " + source + ")"
	}
	return problem
}

// checkValue decodes value once on trial, since kong's own error would not say
// where the value came from.
func checkValue(flag *kong.Flag, value, source string) (any, error) {
	scratch := reflect.New(flag.Target.Type()).Elem()
	scan := kong.Scan().PushTyped(value, kong.FlagValueToken)
	if err := flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: scan}, scratch); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	return value, nil
}

// clusterVariable matches the name and value of the variables that Kubernetes and
// Docker put into every container beside a service called "destinations" (or
// "destinations-..."): nobody wrote them for us.
var clusterVariable = regexp.MustCompile(
	`^DESTINATIONS_(\w+_)?(SERVICE_HOST=|SERVICE_PORT(_\w+)?=|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=|=(tcp|udp|sctp)://))`)

// readEnvironment picks the variables that are flags. The problems are those that
// begin like ours and are no flag.
func readEnvironment(environ, known []string) (map[string]string, []error) {
	variables := make([]string, 0, len(known))
	for _, name := range known {
		variables = append(variables, variable(name))
	}
	environment := map[string]string{}
	var problems []error
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		switch {
		case !strings.HasPrefix(name, variablePrefix):
		case name == tokenVariable: // a secret has no flag
		case slices.Contains(variables, name):
			environment[name] = value
		case !clusterVariable.MatchString(pair):
			problems = append(problems, fmt.Errorf("environment: unknown variable %s%s", name, suggestion(name, variables)))
		}
	}
	return environment, problems
}
