package servers

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Mail is a message that a mail server took.
type Mail struct {
	From string
	To   []string
	User string // who signed in, "" if nobody did
	Safe bool   // it came over TLS
	Text string // headers and body
}

// SMTP is a mail server.
type SMTP struct {
	Address string // 127.0.0.1:port
	out     string
	t       testing.TB
}

// NewSMTP starts the mail server whose folder is dir (cmd/rolecall/testdata/smtp; its server.mjs says what env it takes). It ends with
// the test.
func NewSMTP(t testing.TB, dir string, env ...string) *SMTP {
	t.Helper()
	out := filepath.Join(t.TempDir(), "mail")
	address := served(t, dir, "smtp-server", os.Stderr, append(env, "OUT="+out)...)
	return &SMTP{Address: strings.TrimPrefix(address, "http://"), out: out, t: t}
}

// Taken are the messages that the server took so far.
func (s *SMTP) Taken() (all []Mail) {
	s.t.Helper()
	file, err := os.Open(s.out)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var m Mail
		if err := json.Unmarshal(lines.Bytes(), &m); err != nil {
			s.t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}
