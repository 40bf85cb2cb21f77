package ldapconn

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func wantCode(t *testing.T, err error, want Code) *Incomplete {
	t.Helper()
	var e *Incomplete
	if !errors.As(err, &e) || !e.Has(want) {
		t.Fatalf("want %s, got %v", want, err)
	}
	return e
}

func TestConfigMistakesAreFoundAtOnce(t *testing.T) {
	_, err := New(Config{URLs: []string{"http://x", "ldap://u:secret@h", "ldap://h/dc=x", "ldapi://", "ldap://"}, Insecure: "yes", CertFile: "a", CAFile: "/nowhere/ca.pem"})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{"http://x", "more than host", "socket path", `"yes"`, "key file", "CA file", "bind method"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("no word of %s in: %v", part, err)
		}
	}
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("the error tells the password: %v", err)
	}
	if _, err := New(Config{Bind: Bind{Method: Anonymous}}); err == nil {
		t.Error("no URL accepted")
	}
	for _, b := range []Bind{{}, {Method: "magic"}, {Method: Simple}, {Method: Simple, Password: secret("x")}, {Method: GSSAPI}} {
		if _, err := New(Config{URLs: []string{"ldap://h"}, Bind: b}); err == nil {
			t.Errorf("accepted: %+v", b)
		}
	}
}

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]target{
		"ldap://h":              {network: "tcp", address: "h:389", host: "h"},
		"ldaps://h/":            {network: "tcp", address: "h:636", host: "h", tls: true},
		"ldap://[::1]:13":       {network: "tcp", address: "[::1]:13", host: "::1"},
		"ldapi://%2Frun%2Fsock": {network: "unix", address: "/run/sock"},
	} {
		want.raw = raw
		if got, err := parseURL(raw); err != nil || got != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}

// farConn pretends that its peer is on another machine.
type farConn struct{ net.Conn }

func (farConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 389} }

func dialFar(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	return farConn{conn}, err
}

func TestNoPlainPasswordToAnotherHost(t *testing.T) {
	asked := false
	f := newFake(t, pages(1, 1))
	cfg := testConfig(f.url)
	cfg.Dial = dialFar
	cfg.Bind.Password = func() (string, error) { asked = true; return "reader", nil }
	_, err := newClient(t, cfg).Connect(t.Context())
	wantCode(t, err, BindRefused)
	if asked || !strings.Contains(err.Error(), "plain: true") {
		t.Errorf("password asked: %v; %v", asked, err)
	}
	cfg.Insecure = AllowPlain
	if _, _, err := collect(t, newClient(t, cfg), Request{Base: "dc=x"}); err != nil {
		t.Errorf("allowed, and yet: %v", err)
	}
}

func TestEmptyPasswordIsRefused(t *testing.T) {
	cfg := testConfig(newFake(t, pages(1, 1)).url)
	for _, password := range []func() (string, error){secret(""), func() (string, error) { return "", errors.New("file is gone") }} {
		cfg.Bind.Password = password
		_, err := newClient(t, cfg).Connect(t.Context())
		wantCode(t, err, BindRefused)
	}
}

// deadURL is an address where nobody listens.
func deadURL(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "ldap://" + l.Addr().String()
}

func TestFailover(t *testing.T) {
	dead, f := deadURL(t), newFake(t, pages(5, 10))
	got, result, err := collect(t, newClient(t, testConfig(dead, f.url)), Request{Base: "dc=x"})
	if err != nil || len(got) != 5 || result.Server != f.url {
		t.Errorf("%v, %+v, %v", got, result, err)
	}
	_, _, err = collect(t, newClient(t, testConfig(dead, deadURL(t))), Request{Base: "dc=x"})
	if e := wantCode(t, err, Unreachable); len(e.Reasons) != 2 || !strings.Contains(err.Error(), dead) {
		t.Errorf("a reason for each server: %v", err)
	}
}

func TestFailoverInTheMiddle(t *testing.T) {
	serve := pages(30, 10)
	first := newFake(t, func(n int, m message) reply {
		if n == 1 {
			return reply{bytes: []byte{0x30}, close: true}
		}
		return serve(n, m)
	})
	second := newFake(t, serve)
	cfg := testConfig(first.url, second.url)
	cfg.Retries = 1
	got, result, err := collect(t, newClient(t, cfg), Request{Base: "dc=x", PageSize: 10})
	if err != nil || len(got) != 30 || result.Server != second.url || first.requests() != 2 || second.requests() != 3 {
		t.Errorf("%d entries, %+v, %v; requests %d, %d", len(got), result, err, first.requests(), second.requests())
	}
}

// kerberos is a GSSAPI client whose tokens are words.
type kerberos struct {
	spn     string
	layered bool
	deleted bool
}

func (k *kerberos) InitSecContext(target string, token []byte) ([]byte, bool, error) {
	k.spn = target
	if token == nil {
		return []byte("hello"), true, nil
	}
	return nil, false, nil
}

func (k *kerberos) InitSecContextWithOptions(target string, token []byte, _ []int) ([]byte, bool, error) {
	return k.InitSecContext(target, token)
}

func (k *kerberos) NegotiateSaslAuth(token []byte, _ string) ([]byte, error) {
	k.layered = string(token) == "layers?"
	return []byte("none"), nil
}

func (k *kerberos) DeleteSecContext() error { k.deleted = true; return nil }

// saslServer answers the binds of one connection with the given codes and credentials.
func saslServer(t *testing.T, codes []int, creds []string) string {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		buf := make([]byte, 4096)
		for i := range codes {
			if _, err := conn.Read(buf); err != nil {
				return
			}
			conn.Write(packet(i+1, result(opBindResponse, codes[i], octets(tagSASLCreds, creds[i]))))
		}
		conn.Read(buf)
	}()
	return "ldap://" + l.Addr().String()
}

func TestKerberosHandshake(t *testing.T) {
	for name, tc := range map[string]struct {
		codes []int
		creds []string
		want  Code
	}{
		"whole":             {[]int{14, 14, 0}, []string{"mutual", "layers?", ""}, ""},
		"success too early": {[]int{0}, []string{""}, BindRefused},
		"refused":           {[]int{14, 49}, []string{"mutual", ""}, BindRefused},
		"for ever":          {[]int{14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14}, make([]string, 11), BindRefused},
	} {
		t.Run(name, func(t *testing.T) {
			k := &kerberos{}
			cfg := testConfig(saslServer(t, tc.codes, tc.creds))
			cfg.Bind = Bind{Method: GSSAPI, Kerberos: func() (ldap.GSSAPIClient, error) { return k, nil }}
			conn, err := newClient(t, cfg).Connect(t.Context())
			if tc.want != "" {
				wantCode(t, err, tc.want)
			} else if err != nil {
				t.Fatal(err)
			} else {
				conn.Close()
				if !k.layered {
					t.Error("no security layer was chosen")
				}
			}
			if k.spn != "ldap/127.0.0.1" || !k.deleted {
				t.Errorf("%+v", k)
			}
		})
	}
}

func TestModifyOutcomeIsUnknownWhenCut(t *testing.T) {
	f := newFake(t, func(n int, m message) reply {
		switch n {
		case 0:
			return reply{bytes: packet(m.id, result(opModifyAnswer, 0))}
		case 1:
			return reply{bytes: packet(m.id, result(opModifyAnswer, 20))}
		}
		return reply{close: true}
	})
	conn, err := newClient(t, testConfig(f.url)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	change := Change{Op: AddValues, Name: "member", Values: []string{"uid=a"}}
	if err := conn.Modify(t.Context(), "cn=g", change); err != nil {
		t.Error(err)
	}
	var refused *LDAPError
	if err := conn.Modify(t.Context(), "cn=g", change); !errors.As(err, &refused) || refused.Code != 20 {
		t.Errorf("got %v", err)
	}
	if err := conn.Modify(t.Context(), "cn=g", Change{Op: DeleteValues, Name: "member"}); err == nil || f.requests() != 2 {
		t.Errorf("deleting no values would delete all: %v after %d requests", err, f.requests())
	}
	wantCode(t, conn.Modify(t.Context(), "cn=g", change), Cut)
}

func TestPlainBytesAfterStartTLS(t *testing.T) {
	f := newFake(t, func(_ int, m message) reply {
		return reply{bytes: join(packet(m.id, result(opExtResponse, 0)), packet(2, result(opBindResponse, 0)))}
	})
	cfg := testConfig(f.url)
	cfg.StartTLS = true
	_, err := newClient(t, cfg).Connect(t.Context())
	wantCode(t, err, TLSRefused)
	if !strings.Contains(err.Error(), "plain bytes") {
		t.Error(err)
	}
}

func TestStartTLSRefusedMeansNoBind(t *testing.T) {
	f := newFake(t, func(_ int, m message) reply { return reply{bytes: packet(m.id, result(opExtResponse, 2))} })
	cfg := testConfig(f.url)
	cfg.StartTLS = true
	_, err := newClient(t, cfg).Connect(t.Context())
	wantCode(t, err, TLSRefused)
	if f.requests() != 1 {
		t.Errorf("%d requests", f.requests())
	}
}

// TestRefusedCredentialsAreNotRepeated: also when another server is worth a retry.
func TestRefusedCredentialsAreNotRepeated(t *testing.T) {
	asked := 0
	cfg := testConfig(deadURL(t), newFake(t, pages(1, 1)).url, newFake(t, pages(1, 1)).url)
	cfg.Retries = 5
	cfg.Bind.Password = func() (string, error) { asked++; return "", nil }
	_, err := newClient(t, cfg).Connect(t.Context())
	wantCode(t, err, BindRefused)
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestPauseGrowsAndEndsWithTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for round, want := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 6: 5 * time.Second, 1000: 5 * time.Second} {
			start := time.Now()
			if err := pause(t.Context(), round); err != nil || time.Since(start) != want {
				t.Errorf("round %d: %v, %v", round, time.Since(start), err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if pause(ctx, 1) == nil {
			t.Error("waited in spite of the cancelled context")
		}
	})
}
