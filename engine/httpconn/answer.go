package httpconn

import (
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// maxDetail is how much of a program's own words is passed on, in bytes.
const maxDetail = 300

// Answer is what came back, whole.
type Answer struct {
	Call   string // method and address, for messages
	Status int
	Header http.Header
	Body   []byte
	format string
	hide   func(error) error // takes secrets out; nil: none are known
}

// IsJSON says whether the answer calls itself JSON.
func (a *Answer) IsJSON() bool {
	kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	return err == nil && (kind == "application/json" || strings.HasPrefix(kind, "application/") && strings.HasSuffix(kind, "+json"))
}

// Decode refuses what is no JSON: a sign-in page comes with 200, too.
func (a *Answer) Decode(out any) error {
	err := a.decode(out)
	if err != nil && a.hide != nil {
		return a.hide(err)
	}
	return err
}

func (a *Answer) decode(out any) error {
	if !a.IsJSON() {
		return fmt.Errorf("%s: the answer is %q and not %s; check the url, and whether something before the program wants a sign-in", a.Call, a.Header.Get("Content-Type"), a.format)
	}
	if err := json.Unmarshal(a.Body, out); err != nil {
		return fmt.Errorf("%s: the answer is no valid JSON: %w", a.Call, err)
	}
	return nil
}

// retryAfter reads seconds or a date, 0 if there is neither.
func (a *Answer) retryAfter(now time.Time) time.Duration {
	text := a.Header.Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return time.Duration(min(n, int(longestWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return at.Sub(now)
	}
	return 0
}

// StatusError is an answer that was not expected.
type StatusError struct {
	Call   string
	Status int
	Own    bool // the program itself says so, and not something before it
	detail string
	format string
}

func (c *Client) failure(a *Answer) error {
	e := &StatusError{Call: a.Call, Status: a.Status, format: a.format}
	detail, own := c.config.Failure(a)
	detail = c.Scrub(detail)
	e.detail, e.Own = strings.ToValidUTF8(detail[:min(len(detail), maxDetail)], ""), own
	return e
}

// Error says which call was answered how.
func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s: the provider answers %d %s", e.Call, e.Status, http.StatusText(e.Status))
	switch {
	case e.detail != "":
		text += fmt.Sprintf(" (%q)", e.detail)
	case !e.Own:
		text += ", and not in " + e.format + "; check the url"
	}
	return text
}

// outcome of a write that was answered so. 302 and 303 are what forms answer when they are done, and what sends to a
// sign-in page when they are not.
func (e *StatusError) outcome() engine.Outcome {
	switch {
	case e.Status == http.StatusUnauthorized, e.Status == http.StatusTooManyRequests, e.Status == http.StatusPreconditionFailed:
		return engine.Failed
	case e.Status < 300, e.Status == http.StatusFound, e.Status == http.StatusSeeOther, e.Status == http.StatusRequestTimeout,
		e.Status >= 500 && e.Status != http.StatusNotImplemented:
		return engine.Uncertain
	}
	return engine.Refused
}

// Gone is the program's own word that something is not there. A 404 from anything else means a wrong address.
func Gone(err error) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Status == http.StatusNotFound && e.Own
}

// IsStatus says whether an error is an answer of that status.
func IsStatus(err error, status int) bool {
	var e *StatusError
	return errors.As(err, &e) && e.Status == status
}
