package sim

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest"
)

const wireURL = "https://program.example.com/scim/v2"

// wire is the network between one daemon and a program. It makes the faults.
type wire struct{ t *overSCIM }

var (
	errRoute = &net.OpError{Op: "dial", Err: errors.New("no route to host")}
	errReset = errors.New("the connection was reset")
)

// RoundTrip implements http.RoundTripper.
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	m := w.t.p.m
	m.note(r.Method, r.URL.RequestURI(), string(body))
	if m.cur.dead {
		return nil, errReset
	}
	if w.t.late() {
		return nil, context.DeadlineExceeded
	}
	var a *answer
	var err error
	if r.Method == http.MethodGet {
		a, err = w.reads(r)
	} else {
		a, err = w.writes(r, body)
	}
	if err != nil {
		return nil, err
	}
	return a.response(r), nil
}

// answer is what the program says.
type answer struct {
	status int
	header [][2]string
	body   []byte
}

func (a *answer) response(r *http.Request) *http.Response {
	h := http.Header{"Content-Type": {"application/scim+json"}}
	for _, f := range a.header {
		h.Set(f[0], f[1])
	}
	return &http.Response{StatusCode: a.status, Status: strconv.Itoa(a.status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}
}

// page is what something before the program answers.
func page(status int) *answer {
	return &answer{status, [][2]string{{"Content-Type", "text/html"}}, []byte("<html><title>Sign in</title>")}
}

// refused is what the program says to a wrong token, which it repeats.
func refused(r *http.Request) *answer {
	return problem(http.StatusUnauthorized, "not valid: "+r.Header.Get("Authorization"))
}

func (w *wire) signedIn(r *http.Request) bool {
	return r.Header.Get("Authorization") == "Bearer "+w.t.p.taken()
}

// pressed is 429 or 503, now and then for a while, with and without the time to wait.
func (w *wire) pressed(status int) *answer {
	p, m := w.t.p, w.t.p.m
	if !p.pressed.After(m.now) && p.faults.IntN(3) == 0 {
		p.pressed, p.presses = m.now.Add(time.Duration(1+p.faults.IntN(240))*time.Second), status
	}
	a := problem(status, "too much")
	if p.faults.IntN(2) > 0 {
		m.fault("http: "+strconv.Itoa(status)+" without a time", "%s answers %d", p.Name, status)
		return a
	}
	after := []time.Duration{1, 5, 20, 45, 300}[p.faults.IntN(5)] * time.Second
	text := strconv.Itoa(int(after / time.Second))
	if w.t.wired.dates {
		text = m.now.Add(after).UTC().Format(http.TimeFormat)
	}
	a.header = append(a.header, [2]string{"Retry-After", text})
	m.fault("http: "+strconv.Itoa(status), "%s answers %d for %s", p.Name, status, after)
	return a
}

// reads answers a GET, or does not.
func (w *wire) reads(r *http.Request) (*answer, error) {
	p, m := w.t.p, w.t.p.m
	switch {
	case m.quiet:
	case p.down.After(m.now):
		return nil, errRoute
	case p.pressed.After(m.now) && m.depth == 0:
		return w.pressed(p.presses), nil
	}
	if !w.signedIn(r) {
		m.fault("http: sign-in refused", "%s refuses the sign-in", p.Name)
		return refused(r), nil
	}
	if m.quiet {
		return w.t.answers(r), nil
	}
	return w.readFault(r)
}

// readFault draws how a read goes wrong.
func (w *wire) readFault(r *http.Request) (*answer, error) {
	p, m := w.t.p, w.t.p.m
	switch n := p.faults.IntN(2000); {
	case n < 8:
		m.fault("http: no route", "%s can't be reached", p.Name)
		return nil, errRoute
	case n < 16:
		m.fault("http: connection lost", "the answer of %s is lost", p.Name)
		return nil, errReset
	case n < 22:
		m.fault("http: 500", "%s answers 500", p.Name)
		return problem(http.StatusInternalServerError, "oops"), nil
	case n < 30 && m.depth == 0:
		return w.pressed(http.StatusServiceUnavailable), nil
	case n < 38 && m.depth == 0:
		return w.pressed(http.StatusTooManyRequests), nil
	case n < 44:
		m.fault("http: sign-in refused", "%s refuses the sign-in, this once", p.Name)
		return refused(r), nil
	case n < 50:
		m.fault("http: HTML with 200", "a page to sign in is before %s", p.Name)
		return page(http.StatusOK), nil
	case n < 54:
		m.fault("http: 404 of something else", "something before %s knows no such page", p.Name)
		return page(http.StatusNotFound), nil
	case n < 58:
		m.fault("http: answer cut short", "the answer of %s ends early", p.Name)
		a := w.t.answers(r)
		a.body = a.body[:len(a.body)*2/3]
		return a, nil
	case n < 61:
		right := []string{"x", "y", "z"}[p.faults.IntN(3)]
		p.anew[right]++
		m.fault("http: group made anew", "the group of %s in %s was made anew with its members", right, p.Name)
	}
	return w.t.answers(r), nil
}

// fate is what becomes of a request: a fault, or a status that it is answered.
type fate struct {
	fault  enginetest.Fault
	status int
}

// writes lets a request take effect, or not, and answers or does not.
func (w *wire) writes(r *http.Request, body []byte) (*answer, error) {
	m, c := w.t.p.m, changesOf(r, body)
	asked := w.t.sends(c.all)
	calling := m.check.calling
	m.meanwhile("in the middle of a call", 25, 20*time.Second)
	m.check.calling = calling
	f := w.fate(&c)
	if a, err := w.hinders(r, &c, f); a != nil || err != nil {
		return a, err
	}
	if f.fault == enginetest.LoseBefore || f.status != 0 && f.status != panics && w.t.p.faults.IntN(2) == 0 {
		lose(asked)
		return w.broken(f)
	}
	a := w.effect(r, &c, asked)
	if f.fault == enginetest.LoseAfter || f.status != 0 {
		lose(asked)
		return w.broken(f)
	}
	if w.t.late() {
		lose(asked)
		return nil, context.DeadlineExceeded
	}
	return a, nil
}

func lose(asked []*calling) {
	for _, call := range asked {
		call.lost()
	}
}

// fate draws it. What makes the connector wait happens in no other daemon's call, which would take as long.
func (w *wire) fate(c *change) (f fate) {
	p, m := w.t.p, w.t.p.m
	switch {
	case m.quiet || len(c.all) == 0:
	case p.down.After(m.now):
		f.fault = enginetest.Unreachable
	case p.pressed.After(m.now) && m.depth == 0:
		f.status = p.presses
	default:
		if f.fault = p.writeFault(c.all[0]); f.fault == enginetest.NoFault {
			f.status = w.writeStatus()
		}
	}
	return f
}

// hinders answers a request that has no effect, as its answer or the lack of one lets whoever asked know.
func (w *wire) hinders(r *http.Request, c *change, f fate) (*answer, error) {
	m := w.t.p.m
	switch {
	case f.fault == enginetest.Unreachable, f.fault == enginetest.FailBefore:
		return nil, errRoute
	case !w.signedIn(r), f.status == http.StatusUnauthorized:
		m.fault("http: sign-in refused", "%s refuses the sign-in", w.t.p.Name)
		return refused(r), nil
	case f.fault == enginetest.Refuse:
		return problem(http.StatusForbidden, "no"), nil
	case f.fault == enginetest.Lie:
		return w.t.pretends(c), nil
	case f.status == http.StatusTooManyRequests:
		return w.pressed(f.status), nil
	case f.status == http.StatusOK:
		m.fault("http: HTML with 200", "a page to sign in is before %s", w.t.p.Name)
		return page(f.status), nil
	}
	return nil, nil
}

// effect is the effect.
func (w *wire) effect(r *http.Request, c *change, asked []*calling) *answer {
	for _, call := range asked {
		if call.intent != nil {
			call.intent.at = w.t.p.m.now
		}
	}
	a := w.t.takesEffect(r, c)
	for _, call := range asked {
		call.took = call.took || a.status < 300
	}
	return a
}

const panics = -1

// broken is what comes instead of an answer to a request that may have taken effect.
func (w *wire) broken(f fate) (*answer, error) {
	m := w.t.p.m
	switch f.status {
	case 0:
		return nil, errReset
	case panics:
		m.fault("http: panic", "the connector of %s panics over an answer", w.t.p.Name)
		panic("the transport panics")
	case http.StatusServiceUnavailable:
		return w.pressed(f.status), nil
	}
	m.fault("http: 500", "%s answers a change with 500", w.t.p.Name)
	return page(http.StatusInternalServerError), nil
}

// writeStatus draws what a change is answered instead of what became of it, 0: nothing.
func (w *wire) writeStatus() int {
	switch n := w.t.p.faults.IntN(1000); {
	case n < 15 && w.t.p.m.depth == 0:
		return http.StatusTooManyRequests
	case n < 30:
		return http.StatusServiceUnavailable
	case n < 40:
		return http.StatusInternalServerError
	case n < 50:
		return http.StatusOK
	case n < 56:
		return http.StatusUnauthorized
	case n < 66:
		return panics
	}
	return 0
}
