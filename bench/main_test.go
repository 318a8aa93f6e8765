package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFlags(t *testing.T) {
	o, err := parseIngest([]string{"--destinations", "1,500", "--duration", "10s", "--rate", "20000", "--profile", "p"})
	if err != nil || !slices.Equal(o.destinations, []int{1, 500}) || o.duration != 10*time.Second || o.rate != 20_000 || o.profile != "p" {
		t.Errorf("got %+v, %v", o, err)
	}
	o, err = parseIngest(nil)
	if err != nil || !slices.Equal(o.destinations, []int{1, 10_000}) || o.duration != 90*time.Second || o.rate != 0 {
		t.Errorf("defaults: got %+v, %v", o, err)
	}
	for _, wrong := range []string{"--destinations=0", "--destinations=100001", "--destinations=1,", "--duration=1ms", "--rate=-1", "--rounds=0", "more"} {
		if _, err := parseIngest([]string{wrong}); err == nil || !strings.Contains(err.Error(), strings.Split(wrong, "=")[0]) {
			t.Errorf("%s: got %v, want an error that names it", wrong, err)
		}
	}
}

func TestEveryRunHasItsFlags(t *testing.T) {
	for _, args := range [][]string{
		nil, {"ingest"}, {"--rate", "5"}, {"ingest", "--even", "--flush=false", "--window", "1m"},
		{"bad", "--duration", "1s", "--rate", "5"}, {"expired", "--rate", "5", "--seed", "7"}, {"overload", "--rate", "5"}, {"backlog", "--mib", "5"},
		{"auth", "--rounds", "2", "--duration", "1s"}, {"tenants", "--duration", "1s"},
		{"clients", "--languages", "go", "--duration", "1s"},
	} {
		if run, err := parse(args); err != nil || run == nil {
			t.Errorf("%q: got %v", args, err)
		}
	}
	for _, args := range [][]string{{"more"}, {"bad", "more"}, {"backlog", "--rate", "5"}, {"ingest", "--mib", "5"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%q: got no error", args)
		}
	}
}
