package server_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/open-destinations/destinations/server"
)

func TestConfigValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*server.Config)
		want   []string
	}{
		{"default", func(*server.Config) {}, nil},
		{"smallest", func(c *server.Config) { c.MaxPayloadBytes, c.MaxRequestBytes, c.MaxStreamBytes = 1, 4097, 1 }, nil},
		{"largest", func(c *server.Config) { c.MaxRequestBytes = 1 << 30 }, nil},
		{"too large", func(c *server.Config) { c.MaxRequestBytes = 1<<30 + 1 }, []string{"--max-request-size"}},
		{"no payload", func(c *server.Config) { c.MaxPayloadBytes = 0 }, []string{"--max-payload-size"}},
		{"no request for the payload", func(c *server.Config) { c.MaxPayloadBytes = 4<<20 - 4095 }, []string{"--max-request-size", "--max-payload-size"}},
		{"all at once", func(c *server.Config) { *c = server.Config{} }, []string{"--max-payload-size", "--max-request-size", "MaxStreamBytes", "--max-calls-per-connection", "--max-calls-per-address", "--max-calls-per-principal", "--max-calls:", "--calls-per-second-per-address", "--calls-per-second-per-principal", "RetryDelay"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := server.DefaultConfig()
			tt.change(&c)
			err := c.Validate()
			if (err == nil) != (tt.want == nil) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s named", err, want)
				}
			}
		})
	}
}

func TestNewRefusesWhatIsMissing(t *testing.T) {
	whole := func() server.Params {
		return server.Params{
			Config:      server.DefaultConfig(),
			Journal:     &fakeJournal{t: t},
			Admission:   fakeAdmission(nil),
			Flusher:     fakeFlusher(untilEnded),
			Undelivered: &fakeUndelivered{},
			Redriver:    fakeRedriver(nil),
			DeadLetters: &fakeDeadLetters{},
			Checker:     fakeChecker(nil),
			Receipts:    fakeReceipts(nil),
			Deliveries:  &fakeDeliveries{},
			TokenKey:    tokenKey,
			Log:         slog.New(slog.DiscardHandler),
		}
	}
	if _, err := server.New(whole()); err != nil {
		t.Fatalf("got %v, want a server", err)
	}
	for name, change := range map[string]func(*server.Params){
		"config":       func(p *server.Params) { p.Config = server.Config{} },
		"journal":      func(p *server.Params) { p.Journal = nil },
		"admission":    func(p *server.Params) { p.Admission = nil },
		"undelivered":  func(p *server.Params) { p.Undelivered = nil },
		"flusher":      func(p *server.Params) { p.Flusher = nil },
		"redriver":     func(p *server.Params) { p.Redriver = nil },
		"dead letters": func(p *server.Params) { p.DeadLetters = nil },
		"checker":      func(p *server.Params) { p.Checker = nil },
		"receipts":     func(p *server.Params) { p.Receipts = nil },
		"deliveries":   func(p *server.Params) { p.Deliveries = nil },
		"key":          func(p *server.Params) { p.TokenKey = tokenKey[1:] },
		"log":          func(p *server.Params) { p.Log = nil },
	} {
		p := whole()
		change(&p)
		if _, err := server.New(p); err == nil {
			t.Errorf("without %s: got nil, want an error", name)
		}
	}
}
