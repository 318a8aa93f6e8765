// Package driver speaks with the conformance drivers of the clients: programs that do
// with a language's package what they are told in lines of JSON. The protocol stands in
// clients/conformance/README.md.
package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/open-destinations/destinations/e2e/harness"
)

// Language is a client's package, and one of its APIs.
type Language struct {
	Folder string // in clients
	API    string // argument of its driver; "" = the only one
}

// Languages are all there are.
func Languages() []Language {
	return []Language{{Folder: "go"}, {Folder: "node"}, {Folder: "java"}, {Folder: "python", API: "sync"}, {Folder: "python", API: "asyncio"}}
}

// Named are those of all whose names or folders are in a list with commas; "" = all.
func Named(list string) ([]Language, error) {
	if list == "" {
		return Languages(), nil
	}
	var some []Language
	for name := range strings.SplitSeq(list, ",") {
		before := len(some)
		for _, l := range Languages() {
			if name == l.Folder || name == l.String() {
				some = append(some, l)
			}
		}
		if len(some) == before {
			return nil, fmt.Errorf("there is no client %q", name)
		}
	}
	return some, nil
}

func (l Language) String() string {
	if l.API == "" {
		return l.Folder
	}
	return l.Folder + "-" + l.API
}

// Driver is a running driver. It does one command at a time.
type Driver struct {
	Capabilities map[string]bool

	log     string
	cmd     *exec.Cmd
	in      io.WriteCloser
	answers chan []byte // one a line; closed at the end of its output
	lines   error       // why answers was closed; immutable then
	ids     int
}

// Params says what to start.
type Params struct {
	Root     string // of the checkout
	Language Language
	Log      string // file for what it writes to standard error
}

const (
	startPatience = time.Minute
	endPatience   = 20 * time.Second
)

// Start starts a driver. Its package must be installed: make -C clients/... driver.
func Start(ctx context.Context, p Params) (*Driver, error) {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	d := &Driver{log: p.Log, answers: make(chan []byte, 16)}
	d.cmd = exec.Command(filepath.Join(p.Root, "clients", p.Language.Folder, "conformance", "run"))
	if p.Language.API != "" {
		d.cmd.Args = append(d.cmd.Args, p.Language.API)
	}
	// Unlike Go's, the other libraries would go through a proxy to this machine.
	d.cmd.Env = harness.Environment("no_grpc_proxy=127.0.0.1,localhost", "PYTHONDONTWRITEBYTECODE=1")
	d.cmd.Stderr = log
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it may be a shell's child
	if d.in, err = d.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := d.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := d.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the driver of %s: %w", p.Language, err)
	}
	go d.read(out)
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	var ready struct {
		Ready        bool
		Capabilities []string
	}
	if err := d.await(ctx, &ready); err != nil || !ready.Ready {
		d.Kill()
		return nil, fmt.Errorf("start the driver of %s: not ready: %w", p.Language, err)
	}
	d.Capabilities = map[string]bool{}
	for _, c := range ready.Capabilities {
		d.Capabilities[c] = true
	}
	return d, nil
}

// read takes the lines of the driver's output.
func (d *Driver) read(out io.Reader) {
	defer close(d.answers)
	lines := bufio.NewReaderSize(out, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			d.lines = err
			return
		}
		d.answers <- line
	}
}

// await reads the next answer.
func (d *Driver) await(ctx context.Context, to any) error {
	select {
	case line, ok := <-d.answers:
		if !ok {
			return fmt.Errorf("the driver's output ended: %w\n%s", d.lines, d.Tail())
		}
		if err := json.Unmarshal(line, to); err != nil {
			return fmt.Errorf("the driver answers %q: %w", line, err)
		}
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the driver has not answered: %w\n%s", context.Cause(ctx), d.Tail())
	}
}

// Command is a command without its id.
type Command map[string]any

// Answer is what a driver says, all ops together.
type Answer struct {
	ID    int
	OK    bool
	Error *Failure

	Accepted int
	Failed   int
	Errors   map[string]int
	First    *Failure `json:"first_error"`

	Seconds     float64
	CPUSeconds  float64 `json:"cpu_seconds"`
	MaxBuffered int64   `json:"max_buffered_bytes"`
	Pending     int
	Results     []Result
	Stats       Stats
	Left        Left
	States      map[string]int
	Delivered   int
	Objects     []Object
	Before      Usage
	After       Usage
	Parent      *Counts
	Child       *Counts
}

// Counts are what became of events.
type Counts struct {
	Accepted int
	Failed   int
	Errors   map[string]int
	First    *Failure `json:"first_error"`
}

// Failure is an error of a client.
type Failure struct{ Kind, Code, Field, Reason string }

func (f *Failure) Error() string {
	return fmt.Sprintf("%s %s %s: %s", f.Kind, f.Code, f.Field, f.Reason)
}

// Result is what became of one event.
type Result struct {
	OK                    bool
	Bucket, Prefix, Token string
	Error                 *Failure
}

// Stats is how things stand with a client.
type Stats struct {
	BufferedEvents int   `json:"buffered_events"`
	BufferedBytes  int64 `json:"buffered_bytes"`
	Accepted       uint64
	Rejected       uint64
	Streams        int
	Reconnects     uint64
	LastError      string `json:"last_error"`
}

// Left is what a closed client had no answer for.
type Left struct {
	Events int
	Bytes  int64
}

// Object is one of a delivery.
type Object struct{ Bucket, Key string }

// Usage is what a driver holds.
type Usage struct{ FDs, Threads, Tasks int }

// Do has a command done. The error is that of the driver, not that of the client, which
// is the answer's.
func (d *Driver) Do(ctx context.Context, c Command) (*Answer, error) {
	d.ids++
	c["id"] = d.ids
	line, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	if _, err := d.in.Write(append(line, '\n')); err != nil {
		return nil, fmt.Errorf("tell the driver: %w\n%s", err, d.Tail())
	}
	a := new(Answer)
	if err := d.await(ctx, a); err != nil {
		return nil, fmt.Errorf("%s: %w", c["op"], err)
	}
	if a.ID != d.ids || !a.OK && a.Error == nil {
		return nil, fmt.Errorf("%s: the driver's answer is %+v", c["op"], a)
	}
	return a, nil
}

// Close ends the driver, which must do that by itself, with exit code 0.
func (d *Driver) Close() error {
	err := d.in.Close()
	timer := time.AfterFunc(endPatience, d.signal)
	defer timer.Stop()
	for range d.answers {
		err = errors.Join(err, errors.New("the driver says something that nobody has asked for"))
	}
	if ended := d.cmd.Wait(); ended != nil {
		err = errors.Join(err, fmt.Errorf("the driver ended with %w\n%s", ended, d.Tail()))
	}
	return err
}

// Kill ends the driver, whatever it does, and returns when it has ended.
func (d *Driver) Kill() {
	d.signal()
	for range d.answers { // until its output has ended
	}
	_ = d.cmd.Wait() // it was killed
}

// signal kills the driver and what it has started.
func (d *Driver) signal() { _ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL) }

// Tail is the end of what the driver has written to standard error.
func (d *Driver) Tail() string {
	const most = 4 << 10
	text, err := os.ReadFile(d.log)
	if err != nil {
		return err.Error()
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return string(text)
}
