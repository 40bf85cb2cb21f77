package login

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// attempt ties the way to the provider to the way back. It lives in a cookie of the browser that began.
type attempt struct {
	State, Nonce, Verifier string
	Next                   string // where to go after it
	Until                  time.Time
}

// attemptLife is how long somebody may take to sign in.
const attemptLife = 10 * time.Minute

func newAttempt(next string, now time.Time) attempt {
	return attempt{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: Local(next), Until: now.Add(attemptLife)}
}

// mostNext is how long an address to come back to may be: browsers drop cookies over 4,096 bytes.
const mostNext = 1000

// Local is an address of the page itself, "/" for any other.
func Local(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > mostNext || u.IsAbs() || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}

func (a attempt) cookie(name string, secure bool) *http.Cookie {
	text, _ := json.Marshal(a)                                                                                                                                                                        //nolint:errchkjson // texts and a time
	return &http.Cookie{Name: name, Value: base64.RawURLEncoding.EncodeToString(text), Path: "/", MaxAge: int(attemptLife.Seconds()), HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode} // #nosec G124 -- secure wherever the page is
}

// attemptOf is the attempt of the browser that asks, if it is the one that the provider answers.
func attemptOf(r *http.Request, name string, now time.Time) (a attempt, ok bool) {
	c, err := r.Cookie(name)
	if err != nil {
		return a, false
	}
	text, err := base64.RawURLEncoding.DecodeString(c.Value)
	if err != nil || json.Unmarshal(text, &a) != nil {
		return a, false
	}
	state := r.URL.Query().Get("state")
	return a, a.State != "" && a.Nonce != "" && subtle.ConstantTimeCompare([]byte(a.State), []byte(state)) == 1 && now.Before(a.Until)
}
