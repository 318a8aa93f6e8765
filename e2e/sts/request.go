package sts

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of AssumeRole.
const (
	version         = "2011-06-15"
	minDuration     = 15 * time.Minute
	maxDuration     = 12 * time.Hour
	defaultDuration = time.Hour
	maxExternalID   = 1224
	maxTags         = 50
	maxTagKey       = 128
	maxTagValue     = 256
)

var (
	sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalID  = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
	roleARN     = regexp.MustCompile(`^arn:aws:iam::(\d{12}):role/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)$`)
)

// Request is one AssumeRole as it has arrived, and what it was answered with.
type Request struct {
	Caller      string // access key of who asks
	RoleARN     string
	SessionName string
	ExternalID  string            // "" = none was shown
	Duration    time.Duration     // that was asked for
	Tags        map[string]string // session tags
	Transitive  []string          // keys of the tags that stay with the session when it assumes another role

	Code      string    // of the error; [Hanging]; "" = it was given a session
	AccessKey string    // of the session
	Expires   time.Time // end of the session
}

// invalid is the answer to a request that breaks a rule of the API.
func invalid(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "ValidationError", fmt.Sprintf(format, args...)}
}

// read finds out who asks, and for what. A refusal is about a request that AWS would not
// look at further; what is known by then is returned with it.
func (s *Server) read(req *http.Request, body []byte) (Request, *refusal) {
	var r Request
	caller, no := s.authenticate(req, body)
	if no != nil {
		return r, no
	}
	r.Caller = caller
	form, err := url.ParseQuery(string(body))
	if err != nil || req.Method != http.MethodPost {
		return r, &refusal{http.StatusBadRequest, "MalformedQueryString", "want a form, posted"}
	}
	if form.Get("Action") != "AssumeRole" || form.Get("Version") != version {
		return r, &refusal{http.StatusBadRequest, "InvalidAction", fmt.Sprintf("Could not find operation %s for version %s", form.Get("Action"), form.Get("Version"))}
	}
	r.RoleARN, r.SessionName, r.ExternalID = form.Get("RoleArn"), form.Get("RoleSessionName"), form.Get("ExternalId")
	r.Duration = defaultDuration
	if text := form.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil {
			return r, invalid("DurationSeconds %q: want a number", text)
		}
		r.Duration = time.Duration(seconds) * time.Second
	}
	if r.Tags, no = readTags(form); no != nil {
		return r, no
	}
	r.Transitive = members(form, "TransitiveTagKeys.member.%d")
	return r, r.validate(form.Has("ExternalId"))
}

// members are the values of a list in a form, whose names count from 1.
func members(form url.Values, name string) (all []string) {
	for i := 1; form.Has(fmt.Sprintf(name, i)); i++ {
		all = append(all, form.Get(fmt.Sprintf(name, i)))
	}
	return all
}

// readTags are the session tags of a request. Keys count in any case of their letters.
func readTags(form url.Values) (map[string]string, *refusal) {
	keys, values := members(form, "Tags.member.%d.Key"), members(form, "Tags.member.%d.Value")
	if len(keys) != len(values) {
		return nil, invalid("%d keys and %d values of tags", len(keys), len(values))
	}
	tags, seen := map[string]string{}, map[string]bool{}
	for i, k := range keys {
		if lower := strings.ToLower(k); seen[lower] {
			return nil, &refusal{http.StatusBadRequest, "InvalidParameterValue", fmt.Sprintf("Duplicate tag keys found: %s", k)}
		}
		seen[strings.ToLower(k)] = true
		if k == "" || len(k) > maxTagKey || len(values[i]) > maxTagValue || strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, invalid("tag %q with value %q", k, values[i])
		}
		tags[k] = values[i]
	}
	if len(tags) > maxTags {
		return nil, invalid("%d tags, want at most %d", len(tags), maxTags)
	}
	return tags, nil
}

// validate says which rule of the API r breaks.
func (r *Request) validate(showsID bool) *refusal {
	switch {
	case !roleARN.MatchString(r.RoleARN):
		return invalid("%s is invalid", r.RoleARN)
	case !sessionName.MatchString(r.SessionName):
		return invalid("RoleSessionName %q", r.SessionName)
	case showsID && (len(r.ExternalID) < 2 || len(r.ExternalID) > maxExternalID || !externalID.MatchString(r.ExternalID)):
		return invalid("ExternalId %q", r.ExternalID)
	case r.Duration < minDuration || r.Duration > maxDuration:
		return invalid("DurationSeconds %v: want %v to %v", r.Duration.Seconds(), minDuration.Seconds(), maxDuration.Seconds())
	}
	for _, k := range r.Transitive {
		if _, ok := r.Tags[k]; !ok {
			return invalid("The specified transitive tag key must be included in the requested tags: %s", k)
		}
	}
	return nil
}

// judge asks the role's trust policy. A role that is not there is refused in the same
// words as one that trusts others, as by AWS.
func (s *Server) judge(r Request) *refusal {
	role, ok := s.params.Roles[r.RoleARN]
	ok = ok && slices.Contains(role.Trusts, r.Caller) && (role.ExternalID == "" || role.ExternalID == r.ExternalID)
	for k, want := range role.Tags {
		got, passed := r.Tags[k]
		ok = ok && passed && got == want
	}
	if !ok {
		return &refusal{http.StatusForbidden, "AccessDenied", fmt.Sprintf("User: %s is not authorized to perform: sts:AssumeRole on resource: %s", r.Caller, r.RoleARN)}
	}
	return nil
}
