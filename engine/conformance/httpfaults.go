package conformance

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// HTTPFaults stand between a connector and its program, and make calls go wrong on purpose. They are the connector's transport, so that
// certificates are verified as ever. Safe for concurrent use.
type HTTPFaults struct {
	mu       sync.Mutex
	next     http.RoundTripper
	bend     *bend
	reads    []exchange // since forget, in the order of their answers
	wrote    bool       // a change was passed on since the fault was armed
	strayed  []string
	throttle map[string]throttled // by method and address
	foreign  string               // host and port of the page to sign in; "" as a transport, which is asked for any host
	waited   time.Duration        // asked for with Wait, in all
}

// bend is what happens to some requests. It stays until another one takes its place, or happens once.
type bend struct {
	writes bool   // changes; else reads
	url    string // only the read of this address
	once   bool
	answer func(r *http.Request, pass func() (*page, error)) (*page, error)
}

// page is an answer, whole.
type page struct {
	status int
	header http.Header
	body   []byte
}

// exchange is a read that was answered.
type exchange struct {
	path, url string
	page      *page
}

// throttled is when somebody was sent away, and for how long.
type throttled struct {
	at     time.Time
	waited time.Duration
	least  time.Duration
}

// What is sent in place of answers.
const (
	signIn   = "sign-in.invalid" // another host, which is never asked for real
	shortest = 100 * time.Millisecond
)

// Between puts the faults in front of a transport.
func (h *HTTPFaults) Between(next http.RoundTripper) http.RoundTripper {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.next = next
	return h
}

// Wait is what a connector waits with before it tries again: it notes how long, and does not.
func (h *HTTPFaults) Wait(ctx context.Context, d time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waited += d
	return ctx.Err()
}

// busy is how many seconds a program says that it wants to be left alone: few where that takes as long.
func (h *HTTPFaults) busy() int {
	if h.foreign != "" {
		return 1
	}
	return 7
}

// redirect sends to a page to sign in.
func (h *HTTPFaults) redirect() *page {
	to := "https://" + signIn
	if h.foreign != "" {
		to = "http://" + h.foreign
	}
	return &page{http.StatusFound, http.Header{"Location": {to + "/login"}}, nil}
}

// Arm makes the next change, or all reads until the next call of Arm, go wrong; false: that fault is not possible here.
func (h *HTTPFaults) Arm(f Fault) bool {
	b := &bend{writes: true, once: true}
	switch f {
	case NoFault:
		b = nil
	case FailBefore:
		b.answer = func(r *http.Request, _ func() (*page, error)) (*page, error) {
			return &page{http.StatusBadGateway, kind("text/html"), []byte("<html>bad gateway " + r.Header.Get("Authorization"))}, nil
		}
	case LoseBefore:
		b.answer = lost
	case LoseAfter:
		b.answer = func(_ *http.Request, pass func() (*page, error)) (*page, error) {
			_, _ = pass()
			return nil, io.ErrUnexpectedEOF
		}
	case Lie:
		if h.foreign != "" {
			return false // what is tried may believe its program
		}
		b.answer = always(&page{http.StatusNoContent, http.Header{}, nil})
	case Unreachable:
		b = &bend{answer: lost}
	case BreakList:
		b = &bend{answer: half}
	default:
		return false
	}
	h.set(b)
	return true
}

func (h *HTTPFaults) set(b *bend) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bend, h.wrote = b, false
}

func (h *HTTPFaults) armed() *bend {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bend
}

func lost(*http.Request, func() (*page, error)) (*page, error) { return nil, io.ErrUnexpectedEOF }

func half(_ *http.Request, pass func() (*page, error)) (*page, error) {
	p, err := pass()
	if err != nil {
		return nil, err
	}
	return &page{p.status, p.header, p.body[:len(p.body)/2]}, nil
}

func always(p *page) func(*http.Request, func() (*page, error)) (*page, error) {
	return func(*http.Request, func() (*page, error)) (*page, error) { return p, nil }
}

func kind(of string) http.Header { return http.Header{"Content-Type": {of}} }

// forget begins a new list of reads.
func (h *HTTPFaults) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.reads = nil
}

func (h *HTTPFaults) seen() []exchange {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]exchange{}, h.reads...)
}

// strays gives what went where it should not, or too soon, since the last call.
func (h *HTTPFaults) strays() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.strayed
	h.strayed = nil
	return out
}

// RoundTrip passes a request on, or not.
func (h *HTTPFaults) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Hostname() == signIn || h.foreign != "" && r.Host == h.foreign {
		h.stray(r)
		return (&page{http.StatusOK, kind("text/html"), []byte("<html>sign in")}).response(r), nil
	}
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	if !read && forToken(r) {
		return h.next.RoundTrip(r)
	}
	h.tooSoon(r)
	passed := false
	pass := func() (*page, error) { passed = true; return h.pass(r, read) }
	b := h.take(r, read)
	var p *page
	var err error
	if b == nil {
		p, err = pass()
	} else {
		p, err = b.answer(r, pass)
	}
	if !passed && r.Body != nil {
		_ = r.Body.Close()
	}
	if err != nil {
		return nil, err
	}
	return p.response(r), nil
}

// forToken says whether a request only asks for a token (RFC 6749 section 4.4.2).
func forToken(r *http.Request) bool {
	if r.GetBody == nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		return false
	}
	body, err := r.GetBody()
	if err != nil {
		return false
	}
	defer body.Close()
	text, err := io.ReadAll(body)
	return err == nil && strings.Contains(string(text), "grant_type=")
}

func (h *HTTPFaults) take(r *http.Request, read bool) *bend {
	h.mu.Lock()
	defer h.mu.Unlock()
	b := h.bend
	if b == nil || b.writes == read || b.url != "" && b.url != r.URL.String() {
		return nil
	}
	if b.once {
		h.bend = nil
	}
	return b
}

// pass asks the program.
func (h *HTTPFaults) pass(r *http.Request, read bool) (*page, error) {
	response, err := h.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 128<<20)) // more than any connector takes
	if err != nil {
		return nil, err
	}
	p := &page{response.StatusCode, response.Header, body}
	h.mu.Lock()
	defer h.mu.Unlock()
	if read {
		h.reads = append(h.reads, exchange{r.URL.EscapedPath(), r.URL.String(), p})
	} else {
		h.wrote = true
	}
	return p, nil
}

func (p *page) response(r *http.Request) *http.Response {
	header := p.header.Clone()
	header.Del("Content-Length")
	return &http.Response{StatusCode: p.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: -1, Header: header, Body: io.NopCloser(bytes.NewReader(p.body))}
}

func (h *HTTPFaults) stray(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := "it follows a redirect to another host"
	if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
		text += ", and takes its credentials there"
	}
	h.strayed = append(h.strayed, text)
}

// tooSoon notes a request that comes again before its time.
func (h *HTTPFaults) tooSoon(r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := r.Method + " " + r.URL.String()
	was, ok := h.throttle[key]
	if !ok {
		return
	}
	delete(h.throttle, key)
	if rest := was.least - time.Since(was.at) - (h.waited - was.waited); rest > 0 {
		h.strayed = append(h.strayed, "it sends a request again "+rest.Round(time.Millisecond).String()+" before it may, after an answer 429")
	}
}

// throttleOnce answers one request that it is too many, with or without saying for how long.
func (h *HTTPFaults) throttleOnce(writes bool, url, after string, least time.Duration) {
	h.set(&bend{writes: writes, url: url, once: true, answer: func(r *http.Request, _ func() (*page, error)) (*page, error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.throttle == nil {
			h.throttle = map[string]throttled{}
		}
		h.throttle[r.Method+" "+r.URL.String()] = throttled{time.Now(), h.waited, least}
		header := kind("application/json")
		if after != "" {
			header.Set("Retry-After", after)
		}
		return &page{http.StatusTooManyRequests, header, []byte(`{"message":"too many requests"}`)}, nil
	}})
}

// behind answers reads that were answered before as they were then, once a change was made.
func (h *HTTPFaults) behind() {
	before := map[string]*page{}
	for _, e := range h.seen() {
		before[e.url] = e.page
	}
	h.set(&bend{answer: func(r *http.Request, pass func() (*page, error)) (*page, error) {
		h.mu.Lock()
		wrote, old := h.wrote, before[r.URL.String()]
		h.mu.Unlock()
		if wrote && old != nil {
			return old, nil
		}
		p, err := pass()
		h.mu.Lock()
		defer h.mu.Unlock()
		if err == nil && !h.wrote {
			before[r.URL.String()] = p
		}
		return p, err
	}})
}
