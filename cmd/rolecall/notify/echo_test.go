package notify

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strings"
	"testing"
)

// gossip is a mail server that repeats the sign-in in its answer to one command, "" for none, and takes all else.
func gossip(t *testing.T, to string) *Mail {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for conn, err := l.Accept(); err == nil; conn, err = l.Accept() {
			go repeat(conn, to)
		}
	}()
	return &Mail{Server: &url.URL{Scheme: "smtp", Host: l.Addr().String()}, Plain: true, User: "me", Password: func() (string, error) { return "s3cret/%", nil },
		From: &mail.Address{Address: "a@example.com"}, To: []*mail.Address{{Address: "b@example.com"}, {Address: "c@example.com"}}}
}

func repeat(conn net.Conn, to string) {
	defer conn.Close()
	fmt.Fprint(conn, "220 x\r\n")
	sent, text := "", false
	for lines := bufio.NewScanner(conn); lines.Scan(); {
		line := lines.Text()
		if word, ok := strings.CutPrefix(line, "AUTH PLAIN "); ok {
			plain, _ := base64.StdEncoding.DecodeString(word)
			sent = word + " " + strings.ReplaceAll(string(plain), "\x00", " ")
		}
		switch {
		case text && line != ".":
		case text:
			text = false
			fmt.Fprint(conn, "250 fine\r\n")
		case to != "" && strings.HasPrefix(line, to):
			fmt.Fprintf(conn, "550 you sent %s\r\n", sent)
		case line == "DATA":
			text = true
			fmt.Fprint(conn, "354 go on\r\n")
		case strings.HasPrefix(line, "EHLO"):
			fmt.Fprint(conn, "250-x\r\n250 AUTH PLAIN\r\n")
		case strings.HasPrefix(line, "AUTH"):
			fmt.Fprint(conn, "235 fine\r\n")
		default:
			fmt.Fprint(conn, "250 fine\r\n")
		}
	}
}

// Whatever a mail server repeats of the sign-in, and to whatever command, errors do not tell it.
func TestAMailServerThatRepeatsThePassword(t *testing.T) {
	for _, to := range []string{"AUTH", "MAIL", "RCPT TO:<b", "RCPT", "DATA"} {
		m := gossip(t, to)
		said := []error{m.Send(t.Context(), message())}
		if by, err := m.Letters(t.Context()); err != nil {
			said = append(said, err)
		} else {
			said = append(said, by.Send(m.To[0], message()))
			by.Close()
		}
		for n, err := range said {
			if text := fmt.Sprint(err); err == nil || strings.Contains(text, "s3cret") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("\x00me\x00s3cret/%"))) {
				t.Errorf("%s, %d: %v", to, n, err)
			}
		}
	}
}
