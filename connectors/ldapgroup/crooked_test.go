package ldapgroup_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// Servers that say one thing about a change and do another.
func TestServersThatLie(t *testing.T) {
	attribute := func(name string, values ...string) servers.EntryAttribute {
		return servers.EntryAttribute{Name: name, Values: values}
	}
	entries := []servers.Entry{{DN: "cn=vpn,dc=x", Attributes: []servers.EntryAttribute{attribute("cn", "vpn"), attribute("member", "uid=u1,ou=p,dc=x", "uid=u2,ou=p,dc=x")}}}
	for i := range 4 {
		entries = append(entries, servers.Entry{DN: fmt.Sprintf("uid=u%d,ou=p,dc=x", i), Attributes: []servers.EntryAttribute{attribute("employeeNumber", fmt.Sprint("k", i))}})
	}
	for name, lie := range map[string]struct {
		twist func(c *servers.Change)
		want  engine.Outcome
		text  string
	}{
		"none":                         {nil, engine.Done, ""},
		"success without effect":       {func(c *servers.Change) { c.Skip = true }, engine.Failed, "does not show it"},
		"effect without an answer":     {func(c *servers.Change) { c.Drop = true }, engine.Uncertain, "cut"},
		"neither effect nor an answer": {func(c *servers.Change) { c.Drop, c.Skip = true, true }, engine.Uncertain, "cut"},
		"no such group":                {func(c *servers.Change) { c.Skip, c.Code = true, 32 }, engine.Refused, "not there"},
		"said to be so already":        {func(c *servers.Change) { c.Skip, c.Code = true, 53 }, engine.Refused, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := servers.NewCrooked(t, entries)
			client, err := ldapconn.New(ldapconn.Config{URLs: []string{s.URL}, Retries: -1, Timeout: time.Minute, Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: "cn=a", Password: func() (string, error) { return "p", nil }}})
			if err != nil {
				t.Fatal(err)
			}
			p, err := ldapgroup.Open(ldapgroup.Config{Directory: "corp", Entitlements: map[string]string{"vpn": "cn=vpn,dc=x"}}, ldapgroup.Options{Program: "vpn", Now: time.Now,
				Directory: func(string) (ldapgroup.Directory, error) {
					return ldapgroup.Directory{Client: client, URL: s.URL, Base: "ou=p,dc=x", Filter: "(uid=*)", Key: "employeeNumber"}, nil
				}})
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			s.Twist(lie.twist)
			for _, c := range []engine.Call{{Grant: true, Account: "k0"}, {Account: "k1"}} {
				change := p.Revoke
				if c.Grant {
					change = p.Grant
				}
				if outcome, err := change(t.Context(), c.Account, "vpn"); outcome != lie.want || (err == nil) != (lie.want == engine.Done) || err != nil && !strings.Contains(err.Error(), lie.text) {
					t.Errorf("%+v: %s, %v", c, outcome, err)
				}
			}
			s.Twist(nil) // asked again it is right, whatever was said before
			for _, change := range []func() (engine.Outcome, error){func() (engine.Outcome, error) { return p.Grant(t.Context(), "k0", "vpn") }, func() (engine.Outcome, error) { return p.Revoke(t.Context(), "k1", "vpn") }} {
				if outcome, err := change(); err != nil || outcome != engine.Done && outcome != engine.Already {
					t.Errorf("asked again: %s, %v", outcome, err)
				}
			}
			if held, _ := list(t, p); fmt.Sprint(held) != "[k0 vpn k2 vpn]" {
				t.Errorf("in the end: %v", held)
			}
		})
	}
}
