package conformance

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Proxy is an address on this machine in the place of a program's, for connectors whose transport can't be had: it passes on
// what it is asked, through faults. Certificates of the program are verified. Safe for concurrent use.
type Proxy struct {
	URL string // what to give the connector

	target    *url.URL
	next      http.RoundTripper
	server    *http.Server
	elsewhere string // the same port by another name

	mu     sync.Mutex
	faults *HTTPFaults // nil: none
}

// NewProxy begins to listen for a program; Close ends it.
func NewProxy(address string) (*Proxy, error) {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return nil, errors.New("it is not of the form https://host/path")
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, err
	}
	p := &Proxy{URL: "http://127.0.0.1:" + port + target.EscapedPath(), target: target, next: http.DefaultTransport.(*http.Transport).Clone(), elsewhere: "localhost:" + port}
	p.server = &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = p.server.Serve(listener) }()
	return p, nil
}

// Use puts other faults between.
func (p *Proxy) Use(f *HTTPFaults) {
	f.Between(p.next)
	f.foreign = p.elsewhere
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}

// Close ends it.
func (p *Proxy) Close() { _ = p.server.Close() }

// ServeHTTP asks the program, and gives its answer, with its address replaced in it.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	faults, via := p.faults, p.next
	p.mu.Unlock()
	if faults != nil {
		via = faults
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out, err := http.NewRequestWithContext(r.Context(), r.Method, p.target.Scheme+"://"+p.target.Host+r.URL.RequestURI(), bytes.NewReader(body)) // #nosec G704 -- the host is the one of the configuration
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	out.Header = r.Header.Clone()
	out.Header.Del("Accept-Encoding") // the transport's own business
	if r.Host == p.elsewhere {
		out.Host = r.Host
	}
	answer, err := via.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler) // the connection breaks
	}
	defer answer.Body.Close()
	p.pass(w, answer)
}

func (p *Proxy) pass(w http.ResponseWriter, answer *http.Response) {
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	theirs, ours := p.target.Scheme+"://"+p.target.Host, strings.TrimSuffix(p.URL, p.target.EscapedPath())
	for name, values := range answer.Header {
		for _, v := range values {
			w.Header().Add(name, strings.ReplaceAll(v, theirs, ours))
		}
	}
	w.Header().Del("Content-Length")
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(bytes.ReplaceAll(text, []byte(theirs), []byte(ours)))
}
