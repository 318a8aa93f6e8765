package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/open-destinations/destinations/server/auth"
)

// tokenCmd is the group of what can be done with the tokens of callers.
type tokenCmd struct {
	Create tokenCreateCmd `cmd:"" help:"Make a token, and print it."`
	List   tokenListCmd   `cmd:"" help:"List the tokens."`
	Revoke tokenRevokeCmd `cmd:"" help:"Take tokens away."`
}

// tokensFlag names the file of tokens that a service reads.
type tokensFlag struct {
	Tokens string `required:"" placeholder:"FILE" help:"The file of tokens that the service reads (its --tokens)."`
}

func (f *tokensFlag) store() auth.TokenStore { return auth.TokenStore{Path: f.Tokens} }

// tokenCreateCmd makes a token.
type tokenCreateCmd struct {
	tokensFlag `embed:""`

	ExpiresAfter time.Duration `placeholder:"TIME" help:"For how long it counts (for ever), such as 2160h."`
	Name         string        `arg:"" help:"Whose it is: his principal is token:NAME. Several tokens may have one name: make the next one before you revoke the last."`
}

// Help is the long text of --help.
func (*tokenCreateCmd) Help() string {
	return `The token goes to standard output, and is kept nowhere: the file has a salted hash of it. A running service takes it within a second or two. What it may do is said by --grants.`
}

// Validate refuses a time that has passed.
func (c *tokenCreateCmd) Validate() error {
	if c.ExpiresAfter < 0 {
		return fmt.Errorf("--expires-after: %v, must be above 0", c.ExpiresAfter)
	}
	return nil
}

// Run makes it.
func (c *tokenCreateCmd) Run(p *process) error {
	var until time.Time
	if c.ExpiresAfter > 0 {
		until = time.Now().Add(c.ExpiresAfter)
	}
	secret, kept, err := c.store().Create(c.Name, until)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stderr, "made token %s; its principal is token:%s\n", kept.ID, kept.Name)
	_, err = fmt.Fprintln(p.stdout, secret)
	return err
}

// tokenListCmd lists tokens.
type tokenListCmd struct {
	tokensFlag `embed:""`

	JSON bool `name:"json" help:"Print each as JSON, one value a line, instead of as a table."`
}

// listedToken is a line of "token list --json".
type listedToken struct {
	ID        string     `json:"id"`
	Principal string     `json:"principal"`
	Created   time.Time  `json:"created"`
	Expires   *time.Time `json:"expires,omitempty"`
	Expired   bool       `json:"expired,omitempty"`
}

// Run prints the list.
func (c *tokenListCmd) Run(p *process) error {
	tokens, err := c.store().List()
	if err != nil {
		return err
	}
	now := time.Now()
	var list []listedToken
	for _, t := range tokens {
		list = append(list, listedToken{ID: t.ID, Principal: "token:" + t.Name, Created: t.Created, Expires: t.Expires, Expired: t.Expired(now)})
	}
	if c.JSON {
		return printJSON(p.stdout, list)
	}
	rows := &table{header: []string{"ID", "PRINCIPAL", "CREATED", "EXPIRES"}}
	for _, t := range list {
		expires := "never"
		if t.Expires != nil {
			expires = t.Expires.Format(time.RFC3339)
		}
		if t.Expired {
			expires += " (expired)"
		}
		rows.add(t.ID, t.Principal, t.Created.Format(time.RFC3339), expires)
	}
	return rows.print(p.stdout)
}

// printJSON prints values, one a line.
func printJSON[T any](w io.Writer, list []T) error {
	encoder := json.NewEncoder(w)
	for _, value := range list {
		if err := encoder.Encode(value); err != nil {
			return err
		}
	}
	return nil
}

// tokenRevokeCmd takes tokens away.
type tokenRevokeCmd struct {
	tokensFlag `embed:""`

	Token []string `arg:"" name:"id" help:"The ids, or the names of whom all are taken away."`
}

// Help is the long text of --help.
func (*tokenRevokeCmd) Help() string {
	return `A running service ends what is under way with the token within five seconds.`
}

// Run takes them away, each by itself.
func (c *tokenRevokeCmd) Run(p *process) error {
	var problems []error
	for _, which := range c.Token {
		revoked, err := c.store().Revoke(which)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		for _, t := range revoked {
			if _, err := fmt.Fprintf(p.stdout, "revoked token %s of token:%s\n", t.ID, t.Name); err != nil {
				return err
			}
		}
	}
	return errors.Join(problems...)
}
