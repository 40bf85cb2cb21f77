package servers

import (
	"io"
	"net"
	"sync"
	"testing"
)

// Cutter stands between clients and a server and can end their talk in the middle of an answer. What passes is counted
// over all connections, from the last Reset on.
type Cutter struct {
	Address string // host:port

	mu     sync.Mutex
	target string
	cut    Cut
	bytes  int64 // of answers
	asked  int   // requests: what a client says until it is answered, be it in several pieces
	over   bool
}

// Cut says where talk ends. The zero value lets everything pass.
type Cut struct {
	Bytes   int64 // at most so many bytes of answers pass, 0: any number
	Request int   // the answer to this request (1, 2, …) is the last, 0: none is
	Part    int64 // so many bytes of that answer pass
	Once    bool  // connections that come after the cut pass unharmed; else they are closed at once
}

// NewCutter starts one before host:port; it ends with the test.
func NewCutter(t testing.TB, target string) *Cutter {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &Cutter{Address: l.Addr().String(), target: target}
	serve(t, l, c.carry)
	return c
}

// Reset begins anew with another cut.
func (c *Cutter) Reset(cut Cut) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut, c.bytes, c.asked, c.over = cut, 0, 0, false
}

// Passed gives the bytes of answers and the requests since the last Reset.
func (c *Cutter) Passed() (bytes int64, requests int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes, c.asked
}

// Over says whether anything was cut since the last Reset.
func (c *Cutter) Over() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// allow says how many of n bytes may pass, and whether that is the end.
func (c *Cutter) allow(n int) (pass int, end bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := int64(n)
	switch {
	case c.over && c.cut.Once:
	case c.over:
		left = 0
	case c.cut.Bytes > 0 && c.bytes+left >= c.cut.Bytes:
		left, end = c.cut.Bytes-c.bytes, true
	case c.cut.Request > 0 && c.asked >= c.cut.Request && left >= c.cut.Part:
		left, end = c.cut.Part, true
	case c.cut.Request > 0 && c.asked >= c.cut.Request:
		c.cut.Part -= left
	}
	c.bytes += left
	c.over = c.over || end
	return int(left), end || left < int64(n)
}

func (c *Cutter) closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over && !c.cut.Once
}

func (c *Cutter) carry(client net.Conn) {
	if c.closed() {
		return
	}
	server, err := net.Dial("tcp4", c.target)
	if err != nil {
		return
	}
	defer server.Close()
	asking := &counting{Conn: server, c: c}
	go func() {
		_, _ = io.Copy(asking, client)
		_ = server.Close()
	}()
	buffer := make([]byte, 64<<10)
	for {
		n, err := server.Read(buffer)
		asking.answered()
		pass, end := c.allow(n)
		if _, writing := client.Write(buffer[:pass]); writing != nil || err != nil || end {
			return
		}
	}
}

// counting counts the requests of one connection. Where a client sends something that has no answer, such as the end of a
// prepared statement, it depends on chance whether the next request comes in the same piece.
type counting struct {
	net.Conn
	c       *Cutter
	waiting bool // for an answer; under c.mu
}

func (w *counting) Write(p []byte) (int, error) {
	w.c.mu.Lock()
	if !w.waiting {
		w.c.asked++
	}
	w.waiting = true
	w.c.mu.Unlock()
	return w.Conn.Write(p)
}

func (w *counting) answered() {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	w.waiting = false
}
