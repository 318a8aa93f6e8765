package sts

import (
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// session is a session of a role as it stands in its file, which is named by its access
// key. The S3 server of the tests reads it: its sessions.go has the same fields.
type session struct {
	AccessKeyID     string `json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      time.Time
	RoleARN         string `json:"RoleArn"`
	ARN             string `json:"Arn"` // of the session: arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION
}

// makeFolder makes the folder of the sessions.
func makeFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder of the sessions: %w", err)
	}
	return nil
}

// give begins a session. It is known to who reads the folder when give returns.
func (s *Server) give(r Request) (session, *refusal) {
	m := roleARN.FindStringSubmatch(r.RoleARN)
	given := session{
		AccessKeyID:     "ASIA" + rand.Text()[:16],
		SecretAccessKey: rand.Text(),
		SessionToken:    rand.Text() + rand.Text(),
		Expiration:      time.Now().UTC().Add(s.lifetime(r.Duration)),
		RoleARN:         r.RoleARN,
		ARN:             fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", m[1], m[2], r.SessionName),
	}
	if err := given.save(s.params.Sessions); err != nil {
		return given, &refusal{http.StatusInternalServerError, "InternalFailure", err.Error()}
	}
	return given, nil
}

// save writes the session into a folder, where it appears whole.
func (g session) save(dir string) error {
	text, err := json.Marshal(g)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, g.AccessKeyID)
	if err := os.WriteFile(name+".tmp", text, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".tmp", name)
}

// write answers r with the session.
func (g session) write(w http.ResponseWriter, r Request) {
	type credentials struct {
		AccessKeyID     string `xml:"AccessKeyId"`
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	type user struct {
		AssumedRoleID string `xml:"AssumedRoleId"`
		Arn           string
	}
	type result struct {
		Credentials     credentials
		AssumedRoleUser user
	}
	type metadata struct {
		RequestID string `xml:"RequestId"`
	}
	writeXML(w, http.StatusOK, struct {
		XMLName          xml.Name `xml:"https://sts.amazonaws.com/doc/2011-06-15/ AssumeRoleResponse"`
		AssumeRoleResult result
		ResponseMetadata metadata
	}{
		AssumeRoleResult: result{
			Credentials:     credentials{g.AccessKeyID, g.SecretAccessKey, g.SessionToken, g.Expiration.Format(time.RFC3339Nano)},
			AssumedRoleUser: user{"AROA" + g.AccessKeyID[4:] + ":" + r.SessionName, g.ARN},
		},
		ResponseMetadata: metadata{requestID},
	})
}
