package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/versity/versitygw/auth"
)

// identities are all who may sign a request: the users of the command line, and the
// sessions of roles that a token service has handed out. A policy may name users by their
// access keys, and roles by their ARNs, which stand for every session of theirs.
//
// What the roles may do is what the policies say: they have no policies of their own.
type identities struct {
	auth.IAMService // the users

	sessions string   // folder of the sessions; "" = there are none
	roles    []string // ARNs that a policy may name
}

var (
	_ auth.PrincipalResolver  = (*identities)(nil)
	_ auth.SigningKeyProvider = (*identities)(nil)
)

// ResolvePrincipals returns those of the principals of a policy that are nobody.
func (i *identities) ResolvePrincipals(principals []string) ([]string, error) {
	users := slices.DeleteFunc(slices.Clone(principals), func(p string) bool { return slices.Contains(i.roles, p) })
	return i.ResolveAccounts(users)
}

// DeriveSigningKey returns the key that a request of this day has to be signed with, and
// who makes it. A user shows no session token, a session the one that it was given.
func (i *identities) DeriveSigningKey(access, token, date, region, service string) ([]byte, auth.Account, error) {
	account, err := i.find(access, token)
	if err != nil {
		return nil, auth.Account{}, err
	}
	// For an account that is its own root, this derives the key and does nothing else.
	key, _, err := auth.ResolveDerivedKey(nil, account, account.Access, "", date, region, service)
	return key, account, err
}

// find finds who has an access key and shows a token.
func (i *identities) find(access, token string) (auth.Account, error) {
	if !strings.HasPrefix(access, sessionPrefix) {
		if token != "" {
			return auth.Account{}, auth.ErrInvalidSessionToken
		}
		return i.GetUserAccount(access)
	}
	if i.sessions == "" {
		return auth.Account{}, auth.ErrNoSuchUser
	}
	s, err := readSession(i.sessions, access)
	if err != nil {
		return auth.Account{}, err
	}
	return s.account(token, time.Now())
}

// newIdentities writes the users into the folder of the accounts, so that each has
// the secret of the command line also if the folder knew him by another.
func newIdentities(cfg config) (auth.IAMService, error) {
	root := auth.Account{Access: cfg.root.access, Secret: cfg.root.secret, Role: auth.RoleAdmin}
	accounts, err := auth.NewInternal(root, cfg.iam)
	if err != nil {
		return nil, fmt.Errorf("open accounts: %w", err)
	}
	for _, u := range cfg.users {
		if err := keep(accounts, u, auth.RoleUser); err != nil {
			return nil, err
		}
	}
	for _, o := range cfg.others {
		if err := keep(accounts, o, auth.RoleAdmin); err != nil {
			return nil, err
		}
	}
	return &identities{IAMService: accounts, sessions: cfg.sessions, roles: cfg.roles}, nil
}

// keep writes an account into the folder of the accounts.
func keep(accounts auth.IAMService, a account, role auth.Role) error {
	err := accounts.CreateAccount(auth.Account{Access: a.access, Secret: a.secret, Role: role})
	if errors.Is(err, auth.ErrUserExists) {
		err = accounts.UpdateUserAccount(a.access, auth.MutableProps{Secret: &a.secret, Role: role})
	}
	if err != nil {
		return fmt.Errorf("create account %s: %w", a.access, err)
	}
	return nil
}
