package ldapconn

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// fake is an LDAP server that says what a test wants it to say. Each request
// is answered by the bytes that answer returns; "" after them closes.
type fake struct {
	binds    atomic.Int32
	bindCode int // of each answer to a bind
	url      string
	mu       sync.Mutex
	got      []message // requests in order, over all connections
}

// reply is what the fake does with one request.
type reply struct {
	bytes []byte
	close bool
}

// newFake serves until the test ends. n counts the requests of all connections
// from 0, binds not included (they succeed).
func newFake(t testing.TB, answer func(n int, m message) reply) *fake {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{url: "ldap://" + l.Addr().String()}
	var wg sync.WaitGroup
	var conns sync.Map
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Store(conn, true)
			wg.Go(func() { f.serve(conn, answer) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		conns.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return f
}

func (f *fake) serve(conn net.Conn, answer func(int, message) reply) {
	defer conn.Close()
	c := &Conn{r: bufio.NewReader(conn), limit: 1 << 30, largest: 1 << 30}
	for {
		text, err := c.frame()
		if err != nil {
			return
		}
		m, err := parseMessage(text)
		if err != nil || m.op == opUnbindRequest {
			return
		}
		if m.op == opBindRequest {
			f.binds.Add(1)
			conn.Write(packet(m.id, result(opBindResponse, f.bindCode)))
			continue
		}
		f.mu.Lock()
		n := len(f.got)
		f.got = append(f.got, m)
		f.mu.Unlock()
		r := answer(n, m)
		conn.Write(r.bytes)
		if r.close {
			return
		}
	}
}

func (f *fake) requests() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

func packet(id int, op []byte, controls ...[]byte) []byte {
	parts := [][]byte{integer(tagInteger, id), op}
	if len(controls) > 0 {
		parts = append(parts, element(tagControls, controls...))
	}
	return element(tagSequence, parts...)
}

func result(op byte, code int, more ...[]byte) []byte {
	parts := [][]byte{integer(tagEnumerated, code), octets(tagOctetString, ""), octets(tagOctetString, "")}
	return element(op, append(parts, more...)...)
}

// done ends a page with a cookie.
func done(id int, cookie string) []byte {
	return packet(id, result(opSearchDone, 0), pagingControl(0, cookie).encode())
}

// person is an entry; attributes are name, value, name, value …, a value may
// hold several separated by "|".
func person(id int, dn string, attributes ...string) []byte {
	var list [][]byte
	for i := 0; i < len(attributes); i += 2 {
		var values [][]byte
		if attributes[i+1] != "" {
			for v := range strings.SplitSeq(attributes[i+1], "|") {
				values = append(values, octets(tagOctetString, v))
			}
		}
		list = append(list, element(tagSequence, octets(tagOctetString, attributes[i]), element(tagSet, values...)))
	}
	return packet(id, element(opSearchEntry, octets(tagOctetString, dn), element(tagSequence, list...)))
}

func reference(id int, url string) []byte {
	return packet(id, element(opSearchRef, octets(tagOctetString, url)))
}

func join(parts ...[]byte) (out []byte) {
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// pages serves total people, size to a page, then an empty cookie.
func pages(total, size int) func(n int, m message) reply {
	return func(n int, m message) reply {
		cookie, _, _ := pagingCookie(m.controls)
		from := 0
		fmt.Sscanf(cookie, "at-%d", &from)
		var out []byte
		for i := from; i < min(total, from+size); i++ {
			out = append(out, person(m.id, fmt.Sprintf("uid=p%d,dc=x", i), "uid", fmt.Sprintf("p%d", i))...)
		}
		next := ""
		if from+size < total {
			next = fmt.Sprintf("at-%d", from+size)
		}
		return reply{bytes: append(out, done(m.id, next)...)}
	}
}

// testConfig binds with a password and neither waits nor retries.
func testConfig(urls ...string) Config {
	return Config{
		URLs:    urls,
		Bind:    Bind{Method: Simple, DN: "cn=reader,dc=x", Password: secret("reader")},
		Timeout: 5 * time.Second,
		Retries: -1,
		Pause:   func(context.Context, int) error { return nil },
	}
}

func secret(s string) func() (string, error) {
	return func() (string, error) { return s, nil }
}

func newClient(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// collect reads everything below dc=x and returns the DNs of the last attempt.
func collect(t testing.TB, c *Client, req Request) ([]string, Result, error) {
	t.Helper()
	var dns []string
	result, err := c.Read(t.Context(), req, func() func(*Entry) error {
		dns = nil
		return func(e *Entry) error {
			dns = append(dns, e.DN)
			return nil
		}
	})
	return dns, result, err
}

// chunked delivers bytes in small reads, for the frame reader.
type chunked struct {
	io.Reader
	n int
}

func (c chunked) Read(p []byte) (int, error) { return c.Reader.Read(p[:min(len(p), c.n)]) }
