package sim

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// shows [I13]: what leaves the engine has no secret in it.
func (k *checker) shows(where string, texts ...string) {
	k.ok(I13)
	for _, text := range texts {
		if strings.Contains(text, secret) {
			k.m.fail(I13, "%s shows a secret: %q", where, text)
		}
	}
}

// told looks at what a run or a piece of work tells whoever asked for it.
func (k *checker) told(r engine.Report, err error) {
	if err != nil {
		k.shows("an error", err.Error())
	}
	for i := range r.Failures {
		k.shows("a failure", r.Failures[i].Error)
	}
}

// describes looks at what a program is told of somebody who gets an account there.
func (k *checker) describes(n *engine.NewAccount) {
	k.shows("an account to be made", n.Name, n.Person)
	for _, value := range n.Attributes {
		k.shows("an attribute of an account to be made", value)
	}
}

// sent looks at a request: its sign-in alone has the secret, and only that of its own program.
func (k *checker) sent(r *http.Request, body []byte) {
	k.shows("a request", r.URL.String(), string(body))
	for name, values := range r.Header {
		if name != "Authorization" {
			k.shows("a header of a request", values...)
		}
	}
}

// shownLog is the log of a daemon.
type shownLog struct{ m *model }

// Enabled implements slog.Handler.
func (l shownLog) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l shownLog) Handle(_ context.Context, r slog.Record) error {
	l.m.check.shows("the log", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		l.m.check.shows("the log", a.String())
		return true
	})
	return nil
}

// WithAttrs implements slog.Handler.
func (l shownLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		l.m.check.shows("the log", a.String())
	}
	return l
}

// WithGroup implements slog.Handler.
func (l shownLog) WithGroup(string) slog.Handler { return l }
