package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
)

// tailLines is how many of a log's last lines an error shows.
const tailLines = 15

// ProcessParams says what to start.
type ProcessParams struct {
	Name   string   // what messages call it
	Path   string   // the binary
	Args   []string // its arguments; may hold secrets, so nothing ever prints them
	Env    []string // its whole environment
	Log    string   // file that its output is appended to
	Stdout string   // file for its standard output alone, emptied first; "" = Log
}

// Process is a child process. It is safe for concurrent use.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended and err is set
	err  error         // how it ended; read only after done
}

// StartProcess starts a process and returns when it runs; whether it is of use
// yet is for the caller to find out. Its standard input stays open, and silent,
// for as long as this program lives.
func StartProcess(p ProcessParams) (*Process, error) {
	logFile, err := openLog(p.Log, os.O_APPEND)
	if err != nil {
		return nil, err
	}
	defer logFile.Close()
	stdout := logFile
	if p.Stdout != "" {
		if stdout, err = openLog(p.Stdout, os.O_TRUNC); err != nil {
			return nil, err
		}
		defer stdout.Close()
	}

	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = p.Env, stdout, logFile
	cmd.SysProcAttr = ownGroup()
	if _, err := cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	proc := &Process{name: p.Name, log: p.Log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go proc.run(started)
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", p.Name, err)
	}
	return proc, nil
}

// run starts the process and waits for it. It keeps its thread for that long: the
// kernel kills the child when the thread that made it ends, not the program.
func (p *Process) run(started chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	p.err = p.cmd.Wait()
	close(p.done)
}

// Done is closed when the process has ended, for whatever reason.
func (p *Process) Done() <-chan struct{} { return p.done }

// PID is the id that the process has or had.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Err says how the process ended, with its log's last lines; nil while it runs
// and if it ended with exit code 0.
func (p *Process) Err() error {
	select {
	case <-p.done:
	default:
		return nil
	}
	if p.err == nil {
		return nil
	}
	return fmt.Errorf("%s ended: %w\n%s", p.name, p.err, p.Tail())
}

// await polls until the process is of use, and gives up when it has ended.
func (p *Process) await(ctx context.Context, ready func() error) error {
	ended := false
	err := Poll(ctx, p.name+" to be ready", func() error {
		select {
		case <-p.done:
			ended = true
			return nil
		default:
			return ready()
		}
	})
	if ended {
		return fmt.Errorf("%s ended before it was ready (%v)\n%s", p.name, p.cmd.ProcessState, p.Tail())
	}
	if err != nil {
		return fmt.Errorf("%w\n%s", err, p.Tail())
	}
	return nil
}

// Stop asks the process to end (SIGTERM) and waits for it; when ctx ends first it
// kills the process. The error says how the process ended, if not with exit
// code 0.
func (p *Process) Stop(ctx context.Context) error {
	p.signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return p.Err()
	case <-ctx.Done():
		p.Kill()
		return fmt.Errorf("stop %s: it had to be killed: %w\n%s", p.name, context.Cause(ctx), p.Tail())
	}
}

// Terminate asks the process to end (SIGTERM) and does not wait.
func (p *Process) Terminate() { p.signal(syscall.SIGTERM) }

// Kill ends the process without asking (SIGKILL) and returns when it is gone.
func (p *Process) Kill() {
	p.signal(syscall.SIGKILL)
	<-p.done
}

// signal reaches the process through its handle, so never another one that got
// the same id later. One that has ended already is as good as signalled.
func (p *Process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// Tail is the log's name and its last lines.
func (p *Process) Tail() string { return logTail(p.log) }

// logTail reads the end of a log for people.
func logTail(name string) string {
	b, err := readEnd(name, 16<<10)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	lines = lines[max(0, len(lines)-tailLines):]
	return fmt.Sprintf("the end of its log, %s:\n    %s", name, strings.Join(lines, "\n    "))
}

// readEnd reads at most the last n bytes of a file.
func readEnd(name string, n int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.NewSectionReader(f, max(0, st.Size()-n), n))
}

// openLog opens a file for a process's output.
func openLog(name string, flag int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return nil, fmt.Errorf("make folder of log: %w", err)
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|flag, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// Output runs a program to its end and returns its standard output. An error
// holds what the program said about it.
func Output(ctx context.Context, stdin io.Reader, path string, args ...string) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = Environment()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return stdout.Bytes(), fmt.Errorf("%s %s: %w: %s", filepath.Base(path), args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return stdout.Bytes(), nil
}

// Environment is this program's environment without what would change the service,
// its S3 client or what it exports, followed by extra: a shell that is set up for an AWS
// account must neither break a test nor lend it that account.
func Environment(extra ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "AWS_") && !strings.HasPrefix(kv, "DESTINATIONS_") && !strings.HasPrefix(kv, "OTEL_") {
			env = append(env, kv)
		}
	}
	env = append(env,
		"AWS_CONFIG_FILE="+os.DevNull,
		"AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"AWS_EC2_METADATA_DISABLED=true")
	return append(env, extra...)
}
