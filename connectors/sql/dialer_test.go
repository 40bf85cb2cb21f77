package sql_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/sql"
	"github.com/rolecall/rolecall/engine"
)

// A server that takes the connection and says nothing is not waited for when the call's time is over.
func TestASignInIsGivenUpInTime(t *testing.T) {
	t.Run("at once", func(t *testing.T) { testSilentServer(t, "disable", 1) })
	t.Run("after it declined encryption", func(t *testing.T) { testSilentServer(t, "prefer", 2) })
}

func testSilentServer(t *testing.T, encryption string, connections int) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for n := range connections {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = c.Read(make([]byte, 8)) // it speaks first
			if n+1 < connections {
				_, _ = c.Write([]byte("N"))
			}
		}
		cancel()
		<-t.Context().Done()
	}()
	p := open(t, sql.Config{Preset: "postgres", URL: "postgres://u@" + l.Addr().String() + "/db?sslmode=" + encryption, Rights: []string{"x"}})
	began := time.Now()
	if proof, err := p.Holdings(ctx, func(engine.Holding) error { return nil }); err == nil {
		t.Errorf("it lists what nobody said: %+v", proof)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it came back after %s", took)
	}
}
