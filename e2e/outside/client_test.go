package outside_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/code"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/encoding/protojson"
)

// client is a way to call the service from outside of Go.
type client struct {
	name string // also the prefix that it sends to

	// install gets it ready. It is called once, before the others.
	install func(t *testing.T)

	// send and stream return the answers of one call, as JSON, to the events of
	// sentBy.
	send, stream func(t *testing.T, target string) []string

	// refusals sends two calls with the events of refusedBy, a SendS3 and a
	// StreamS3, and returns what the library makes of their errors.
	refusals func(t *testing.T, target string) []refusal
}

// refusal is what a library says of the error that ended a call.
type refusal struct {
	Code            string
	Reason          string
	DurableSequence string `json:"durable_sequence"`
}

// clients are those of all languages. dir is for files of this run.
func clients(dir string) []client {
	return []client{nodeClient(), pythonClient(dir), grpcurlClient()}
}

// nodeClient is the programs in node.
func nodeClient() client {
	folder := filepath.Join(root, "e2e", "outside", "node")
	program := func(t *testing.T, name, target string) []string {
		return values(t, run(t, command{path: "node", args: []string{name + ".mjs", target}, dir: folder, patience: patience}).stdout)
	}
	return programs("node", program, installation{
		folder: folder, makes: "node_modules", pins: "package-lock.json", runtime: "node",
		commands: [][]string{{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"}},
	}.ensure)
}

// pythonClient is the programs in python, with the API's code generated into dir.
func pythonClient(dir string) client {
	folder := filepath.Join(root, "e2e", "outside", "python")
	python := filepath.Join(folder, ".venv", "bin", "python")
	// Nothing is to be written beside the programs.
	env := []string{"PYTHONPATH=" + dir, "PYTHONDONTWRITEBYTECODE=1", "PYTHONUTF8=1"}
	needs := installation{
		folder: folder, makes: ".venv", pins: "requirements.txt", runtime: "python3",
		commands: [][]string{
			{"python3", "-m", "venv", "--clear", ".venv"},
			{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", "-r", "requirements.txt"},
		},
	}
	install := func(t *testing.T) {
		needs.ensure(t)
		run(t, command{
			path: python, args: []string{"-m", "grpc_tools.protoc", "-I", "proto", "--python_out", dir, "--grpc_python_out", dir, "destinations/v1/destinations.proto"},
			dir: root, patience: patience,
		})
	}
	program := func(t *testing.T, name, target string) []string {
		return values(t, run(t, command{path: python, args: []string{name + ".py", target}, dir: folder, env: env, patience: patience}).stdout)
	}
	return programs("python", program, install)
}

// programs is the client of a language that has the programs send_s3, stream_s3 and
// sequence_error, which write JSON values.
func programs(language string, run func(t *testing.T, name, target string) []string, install func(*testing.T)) client {
	return client{
		name:    language,
		install: install,
		send:    func(t *testing.T, target string) []string { return run(t, "send_s3", target) },
		stream:  func(t *testing.T, target string) []string { return run(t, "stream_s3", target) },
		refusals: func(t *testing.T, target string) []refusal {
			var all []refusal
			for _, text := range run(t, "sequence_error", target) {
				var r refusal
				must(t, json.Unmarshal([]byte(text), &r))
				all = append(all, r)
			}
			return all
		},
	}
}

// grpcurlClient is grpcurl, which knows the API by the service's reflection, with
// the requests in grpcurl.
func grpcurlClient() client {
	grpcurl := func(t *testing.T, requests, target, method string, fails bool) output {
		stdin, err := os.ReadFile(filepath.Join("grpcurl", requests+".jsonl"))
		must(t, err)
		return run(t, command{
			path: "go",
			args: []string{"tool", "-modfile=tools/go.mod", "grpcurl", "-plaintext", "-max-time", "30", "-format-error", "-d", "@",
				target, "destinations.v1.Destinations/" + method},
			dir: root, stdin: string(stdin), patience: installPatience, fails: fails,
		})
	}
	return client{
		name:    "grpcurl",
		install: func(*testing.T) {},
		send: func(t *testing.T, target string) []string {
			return values(t, grpcurl(t, "send_s3", target, "SendS3", false).stdout)
		},
		stream: func(t *testing.T, target string) []string {
			return values(t, grpcurl(t, "stream_s3", target, "StreamS3", false).stdout)
		},
		refusals: func(t *testing.T, target string) []refusal {
			return []refusal{
				statusOf(t, grpcurl(t, "send_s3_error", target, "SendS3", true).stderr),
				statusOf(t, grpcurl(t, "stream_s3_error", target, "StreamS3", true).stderr),
			}
		},
	}
}

// statusOf reads the google.rpc.Status that grpcurl -format-error writes.
func statusOf(t *testing.T, text string) refusal {
	t.Helper()
	var st spb.Status
	if err := protojson.Unmarshal([]byte(text), &st); err != nil {
		t.Fatalf("not a google.rpc.Status: %v:\n%s", err, text)
	}
	r := refusal{Code: code.Code(st.GetCode()).String()}
	for _, detail := range st.GetDetails() {
		var info errdetails.ErrorInfo
		if detail.MessageIs(&info) {
			must(t, detail.UnmarshalTo(&info))
			r.Reason, r.DurableSequence = info.GetReason(), info.GetMetadata()["durable_sequence"]
		}
	}
	return r
}
