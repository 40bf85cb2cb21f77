package ldapconn

import (
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// TestRefusedPasswordIsNotSentAgain: until it changes, or some minutes have passed.
func TestRefusedPasswordIsNotSentAgain(t *testing.T) {
	f := newFake(t, pages(1, 1))
	f.bindCode = ldap.LDAPResultInvalidCredentials
	now, password := time.Unix(1e9, 0), "old"
	cfg := testConfig(f.url)
	cfg.Now = func() time.Time { return now }
	cfg.Bind.Password = func() (string, error) { return password, nil }
	c := newClient(t, cfg)
	sends := func(what string, want int32) {
		t.Helper()
		before := f.binds.Load()
		_, err := c.Connect(t.Context())
		wantCode(t, err, BindRefused)
		if n := f.binds.Load() - before; n != want {
			t.Errorf("%s: sent %d times, want %d", what, n, want)
		}
	}
	sends("at first", 1)
	sends("again", 0)
	password = "new"
	sends("another one", 1)
	now = now.Add(refusedFor)
	sends("later", 1)
	now = now.Add(-time.Hour)
	sends("after the clock went back", 1)
}
