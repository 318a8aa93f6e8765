// Command driver does what the conformance runner tells it with the Go client: the
// protocol stands in clients/conformance/README.md.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	destinations "github.com/open-destinations/destinations/clients/go"
)

func main() {
	if err := serve(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "driver:", err)
		os.Exit(1)
	}
}

// command is a line of input. Each op has its own fields beside these.
type command struct {
	ID     int    `json:"id"`
	Op     string `json:"op"`
	Client string `json:"client"`
}

// answer is a line of output.
type answer map[string]any

// driver holds the clients by their names. One command is done after the other.
type driver struct {
	clients map[string]*client
}

// client is an open client, and what is kept of it for later commands.
type client struct {
	*destinations.Client
	kept []*destinations.Receipt
	open []*destinations.Receipt // of loops that did not wait
}

// op does a command, whose line is given.
type op func(d *driver, line []byte) (answer, error)

func ops() map[string]op {
	return map[string]op{
		"open": (*driver).open, "send": (*driver).send, "loop": (*driver).loop, "results": (*driver).results,
		"flush": (*driver).flush, "stats": (*driver).stats, "set_target": (*driver).setTarget, "close": (*driver).close,
		"status": (*driver).status, "delivered": (*driver).delivered, "churn": (*driver).churn, "bench": (*driver).bench,
	}
}

func serve(in io.Reader, out io.Writer) error {
	known, d, encoder := ops(), &driver{clients: map[string]*client{}}, json.NewEncoder(out)
	if err := encoder.Encode(answer{"ready": true, "language": "go", "api": "", "capabilities": []string{}}); err != nil {
		return err
	}
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		} else if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		var c command
		if err := json.Unmarshal(line, &c); err != nil {
			return fmt.Errorf("read a command: %w", err)
		}
		a, err := answer{}, error(unknownOp(c.Op))
		if do := known[c.Op]; do != nil {
			a, err = do(d, line)
		}
		if a == nil {
			a = answer{}
		}
		a["id"], a["ok"] = c.ID, err == nil
		if err != nil {
			a["error"] = describe(err)
		}
		if err := encoder.Encode(a); err != nil {
			return err
		}
	}
}

type unknownOp string

func (u unknownOp) Error() string { return "unknown op: " + string(u) }

// failure is an error as the protocol writes it.
type failure struct {
	Kind   string `json:"kind"`
	Code   string `json:"code"`
	Field  string `json:"field"`
	Reason string `json:"reason"`
}

func describe(err error) failure {
	var (
		rejected   *destinations.RejectedError
		serial     *destinations.SerializationError
		full       *destinations.BufferFullError
		unanswered *destinations.UnansweredError
		failed     *destinations.ClientFailedError
		dead       *destinations.DeadError
		option     optionError
		unknown    unknownOp
	)
	switch {
	case errors.As(err, &rejected):
		return failure{"rejected", rejected.Code, rejected.Field, rejected.Reason}
	case errors.As(err, &serial):
		return failure{"serialization", "", "payload", serial.Error()}
	case errors.As(err, &full):
		return failure{"buffer_full", "", "", full.Error()}
	case errors.As(err, &unanswered):
		return failure{"unanswered", "", "", unanswered.Error()}
	case errors.As(err, &failed):
		return failure{"client_failed", failed.Code, "", failed.Error()}
	case errors.As(err, &dead):
		return failure{"dead", dead.Status.Code, "", dead.Error()}
	case errors.As(err, &option):
		return failure{"invalid_option", "", "", option.Error()}
	case errors.As(err, &unknown):
		return failure{"unknown_op", "", "", unknown.Error()}
	case errors.Is(err, destinations.ErrClosed):
		return failure{"closed", "", "", err.Error()}
	case errors.Is(err, context.DeadlineExceeded):
		return failure{"timeout", "", "", err.Error()}
	}
	return failure{"other", "", "", err.Error()}
}

// of finds a client.
func (d *driver) of(name string) (*client, error) {
	if c := d.clients[name]; c != nil {
		return c, nil
	}
	return nil, fmt.Errorf("there is no client %q", name)
}

// in is a context for so many milliseconds; 0 = without end.
func in(ms float64) (context.Context, context.CancelFunc) {
	if ms == 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), time.Duration(ms*float64(time.Millisecond)))
}
