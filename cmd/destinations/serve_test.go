package main

import (
	"bytes"
	"log/slog"
	"runtime/debug"
	"strings"
	"testing"
)

func TestLogFormats(t *testing.T) {
	for format, want := range map[string]string{
		"auto": `"msg":"hello"`, // a buffer is no terminal
		"json": `"msg":"hello"`,
		"text": `msg=hello`,
	} {
		var out bytes.Buffer
		log := newLogger(&out, format, "warn")
		log.Info("quiet")
		log.Warn("hello")
		if got := out.String(); !strings.Contains(got, want) || strings.Contains(got, "quiet") {
			t.Errorf("%s: got %s, want %s alone", format, got, want)
		}
	}
}

func TestEveryLogLevelIsKnown(t *testing.T) {
	for level, want := range map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	} {
		log := newLogger(&bytes.Buffer{}, "text", level)
		if !log.Enabled(t.Context(), want) || log.Enabled(t.Context(), want-1) {
			t.Errorf("%s: does not begin at %v", level, want)
		}
	}
}

// A profile that does not exist must not keep events from being accepted: the
// error comes with every upload.
func TestBrokenAWSConfigurationShowsAtTheUpload(t *testing.T) {
	t.Setenv("AWS_PROFILE", "no-such-profile")
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	var log bytes.Buffer
	config := loadAWS(t.Context(), newLogger(&log, "text", "info"))
	if !strings.Contains(log.String(), "no AWS configuration") {
		t.Errorf("got log %q", log.String())
	}
	if _, err := config.Credentials.Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "no-such-profile") {
		t.Errorf("got %v, want the profile's name", err)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.9.9.9": true, "::1": true, "localhost": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "example.com": false, "localhost.example.com": false, "127.0.0.1.example.com": false,
	} {
		if got := isLoopback(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}

func TestMemoryIsTheRuntimesLimitUnlessItHasOne(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	defer debug.SetMemoryLimit(before)
	limitMemory([]string{"GOMEMLIMIT=1GiB", "HOME=/"}, 512<<20)
	if got := debug.SetMemoryLimit(-1); got != before {
		t.Errorf("got a limit of %d beside GOMEMLIMIT, want %d as it was", got, before)
	}
	limitMemory([]string{"HOME=/"}, 512<<20)
	if got := debug.SetMemoryLimit(-1); got != 512<<20 {
		t.Errorf("got a limit of %d, want --memory", got)
	}
}
