package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

// parsed runs the parser alone and returns what it filled in.
func parsed(t *testing.T, environ []string, args ...string) (*cli, error) {
	t.Helper()
	c := &cli{}
	p := &process{ctx: t.Context(), stdout: io.Discard, stderr: io.Discard, environ: environ}
	parser, err := newParser(c, p, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse(args)
	return c, err
}

// Every combination of the layers above the default, for a duration, a string, a
// size and a switch.
func TestFlagBeatsVariableBeatsFileBeatsDefault(t *testing.T) {
	file := writeFile(t, "file.yaml", "timeout: 3s\nbucket: from-file\nmax-payload-size: 3KiB\ninsecure: true\n")
	for layers := range 8 {
		flag, env, inFile := layers&4 != 0, layers&2 != 0, layers&1 != 0
		var environ []string
		flush, send := []string{"flush"}, []string{"send"}
		wantTimeout, wantBucket, wantSize, wantInsecure := time.Minute, "", byteSize(1<<20), false
		if inFile {
			flush, send = append(flush, "--config", file), append(send, "--config", file)
			wantTimeout, wantBucket, wantSize, wantInsecure = 3*time.Second, "from-file", 3<<10, true
		}
		if env {
			environ = []string{"DESTINATIONS_TIMEOUT=2s", "DESTINATIONS_BUCKET=from-env", "DESTINATIONS_MAX_PAYLOAD_SIZE=2KiB", "DESTINATIONS_INSECURE=false"}
			wantTimeout, wantBucket, wantSize, wantInsecure = 2*time.Second, "from-env", 2<<10, false
		}
		if flag {
			flush = append(flush, "--timeout", "1s", "--bucket", "from-flag", "--insecure")
			send = append(send, "--bucket", "from-flag", "--max-payload-size", "1KiB")
			wantTimeout, wantBucket, wantSize, wantInsecure = time.Second, "from-flag", 1<<10, true
		}
		c, err := parsed(t, environ, flush...)
		if err != nil || c.Flush.Timeout != wantTimeout || c.Flush.Bucket != wantBucket || c.Flush.Insecure != wantInsecure {
			t.Errorf("flag %v, variable %v, file %v: got %v %q %v (%v), want %v %q %v", flag, env, inFile,
				c.Flush.Timeout, c.Flush.Bucket, c.Flush.Insecure, err, wantTimeout, wantBucket, wantInsecure)
		}
		c, err = parsed(t, environ, send...)
		if wantBucket == "" {
			if err == nil || !strings.Contains(err.Error(), "missing flags: --bucket") {
				t.Errorf("send without a bucket: got %v", err)
			}
		} else if err != nil || c.Send.Bucket != wantBucket || c.Send.MaxPayloadSize != wantSize {
			t.Errorf("flag %v, variable %v, file %v: got %q %v (%v), want %q %v", flag, env, inFile,
				c.Send.Bucket, c.Send.MaxPayloadSize, err, wantBucket, wantSize)
		}
	}
}

func TestVariableMayBeEmpty(t *testing.T) {
	file := writeFile(t, "file.yaml", "bucket: from-file\nprefix: from-file\n")
	c, err := parsed(t, []string{"DESTINATIONS_PREFIX="}, "send", "--config", file)
	if err != nil || c.Send.Prefix != "" || c.Send.Bucket != "from-file" {
		t.Errorf("got prefix %q, bucket %q, %v; want an empty prefix", c.Send.Prefix, c.Send.Bucket, err)
	}
}

func TestConfigFileByVariable(t *testing.T) {
	file := writeFile(t, "file.yaml", "timeout: 3s\n")
	other := writeFile(t, "other.yaml", "timeout: 4s\n")
	environ := []string{"DESTINATIONS_CONFIG=" + file}
	if c, err := parsed(t, environ, "flush"); err != nil || c.Flush.Timeout != 3*time.Second {
		t.Errorf("got %v, %v; want 3s", c.Flush.Timeout, err)
	}
	if c, err := parsed(t, environ, "--config", other, "flush"); err != nil || c.Flush.Timeout != 4*time.Second {
		t.Errorf("got %v, %v; want 4s", c.Flush.Timeout, err)
	}
}

func TestRefusedSettings(t *testing.T) {
	for _, test := range []struct {
		name    string
		environ []string
		file    string   // "" = none
		want    []string // parts of the error, all of them
	}{
		{"unknown variables, all at once", []string{"DESTINATIONS_TIMEOT=1s", "DESTINATIONS_ZZZZZZZZZ=1"}, "",
			[]string{"DESTINATIONS_TIMEOT, did you mean DESTINATIONS_TIMEOUT?", "DESTINATIONS_ZZZZZZZZZ"}},
		{"unknown variable and key", []string{"DESTINATIONS_ZZZZZZZZZ=1"}, "# comment\ntimeot: 1s\n",
			[]string{"DESTINATIONS_ZZZZZZZZZ", `file.yaml:2: unknown key "timeot", did you mean timeout?`}},
		{"value of a variable", []string{"DESTINATIONS_TIMEOUT=soon"}, "",
			[]string{`--timeout: DESTINATIONS_TIMEOUT: expected duration but got "soon"`}},
		{"value in the file", nil, "\ntimeout: 7\n", []string{"--timeout: ", "file.yaml:2: expected duration but got \"7\""}},
		{"empty duration", []string{"DESTINATIONS_TIMEOUT="}, "", []string{"--timeout: DESTINATIONS_TIMEOUT"}},
		{"key without value", nil, "timeout:\n", []string{"file.yaml:1: timeout must have one value"}},
		{"list", nil, "timeout: [1s, 2s]\n", []string{"timeout must have one value"}},
		{"nested", nil, "flush:\n  timeout: 1s\n", []string{"flush must have one value"}},
		{"twice", nil, "timeout: 1s\ntimeout: 2s\n", []string{"file.yaml:2: timeout stands here twice"}},
		{"another file", nil, "config: other.yaml\n", []string{"can't name another"}},
		{"help", nil, "help: true\n", []string{`unknown key "help"`}},
		{"no mapping", nil, "- timeout\n", []string{`must be lines of "flag-name: value"`}},
		{"two documents", nil, "timeout: 1s\n---\ntimeout: 2s\n", []string{"more than one"}},
		{"not YAML", nil, "timeout: \"1s\n", []string{"file.yaml: yaml:"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"flush"}
			if test.file != "" {
				args = append(args, "--config", writeFile(t, "file.yaml", test.file))
			}
			_, err := parsed(t, test.environ, args...)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want ... %s", err, want)
				}
			}
		})
	}
}

func TestSettingsOfOtherCommandsArePassedOver(t *testing.T) {
	file := writeFile(t, "file.yaml", "bucket: demo\nrole-arn: key\ntimeout: 3s\n")
	if _, err := parsed(t, []string{"DESTINATIONS_TARGET=127.0.0.1:1", "PATH=/bin", "DESTINATION_X=1"}, "version", "--config", file); err != nil {
		t.Error(err)
	}
}

func TestMissingConfigFileIsAnError(t *testing.T) {
	_, err := parsed(t, nil, "version", "--config", "/no/such/file.yaml")
	if err == nil || !strings.Contains(err.Error(), "--config: open /no/such/file.yaml") {
		t.Errorf("got %v", err)
	}
}

func TestEmptyConfigFileSetsNothing(t *testing.T) {
	for _, text := range []string{"", "# comment\n", "---\n", "{}\n"} {
		if _, err := parsed(t, nil, "version", "--config", writeFile(t, "file.yaml", text)); err != nil {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestClusterVariablesArePassedOver(t *testing.T) {
	if _, err := parsed(t, []string{
		"DESTINATIONS_SERVICE_HOST=10.0.0.1",
		"DESTINATIONS_SERVICE_PORT=50051",
		"DESTINATIONS_SERVICE_PORT_GRPC=50051",
		"DESTINATIONS_PORT=tcp://10.0.0.1:50051",
		"DESTINATIONS_PORT_50051_TCP=tcp://10.0.0.1:50051",
		"DESTINATIONS_PORT_50051_TCP_PROTO=tcp",
		"DESTINATIONS_ADMIN_SERVICE_HOST=10.0.0.1",
		"DESTINATIONS_ADMIN_PORT_9464_TCP_ADDR=10.0.0.1",
	}, "version"); err != nil {
		t.Error(err)
	}
	if _, err := parsed(t, []string{"DESTINATIONS_PORT=50051"}, "version"); err == nil {
		t.Error("DESTINATIONS_PORT=50051: got no error, want one: somebody meant it")
	}
}

func FuzzParseConfig(f *testing.F) {
	for _, seed := range []string{"", "a: 1\n", "a: {b: c}\n", "a: &x 1\nb: *x\n", "? [a]\n: b\n", "a: 1\n---\n", "\t", "!!binary a: b", "<<: {a: b}\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := parseConfig("file.yaml", text)
		if err == nil && len(file.keys) != len(file.entries) {
			t.Errorf("got %d keys and %d entries", len(file.keys), len(file.entries))
		}
	})
}
