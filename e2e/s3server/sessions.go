package main

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/s3err"
)

// sessionPrefix is what the access keys of sessions begin with, as AWS's do, and those of
// users do not.
const sessionPrefix = "ASIA"

// sessionKey is the access key of a session. It is the name of a file: it must not name
// another.
var sessionKey = regexp.MustCompile(`^` + sessionPrefix + `[A-Z0-9]{16}$`)

// session is a session of a role as the token service of the tests (e2e/sts) writes it,
// one a file.
type session struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
	RoleARN         string `json:"RoleArn"`
	ARN             string `json:"Arn"` // of the session
}

// errExpired is S3's answer to a session that has ended.
var errExpired = s3err.APIError{
	Code:           "ExpiredToken",
	Description:    "The provided token has expired.",
	HTTPStatusCode: http.StatusBadRequest,
}

// readSession finds the session that has an access key.
func readSession(dir, access string) (session, error) {
	if !sessionKey.MatchString(access) {
		return session{}, auth.ErrNoSuchUser
	}
	text, err := os.ReadFile(filepath.Join(dir, access))
	if os.IsNotExist(err) {
		return session{}, auth.ErrNoSuchUser
	}
	var s session
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if err != nil {
		return session{}, fmt.Errorf("read session %s: %w", access, err)
	}
	return s, nil
}

// account is whom the session stands for, if the token is its own and it has not ended.
func (s session) account(token string, now time.Time) (auth.Account, error) {
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.SessionToken)) == 0 {
		return auth.Account{}, auth.ErrInvalidSessionToken
	}
	if !now.Before(s.Expiration) {
		return auth.Account{}, errExpired
	}
	return auth.Account{
		Access: s.AccessKeyID, Secret: s.SecretAccessKey, Role: auth.RoleUser,
		SessionToken: token, IsSession: true, Arn: s.ARN, RoleArn: s.RoleARN,
	}, nil
}
