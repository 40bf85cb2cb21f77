package ldapconn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

func TestSamba(t *testing.T) {
	const members = 1600 // Active Directory gives 1,500 at a time
	s := servers.Samba(t)
	var ldif, group strings.Builder
	ldif.WriteString("dn: OU=people,DC=example,DC=test\nobjectClass: organizationalUnit\n\n")
	group.WriteString("dn: CN=big,OU=people,DC=example,DC=test\nobjectClass: group\n")
	for i := range members {
		fmt.Fprintf(&ldif, "dn: CN=c%d,OU=people,DC=example,DC=test\nobjectClass: contact\n\n", i)
		fmt.Fprintf(&group, "member: CN=c%d,OU=people,DC=example,DC=test\n", i)
	}
	s.Modify(t, ldif.String()+group.String())

	cfg := testConfig(s.TLSURL)
	cfg.CAFile = s.CA.File
	cfg.Bind = Bind{Method: Simple, DN: s.Admin.DN, Password: secret(s.Admin.Password)}
	c := newClient(t, cfg)
	conn, err := c.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	t.Run("root DSE", func(t *testing.T) {
		dse, err := conn.RootDSE(t.Context())
		if err != nil || dse.Kind != ActiveDirectory || dse.DefaultNamingContext != s.Suffix {
			t.Errorf("%+v, %v", dse, err)
		}
	})
	t.Run("people", func(t *testing.T) {
		got, result, err := collect(t, c, Request{Base: "OU=people," + s.Suffix, Scope: One, Filter: "(objectClass=contact)", PageSize: 500})
		slices.Sort(got)
		if err != nil || len(slices.Compact(got)) != members || result.Pages < 4 {
			t.Errorf("%d, %+v, %v", len(got), result, err)
		}
	})
	t.Run("big group", func(t *testing.T) {
		var found *Entry
		_, err := c.Read(t.Context(), Request{Base: s.Suffix, Scope: Subtree, Filter: "(cn=big)", Attributes: []string{"member", "objectGUID"}, Controls: []Control{{OID: ControlDomainScope}}},
			func() func(*Entry) error { return func(e *Entry) error { found = e; return nil } })
		if err != nil || len(found.Values("member")) != members || len(found.Get("objectGUID")) != 16 {
			t.Errorf("%d members, %v", len(found.Values("member")), err)
		}
	})
	t.Run("references at the root", func(t *testing.T) {
		_, _, err := collect(t, c, Request{Base: s.Suffix, Scope: Subtree, Filter: "(cn=big)"})
		wantCode(t, err, Referral)
	})
	t.Run("already codes", func(t *testing.T) {
		big, c0 := "CN=big,OU=people,"+s.Suffix, "CN=c0,OU=people,"+s.Suffix
		for i, want := range []int{68, 0, 53, 0} {
			op := []ChangeOp{AddValues, DeleteValues, DeleteValues, AddValues}[i]
			err := conn.Modify(t.Context(), big, Change{op, "member", []string{c0}})
			got := 0
			var refused *LDAPError
			if errors.As(err, &refused) {
				got = refused.Code
			} else if err != nil {
				t.Fatal(err)
			}
			if got != want {
				t.Errorf("step %d: %v, want code %d", i, err, want)
			}
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		cfg := cfg
		cfg.Bind.Password = secret("wrong")
		_, err := newClient(t, cfg).Connect(t.Context())
		wantCode(t, err, BindRefused)
	})
}
