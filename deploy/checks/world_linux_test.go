package checks

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// world is a root folder for the service, and what callers of it have.
type world struct {
	t    *testing.T
	root string            // what the service sees as /
	ca   string            // file of the authority that the service is known by
	have map[string]string // files of tokens, by name
}

// newWorld makes a root that holds nothing.
func newWorld(t *testing.T) *world {
	t.Helper()
	// Not t.TempDir: other users can't enter that.
	dir, err := os.MkdirTemp(filepath.Dir(filepath.Dir(filepath.Dir(built.First))), "world-")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	w := &world{t: t, root: filepath.Join(dir, "root"), ca: filepath.Join(dir, "ca.pem"), have: map[string]string{}}
	must(t, os.MkdirAll(filepath.Join(w.root, "proc"), 0o755))
	return w
}

// box is a box in the world's root.
func (w *world) box(uid int, env []string) *box {
	return &box{Root: w.root, UID: uid, Env: append([]string{"AWS_EC2_METADATA_DISABLED=true"}, env...), Writable: map[string]string{}}
}

// install puts the service there.
func (w *world) install(path string) {
	w.t.Helper()
	must(w.t, copyFile(built.First, filepath.Join(w.root, path)))
	must(w.t, os.Chmod(filepath.Join(w.root, path), 0o755))
}

// file makes a file that everybody can read.
func (w *world) file(path, content string) {
	w.t.Helper()
	path = filepath.Join(w.root, path)
	must(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(w.t, os.WriteFile(path, []byte(content), 0o644))
}

// writable mounts an empty folder at a path of the box, as its user's own, or, if group is
// not 0, as root's with that group.
func (w *world) writable(b *box, path string, mode fs.FileMode, group int) {
	w.t.Helper()
	outside := filepath.Join(filepath.Dir(w.root), "mounted", path)
	must(w.t, os.MkdirAll(outside, 0o755))
	must(w.t, os.MkdirAll(filepath.Join(w.root, path), 0o755))
	if isRoot() {
		uid, gid := b.UID, b.UID
		if group != 0 {
			uid, gid = 0, group
		}
		must(w.t, os.Chown(outside, uid, gid))
	}
	must(w.t, os.Chmod(outside, mode))
	b.Writable[path] = outside
}

// access makes the files by which the service knows itself and its callers: a certificate
// of destinations.example, tokens of a sender and an operator, and what they may.
func (w *world) access(tlsFolder, tokens, grants string) {
	w.t.Helper()
	cert, key, ca := issue(w.t, "destinations.example")
	must(w.t, os.WriteFile(w.ca, ca, 0o644))
	for name, content := range map[string][]byte{"tls.crt": cert, "tls.key": key, "ca.crt": ca} {
		w.file(filepath.Join(tlsFolder, name), string(content))
	}
	if grants != "" {
		w.file(grants, `grants:
  - principals: ["token:example-workflows"]
    tenant: example
    roles: [send]
    destinations: [{bucket: example-logs, prefixes: ["*"]}]
  - principals: ["token:operator"]
    tenant: "*"
    roles: [inspect, operate]
    destinations: [{bucket: "*", prefixes: ["*"]}]
`)
	}
	must(w.t, os.MkdirAll(filepath.Join(w.root, filepath.Dir(tokens)), 0o755))
	for _, name := range []string{"example-workflows", "operator"} {
		out, err := exec.Command(built.First, "token", "create", name, "--tokens", filepath.Join(w.root, tokens)).Output()
		must(w.t, err)
		w.have[name] = filepath.Join(filepath.Dir(w.root), name+".token")
		must(w.t, os.WriteFile(w.have[name], out, 0o600))
	}
	must(w.t, os.Chmod(filepath.Join(w.root, tokens), 0o644))
}

// running is a service in a box.
type running struct {
	w    *world
	cmd  *exec.Cmd
	said *bytes.Buffer
	done chan struct{} // closed when it has ended and err is set
	err  error
}

// start starts the service of a box.
func (w *world) start(b *box) *running {
	w.t.Helper()
	env, err := b.describe()
	must(w.t, err)
	p := &running{w: w, cmd: exec.Command("/proc/self/exe"), said: &bytes.Buffer{}, done: make(chan struct{})}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.said, p.said
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	must(w.t, p.cmd.Start())
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	w.t.Cleanup(func() {
		p.signal(syscall.SIGKILL)
		<-p.done
		if w.t.Failed() {
			w.t.Logf("the service said:\n%s", p.said)
		}
	})
	return p
}

func (p *running) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// stop ends the service as a supervisor does; it must end well.
func (p *running) stop() {
	p.w.t.Helper()
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		must(p.w.t, p.err)
	case <-time.After(30 * time.Second):
		p.w.t.Fatal("the service does not end")
	}
}

// get asks an admin page over TLS, with the answer's status; 0 = none.
func (w *world) get(port int, path string) int {
	w.t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(read(w.t, w.ca)))
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "destinations.example"}, DisableKeepAlives: true,
	}}
	answer, err := client.Get("https://" + (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}).String() + path)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	return answer.StatusCode
}

// awaitReady waits until a page answers 200.
func (p *running) awaitReady(port int, path string) {
	p.w.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); p.w.get(port, path) != http.StatusOK; {
		select {
		case <-p.done:
			p.w.t.Fatalf("the service has ended: %v", p.err)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.w.t.Fatalf("%s does not answer 200", path)
		}
	}
}

// prove has the service ready, an event acknowledged of who may send, and its batch closed
// by who may operate.
func (w *world) prove(p *running) {
	w.t.Helper()
	p.awaitReady(9464, "/readyz")
	w.healthy("--tls-ca", w.ca, "--tls-server-name", "destinations.example")
	w.command("{\"n\":1}\n", "send", "--bucket", "example-logs", "--prefix", "test", "--token-file", w.have["example-workflows"],
		"--tls-ca", w.ca, "--tls-server-name", "destinations.example", "--retry-for", "0")
}

// flush closes batches at the operators' address.
func (w *world) flush(target string) {
	w.t.Helper()
	out := w.command("", "flush", "--target", target, "--token-file", w.have["operator"], "--tls-ca", w.ca, "--tls-server-name", "destinations.example")
	if !strings.Contains(out, "closed 1 batch") {
		w.t.Errorf("flush said %q", out)
	}
}

// healthy fails the test unless the service serves.
func (w *world) healthy(args ...string) {
	w.t.Helper()
	if out := w.command("", append([]string{"health"}, args...)...); out != "SERVING\n" {
		w.t.Errorf("health said %q", out)
	}
}

// command runs a command of the service as a client does.
func (w *world) command(stdin string, args ...string) string {
	w.t.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(built.First, args...)
	cmd.Env, cmd.Stdin, cmd.Stderr = []string{}, strings.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", args[0], err, &stderr)
	}
	return string(out)
}

// exitCode is what the service ends with by itself.
func (w *world) exitCode(args ...string) int {
	w.t.Helper()
	cmd := exec.Command(built.First, args...)
	cmd.Env = []string{"AWS_EC2_METADATA_DISABLED=true"}
	_ = cmd.Run() // the code says it
	return cmd.ProcessState.ExitCode()
}

// checkFolder fails the test unless the data folder, and all in it, are its owner's alone.
func (w *world) checkFolder(path string, uid int) {
	w.t.Helper()
	files := 0
	must(w.t, filepath.WalkDir(filepath.Join(filepath.Dir(w.root), "mounted", path), func(path string, entry fs.DirEntry, err error) error {
		must(w.t, err)
		info, err := entry.Info()
		must(w.t, err)
		if owner := int(info.Sys().(*syscall.Stat_t).Uid); isRoot() && owner != uid || info.Mode().Perm()&0o077 != 0 {
			w.t.Errorf("%s is of user %d, mode %v", path, owner, info.Mode())
		}
		files++
		return nil
	}))
	if files < 10 {
		w.t.Errorf("the data folder holds %d files", files)
	}
}

// read is the text of a file.
func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}
