package ldapconn

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// company is a directory with n people below ou=people.
func company(n int) string {
	var b strings.Builder
	b.WriteString("dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example\n\n" +
		"dn: ou=people,dc=example,dc=com\nobjectClass: organizationalUnit\nou: people\n\n")
	for i := range n {
		fmt.Fprintf(&b, "dn: uid=p%d,ou=people,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: p%d\ncn: Pörson %d\nsn: Person\nmail: p%d@example.com\ntitle: Engineer %d\ndepartmentNumber: D%d\n\n",
			i, i, i, i, i%400, i%60)
	}
	return b.String()
}

func slapdConfig(s *servers.SlapdServer, urls ...string) Config {
	cfg := testConfig(urls...)
	cfg.CAFile = s.CA.File
	cfg.Bind = Bind{Method: Simple, DN: s.Reader.DN, Password: secret(s.Reader.Password)}
	return cfg
}

func TestSlapd(t *testing.T) {
	const n = 1234
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: company(n), Overlays: []string{"memberof", "refint"}})
	all := Request{Base: "ou=people,dc=example,dc=com", Scope: One, Filter: "(uid=*)", Attributes: []string{"uid", "cn", "entryUUID"}, PageSize: 100}
	read := func(t *testing.T, cfg Config) ([]string, Result, error) {
		return collect(t, newClient(t, cfg), all)
	}
	whole := func(t *testing.T, cfg Config) {
		t.Helper()
		got, result, err := read(t, cfg)
		slices.Sort(got)
		if err != nil || len(slices.Compact(got)) != n || result.Pages != 13 {
			t.Errorf("%d people, %+v, %v", len(got), result, err)
		}
	}
	startTLS := slapdConfig(s, s.URL)
	startTLS.StartTLS = true
	external := slapdConfig(s, s.TLSURL)
	external.CertFile, external.KeyFile = s.ClientCert, s.ClientKey
	external.Bind = Bind{Method: External}
	for name, cfg := range map[string]Config{
		"ldap": slapdConfig(s, s.URL), "ldaps": slapdConfig(s, s.TLSURL), "StartTLS": startTLS,
		"ldapi": slapdConfig(s, s.IPCURL), "client certificate": external,
	} {
		t.Run(name, func(t *testing.T) { whole(t, cfg) })
	}
	t.Run("far host over TLS", func(t *testing.T) {
		cfg := slapdConfig(s, s.TLSURL)
		cfg.Dial = dialFar
		whole(t, cfg)
	})
	t.Run("limits", func(t *testing.T) {
		cfg := slapdConfig(s, s.URL)
		cfg.Bind.DN, cfg.Bind.Password = s.Limited.DN, secret(s.Limited.Password)
		_, _, err := read(t, cfg)
		wantCode(t, err, SizeLimit)
	})
	t.Run("wrong password", func(t *testing.T) {
		cfg := slapdConfig(s, s.URL, s.TLSURL)
		cfg.Retries = 3
		tries := 0
		cfg.Bind.Password = func() (string, error) { tries++; return "wr0ng-canary", nil }
		_, _, err := read(t, cfg)
		wantCode(t, err, BindRefused)
		if tries != 1 || strings.Contains(err.Error(), "canary") {
			t.Errorf("%d tries; %v", tries, err)
		}
	})
	t.Run("wrong CA", func(t *testing.T) {
		for _, cfg := range []Config{slapdConfig(s, s.TLSURL), startTLS} {
			cfg.CAFile = servers.NewCA(t, t.TempDir()).File
			_, _, err := read(t, cfg)
			wantCode(t, err, TLSRefused)
			cfg.CAFile = "" // the system's roots do not know it either
			_, _, err = read(t, cfg)
			wantCode(t, err, TLSRefused)
		}
	})
	t.Run("wrong name", func(t *testing.T) {
		cfg := slapdConfig(s, s.TLSURL)
		cfg.ServerName = "ldap.example.com"
		_, _, err := read(t, cfg)
		wantCode(t, err, TLSRefused)
		cfg.ServerName = "localhost"
		whole(t, cfg)
	})
	t.Run("TLS to a plain port", func(t *testing.T) {
		_, _, err := read(t, slapdConfig(s, strings.Replace(s.URL, "ldap:", "ldaps:", 1)))
		var e *Incomplete
		if !errors.As(err, &e) {
			t.Error(err)
		}
	})
	t.Run("base not there", func(t *testing.T) {
		_, _, err := collect(t, newClient(t, slapdConfig(s, s.URL)), Request{Base: "ou=nobody,dc=example,dc=com"})
		wantCode(t, err, NoBase)
	})
	t.Run("single reads and changes", func(t *testing.T) { testSingle(t, s) })
	t.Run("killed while reading", func(t *testing.T) {
		defer s.Start(t)
		small := all
		small.PageSize = 10
		count := 0
		_, err := newClient(t, slapdConfig(s, s.URL)).Read(t.Context(), small, func() func(*Entry) error {
			return func(*Entry) error {
				if count++; count == 500 {
					s.Kill()
				}
				return nil
			}
		})
		if wantCode(t, err, Cut); count >= n {
			t.Errorf("all %d people read", count)
		}
	})
	t.Run("two servers, the first killed while reading", func(t *testing.T) {
		other := servers.Slapd(t, servers.SlapdConfig{LDIF: company(n)})
		ca := filepath.Join(t.TempDir(), "both.pem")
		one, _ := os.ReadFile(s.CA.File)
		two, _ := os.ReadFile(other.CA.File)
		if err := os.WriteFile(ca, append(one, two...), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg := slapdConfig(s, s.TLSURL, other.TLSURL)
		cfg.CAFile, cfg.Retries = ca, 1
		attempts, count := 0, 0
		result, err := newClient(t, cfg).Read(t.Context(), all, func() func(*Entry) error {
			attempts++
			count = 0
			return func(*Entry) error {
				if count++; attempts == 1 && count == 150 {
					s.Kill()
				}
				return nil
			}
		})
		if err != nil || attempts != 2 || count != n || result.Entries != n || result.Server != other.TLSURL {
			t.Errorf("%d attempts, %d people, %+v, %v", attempts, count, result, err)
		}
	})
}

func testSingle(t *testing.T, s *servers.SlapdServer) {
	cfg := slapdConfig(s, s.URL)
	cfg.Bind.DN, cfg.Bind.Password = s.Admin.DN, secret(s.Admin.Password)
	conn, err := newClient(t, cfg).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	dse, err := conn.RootDSE(t.Context())
	if err != nil || dse.Kind != OpenLDAP || !slices.Contains(dse.NamingContexts, s.Suffix) {
		t.Errorf("%+v, %v", dse, err)
	}
	s.Modify(t, "dn: cn=g,dc=example,dc=com\nobjectClass: groupOfNames\ncn: g\nmember: cn=admin,dc=example,dc=com\n")
	p1 := "uid=p1,ou=people,dc=example,dc=com"
	add := Change{AddValues, "member", []string{p1}}
	remove := Change{DeleteValues, "member", []string{p1}}
	for i, step := range []struct {
		change Change
		code   int
	}{{add, 0}, {add, 20}, {remove, 0}, {remove, 16}} {
		err := conn.Modify(t.Context(), "cn=g,dc=example,dc=com", step.change)
		var refused *LDAPError
		if got := 0; errors.As(err, &refused) {
			if got = refused.Code; got != step.code {
				t.Errorf("step %d: %v", i, err)
			}
		} else if err != nil || step.code != 0 {
			t.Errorf("step %d: %v, want code %d", i, err, step.code)
		}
		e, err := conn.Get(t.Context(), p1, "memberOf", "cn")
		if member := i < 2; err != nil || e.Has("memberOf") != member || e.Get("cn") != "Pörson 1" {
			t.Errorf("step %d: %+v, %v", i, e, err)
		}
	}
	_, err = conn.Get(t.Context(), "uid=nobody,dc=example,dc=com")
	var refused *LDAPError
	if !errors.As(err, &refused) || refused.Code != 32 {
		t.Errorf("nobody: %v", err)
	}
}

// TestEmptyIsNotAnError: a base whose children the reader may not see is a
// whole read of nobody; what that means is for the directory to judge.
func TestSlapdHidesPeople(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: company(20), Access: []string{`to dn.subtree="ou=people,dc=example,dc=com" by dn.exact="cn=reader,dc=example,dc=com" search by * none`}})
	c := newClient(t, slapdConfig(s, s.URL))
	got, result, err := collect(t, c, Request{Base: "ou=people,dc=example,dc=com", Scope: One})
	if err != nil || len(got) != 0 || result.Entries != 0 {
		t.Errorf("%v, %+v, %v", got, result, err)
	}
	conn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = conn.Get(t.Context(), "uid=p1,ou=people,dc=example,dc=com")
	wantCode(t, err, NotVisible)
}
