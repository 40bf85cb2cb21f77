package httpconn

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// unsentError wraps what happened before a request left.
type unsentError struct{ err error }

func (e *unsentError) Error() string { return e.err.Error() }
func (e *unsentError) Unwrap() error { return e.err }

// refusal is a reason that will hold when the call is repeated.
type refusal string

func (r refusal) Error() string { return string(r) }

// Refuse makes an error that will be the same when the call is repeated.
func Refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// Before marks an error of what precedes a write: the write certainly did not happen.
func Before(err error) error {
	if err == nil || OutcomeOf(err) == engine.Refused {
		return err
	}
	return &unsentError{err}
}

// OutcomeOf says what an error of a write means for the write.
func OutcomeOf(err error) engine.Outcome {
	var refused refusal
	var status *StatusError
	var unsent *unsentError
	switch {
	case errors.As(err, &refused):
		return engine.Refused
	case errors.As(err, &unsent):
		return engine.Failed
	case errors.As(err, &status):
		return status.outcome()
	}
	return engine.Uncertain
}

// Plain says whether a name can be one of a program's, and a part of an address.
func Plain(name string) bool {
	return name != "" && name != "." && name != ".." && utf8.ValidString(name) && strings.TrimSpace(name) == name && !strings.ContainsFunc(name, unicode.IsControl)
}

// CheckURL demands https, but for this machine, and nothing that could carry a secret into a message.
func CheckURL(name, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("%s is not of the form https://host/path", name)
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("%s would send the secret in the clear to %s; use https", name, u.Host)
	}
	return u, nil
}
