package ldapgroup_test

import (
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// documentedAccess is the rule that docs/connectors.md gives for OpenLDAP.
func documentedAccess(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/connectors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "olcAccess: {0}")
	rule, _, _ := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page gives no rule")
	}
	return strings.ReplaceAll(strings.TrimSpace(rule), "\n ", "") // as LDIF folds lines
}

// The page's rule is enough for the bind account to change members of these groups, without it nothing is changed, and it allows no more.
func TestDocumentedAccess(t *testing.T) {
	const here, reader = "ou=c1,dc=example,dc=com", "cn=reader,dc=example,dc=com"
	rule := strings.NewReplacer("dc=example,dc=com\" attrs", here+"\" attrs", "cn=rolecall,dc=example,dc=com", reader).Replace(documentedAccess(t))
	for done, access := range map[bool][]string{true: {rule}, false: nil} {
		s := servers.Slapd(t, servers.SlapdConfig{Access: access})
		c := onSlapd(s, 1).fill(t)
		ann := c.keyOf(t, "cn=ann")
		c.admin = s.Reader
		elsewhere := "cn=elsewhere,ou=services," + c.base
		c.modify(t, "dn: "+elsewhere+"\nobjectClass: groupOfNames\nmember: cn=robot,ou=services,"+c.base+"\n")
		p := c.open(t, c.client(t, nil, s.Reader.Password), map[string]string{"elsewhere": elsewhere})
		if outcome, err := p.Grant(t.Context(), ann, "elsewhere"); outcome == engine.Done {
			t.Errorf("with %q, in a group elsewhere: %s, %v", access, outcome, err)
		}
		for _, change := range []func() (engine.Outcome, error){
			func() (engine.Outcome, error) { return p.Grant(t.Context(), ann, "vpn") },
			func() (engine.Outcome, error) { return p.Revoke(t.Context(), ann, "vpn") },
		} {
			if outcome, err := change(); (outcome == engine.Done) != done {
				t.Errorf("with %q: %s, %v", access, outcome, err)
			}
		}
	}
}
