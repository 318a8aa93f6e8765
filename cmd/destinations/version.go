package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is what "-ldflags -X main.version=v1.2.3" sets at a release; nothing
// else writes it. Empty: the module's version stands in.
var version string

type versionCmd struct{}

// Run prints version, commit and Go version, one a line.
func (versionCmd) Run(p *process) error {
	b := readBuild()
	_, err := fmt.Fprintf(p.stdout, "destinations %s\ncommit %s\n%s %s/%s\n",
		b.version, b.commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// build is what this binary was built from.
type build struct {
	version string // "unknown" if the build does not say
	commit  string // "unknown", or with "+changes" if the checkout had some
}

// readBuild reads what the linker wrote into the binary.
func readBuild() build {
	b := build{version: version, commit: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if ok {
		b.fill(info)
	}
	if b.version == "" {
		b.version = "unknown"
	}
	return b
}

func (b *build) fill(info *debug.BuildInfo) {
	if b.version == "" && info.Main.Version != "(devel)" {
		b.version = info.Main.Version
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if revision := settings["vcs.revision"]; revision != "" {
		b.commit = revision
	}
	if settings["vcs.modified"] == "true" {
		b.commit += "+changes"
	}
}
