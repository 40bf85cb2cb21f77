package directory

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// A read that fails before it began still says which source it was: approvals and baselines are kept by that name.
func TestFailedReadsNameTheirSource(t *testing.T) {
	gone := File{Path: filepath.Join(t.TempDir(), "gone"), End: "end"}
	client, err := ldapconn.New(ldapconn.Config{URLs: []string{"ldap://127.0.0.1:1"}, Bind: ldapconn.Bind{Method: ldapconn.Anonymous}, Insecure: ldapconn.AllowPlain, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	fromCSV, err1 := CSV(CSVConfig{Config: hr(), File: gone, Comma: ','})
	fromLDIF, err2 := LDIF(LDIFConfig{Config: corp(), File: gone, People: Search{Base: "dc=example,dc=com", Filter: "(uid=*)"}})
	fromLDAP, err3 := LDAP(client, LDAPConfig{Config: corp(), People: Search{Base: "dc=example,dc=com"}})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	for _, d := range []struct {
		of   engine.Directory
		name string
	}{{fromCSV, "hr"}, {fromLDIF, "corp"}, {fromLDAP, "corp"}} {
		proof, err := d.of.People(t.Context(), func(engine.Person) error { return nil })
		if err == nil || proof.Source != d.name {
			t.Errorf("%T: source %q, error %v", d.of, proof.Source, err)
		}
	}
}
