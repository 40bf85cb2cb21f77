package sql

import (
	"io"
	"net"
	"net/url"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Whatever else listens there, signing in ends, with an error.
func TestAnotherServerThanMariaDB(t *testing.T) {
	for name, says := range map[string]string{"nothing": "", "HTML": "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>sign in</html>"} {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			if c, err := l.Accept(); err == nil {
				_, _ = io.WriteString(c, says)
				_, _ = io.Copy(io.Discard, c) // until the other side ends
				_ = c.Close()
			}
		}()
		cfg, err := mariaDBSettings(&url.URL{Scheme: "mariadb", User: url.User("u"), Host: l.Addr().String(), Path: "/db"}, "")
		if err != nil {
			t.Fatal(err)
		}
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (patient{connector, 50 * time.Millisecond}).Connect(t.Context()); err == nil {
			t.Errorf("%s: signed in", name)
		}
		_ = l.Close()
	}
}
