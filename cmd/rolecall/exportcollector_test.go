package main

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// collectorUnderTest reads frames as RFC 5425 has them, and may break off.
type collectorUnderTest struct {
	mu       sync.Mutex
	messages []string
	breakOff int // after so many messages of the next connection; 0: never
	address  string
	ca       string
	done     sync.WaitGroup
}

func startCollector(t *testing.T) *collectorUnderTest {
	t.Helper()
	ca := servers.NewCA(t, t.TempDir())
	cert, key := ca.Issue(t, "collector", "127.0.0.1")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	c := &collectorUnderTest{address: "tls://" + l.Addr().String(), ca: ca.File}
	c.done.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.serve(t, conn)
		}
	})
	t.Cleanup(func() { l.Close(); c.done.Wait() })
	return c
}

func (c *collectorUnderTest) serve(t *testing.T, conn net.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for n := 1; ; n++ {
		size, err := r.ReadString(' ')
		if err != nil {
			return
		}
		length, err := strconv.Atoi(strings.TrimSuffix(size, " "))
		if err != nil {
			t.Errorf("%q is no length of a frame", size)
			return
		}
		message := make([]byte, length)
		if _, err := io.ReadFull(r, message); err != nil {
			return
		}
		c.mu.Lock()
		c.messages = append(c.messages, string(message))
		end := n == c.breakOff
		c.mu.Unlock()
		if end {
			if inner, ok := conn.(*tls.Conn).NetConn().(*net.TCPConn); ok {
				_ = inner.SetLinger(0)
				inner.Close() // reset, as of a machine that dies
			}
			return
		}
	}
}

func (c *collectorUnderTest) take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := c.messages
	c.messages = nil
	return all
}

// Records reach a collector by TLS, each once and in order; where it breaks off what was under way comes again, and nothing is lost.
func TestExportToACollector(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "company")
	none := map[string]string{}
	typed(t, filepath.Dir(dir), exitDone, none, "init", "company")
	typed(t, dir, exitDone, none, "apply")
	lines := func() []string {
		return strings.Split(strings.TrimSuffix(typed(t, dir, exitDone, none, "audit", "export", "--format", "syslog"), "\n"), "\n")
	}
	c := startCollector(t)
	send := []string{"audit", "export", "--format", "syslog", "--cursor", "c", "--collector", c.address, "--ca", c.ca}
	typed(t, dir, exitDone, none, send...)
	if have := c.take(); !slices.Equal(have, lines()) {
		t.Fatalf("the collector has %q", have)
	}
	typed(t, dir, exitDone, none, send...)
	if have := c.take(); len(have) != 0 {
		t.Errorf("sent again: %q", have)
	}
	before := len(lines())
	typed(t, dir, exitDone, none, "cut", "grace", "--reason", "laptop stolen")
	c.breakOff = 2
	cursor, err := os.ReadFile(filepath.Join(dir, "c"))
	if err != nil {
		t.Fatal(err)
	}
	if said := typed(t, dir, exitFailed, none, send...); !strings.Contains(said, "the collector 127.0.0.1:") {
		t.Error(said)
	}
	if now, err := os.ReadFile(filepath.Join(dir, "c")); err != nil || string(now) != string(cursor) {
		t.Errorf("the cursor moved although nobody knows what was received: %s, %v", now, err)
	}
	c.mu.Lock()
	c.breakOff = 0
	c.mu.Unlock()
	typed(t, dir, exitDone, none, send...)
	if have := c.take(); !slices.Equal(have[2:], lines()[before:]) {
		t.Errorf("after the interruption the collector has %q", have)
	}
}

// Whom the collector is, is proven before anything is sent; what contradicts itself is refused.
func TestExportToAStranger(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "company")
	none := map[string]string{}
	typed(t, filepath.Dir(dir), exitDone, none, "init", "company")
	typed(t, dir, exitDone, none, "apply")
	c := startCollector(t)
	export := []string{"audit", "export", "--format", "syslog", "--cursor", "c", "--collector", c.address}
	if said := typed(t, dir, exitFailed, none, export...); !strings.Contains(said, "certificate") {
		t.Error(said)
	}
	stranger := servers.NewCA(t, t.TempDir())
	if said := typed(t, dir, exitFailed, none, append(export, "--ca", stranger.File)...); !strings.Contains(said, "certificate") {
		t.Error(said)
	}
	if have := c.take(); len(have) > 0 {
		t.Errorf("a stranger was sent %q", have)
	}
	for _, words := range [][]string{{"--collector", c.address}, {"--collector", c.address, "--format", "cef", "--cursor", "x"}, {"--collector", "udp://h:1", "--format", "syslog", "--cursor", "x"},
		{"--collector", c.address, "--format", "syslog", "--cursor", "x", "--out", "y"}, {"--ca", c.ca}, {"--collector", "tls://host", "--format", "syslog", "--cursor", "x"}} {
		typed(t, dir, exitUsage, none, append([]string{"audit", "export"}, words...)...)
	}
}
