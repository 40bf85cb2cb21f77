package directory

import (
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// A wrong password is sent once for each read: servers lock accounts after a few.
func TestRefusedPasswordIsTriedOnce(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{})
	tries := 0
	c, err := ldapconn.New(ldapconn.Config{URLs: []string{s.URL, s.URL}, Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: s.Reader.DN,
		Password: func() (string, error) { tries++; return "wrong", nil }}})
	if err != nil {
		t.Fatal(err)
	}
	proof, err := ldapDir(t, c, nil).People(t.Context(), func(engine.Person) error { return nil })
	if err == nil || tries != 1 || proof.Source != "corp" {
		t.Errorf("%d tries, %v", tries, err)
	}
}
