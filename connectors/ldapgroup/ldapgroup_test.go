package ldapgroup_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// company is one set of people and groups on a shared server.
type company struct {
	url    string
	admin  servers.Account
	modify func(t testing.TB, ldif string)
	base   string
	key    string // attribute
	ad     bool
}

var people = []string{"cn=ann", `cn=Ben\, \"B\" Smith`, `cn=Łucja  Ä\+b`, "cn=old"}

func onSlapd(s *servers.SlapdServer, n int) *company {
	return &company{url: s.URL, admin: s.Admin, modify: s.Modify, base: fmt.Sprintf("ou=c%d,%s", n, s.Suffix), key: "entryUUID"}
}

func onSamba(s *servers.SambaServer, n int) *company {
	return &company{url: s.URL, admin: s.Admin, modify: s.Modify, base: fmt.Sprintf("ou=c%d,%s", n, s.Suffix), key: "objectGUID", ad: true}
}

// fill makes the people and two groups with one member, which is no person.
func (c *company) fill(t *testing.T) *company {
	t.Helper()
	person, robot, group, n := "inetOrgPerson\nsn: x", "device", "groupOfNames", 0
	if c.ad {
		person, robot, group = "user", "user", "group"
	}
	var ldif strings.Builder
	add := func(dn, class string) {
		n++
		fmt.Fprintf(&ldif, "\ndn:: %s\nobjectClass: %s\n", base64.StdEncoding.EncodeToString([]byte(dn)), class)
		if c.ad && class != "organizationalUnit" {
			ou, _, _ := strings.Cut(strings.TrimPrefix(c.base, "ou="), ",")
			fmt.Fprintf(&ldif, "sAMAccountName: %sx%d\n", ou, n)
		}
	}
	for _, ou := range []string{c.base, "ou=people," + c.base, "ou=groups," + c.base, "ou=services," + c.base} {
		add(ou, "organizationalUnit")
	}
	for _, rdn := range people {
		add(rdn+",ou=people,"+c.base, person)
	}
	add("cn=Robot,ou=services,"+c.base, robot)
	for _, name := range []string{"vpn", "Wiki Ä"} {
		add("cn="+name+",ou=groups,"+c.base, group)
		fmt.Fprintf(&ldif, "member: cn=ROBOT,  ou=services,%s\n", c.base)
	}
	c.modify(t, ldif.String())
	return c
}

// keyOf reads the key of a person past the connector.
func (c *company) keyOf(t *testing.T, rdn string) string {
	t.Helper()
	conn, err := c.client(t, nil, c.admin.Password).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	e, err := conn.Get(t.Context(), rdn+",ou=people,"+c.base, c.key)
	if err != nil {
		t.Fatal(err)
	}
	if b := e.Get(c.key); c.ad {
		return fmt.Sprintf("%x-%x-%x-%x-%x", []byte{b[3], b[2], b[1], b[0]}, []byte{b[5], b[4]}, []byte{b[7], b[6]}, b[8:10], b[10:])
	}
	return e.Get(c.key)
}

func (c *company) client(t *testing.T, dial func(context.Context, string, string) (net.Conn, error), password string) *ldapconn.Client {
	t.Helper()
	client, err := ldapconn.New(ldapconn.Config{URLs: []string{c.url}, Dial: dial, Timeout: 10 * time.Second, Retries: -1,
		Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: c.admin.DN, Password: func() (string, error) { return password, nil }}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (c *company) open(t *testing.T, client *ldapconn.Client, more map[string]string) *ldapgroup.Program {
	t.Helper()
	rights := map[string]string{"vpn": "cn=vpn,ou=groups," + c.base, "Wiki Ä": "cn=Wiki Ä,ou=Groups," + c.base}
	for right, dn := range more {
		rights[right] = dn
	}
	p, err := ldapgroup.Open(ldapgroup.Config{Directory: "corp", Entitlements: rights}, ldapgroup.Options{Program: "vpn", Now: time.Now,
		Directory: func(string) (ldapgroup.Directory, error) {
			return ldapgroup.Directory{Client: client, URL: c.url, Base: "ou=people," + c.base, Filter: "(&(objectClass=person)(!(employeeType=gone)))", Key: c.key}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func list(t *testing.T, p *ldapgroup.Program) (held []string, proof engine.Proof) {
	t.Helper()
	proof, err := p.Holdings(t.Context(), func(h engine.Holding) error {
		held = append(held, h.Account+" "+h.Entitlement)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(held)
	return held, proof
}

func (c *company) underTest(t *testing.T) *enginetest.ConnectorUnderTest {
	t.Helper()
	const canary = "canary-7f3a"
	faulty := &faultyDialer{}
	dead := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route") }
	return &enginetest.ConnectorUnderTest{
		Connector: c.open(t, c.client(t, faulty.dial, c.admin.Password), nil),
		Accounts:  []string{c.keyOf(t, people[0]), c.keyOf(t, people[1]), c.keyOf(t, people[2])},
		Rights:    []string{"vpn", "Wiki Ä"}, Stranger: "01234567-89ab-cdef-0123-456789abcdef", NoRight: "fly",
		Secrets: []string{canary, c.admin.Password},
		Broken:  []engine.Connector{c.open(t, c.client(t, nil, canary), nil), c.open(t, c.client(t, dead, canary), nil)},
		Arm:     faulty.arm,
	}
}

func TestOnSamba(t *testing.T) {
	s := servers.Samba(t)
	n := 0
	fresh := func(t *testing.T) *company { n++; return onSamba(s, n).fill(t) }
	t.Run("suite", func(t *testing.T) {
		enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest { return fresh(t).underTest(t) })
	})
	t.Run("strangers, renames and leavers", func(t *testing.T) { testIdentity(t, fresh(t)) })
	t.Run("a group of more members than come at once", func(t *testing.T) {
		testBigGroup(t, fresh(t))
	})
}

func TestOnSlapd(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{Overlays: []string{"refint"},
		Access: []string{`to attrs=member by dn.exact="cn=limited,dc=example,dc=com" none by * break`}})
	n := 0
	fresh := func(t *testing.T) *company { n++; return onSlapd(s, n).fill(t) }
	t.Run("suite", func(t *testing.T) {
		enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest { return fresh(t).underTest(t) })
	})
	t.Run("strangers, renames and leavers", func(t *testing.T) { testIdentity(t, fresh(t)) })
	t.Run("a missing group is not an empty one", func(t *testing.T) {
		c := fresh(t)
		p := c.open(t, c.client(t, nil, s.Admin.Password), map[string]string{"gone": "cn=gone,ou=groups," + c.base})
		if _, proof := list(t, p); len(proof.Reasons) != 1 || !strings.Contains(proof.Reasons[0].Detail, `"gone"`) {
			t.Errorf("proof: %+v", proof)
		}
		outcome, err := p.Grant(t.Context(), c.keyOf(t, "cn=ann"), "gone")
		if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), "not there") {
			t.Errorf("grant: %s, %v", outcome, err)
		}
	})
	t.Run("the last member", func(t *testing.T) {
		c := fresh(t)
		p := c.open(t, c.client(t, nil, s.Admin.Password), nil)
		outcome, err := p.Revoke(t.Context(), "dn:cn=robot,ou=services,"+c.base, "vpn")
		if outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), "placeholder") {
			t.Errorf("revoke of the last member: %s, %v", outcome, err)
		}
	})
	t.Run("Active Directory's codes", func(t *testing.T) {
		c := fresh(t)
		p := c.open(t, c.client(t, (&faultyDialer{ad: true}).dial, s.Admin.Password), nil)
		ann := c.keyOf(t, "cn=ann")
		for i, want := range []engine.Outcome{engine.Done, engine.Already} {
			if outcome, err := p.Grant(t.Context(), ann, "vpn"); outcome != want || err != nil {
				t.Errorf("grant %d: %s, %v", i, outcome, err)
			}
		}
		for i, want := range []engine.Outcome{engine.Done, engine.Already} {
			if outcome, err := p.Revoke(t.Context(), ann, "vpn"); outcome != want || err != nil {
				t.Errorf("revoke %d: %s, %v", i, outcome, err)
			}
		}
		// 53 for another reason is no success.
		if outcome, err := p.Revoke(t.Context(), "dn:cn=robot,ou=services,"+c.base, "vpn"); outcome != engine.Refused || err == nil {
			t.Errorf("unwilling: %s, %v", outcome, err)
		}
	})
	t.Run("a list that is hidden is not an empty one", func(t *testing.T) {
		c := fresh(t)
		client, err := ldapconn.New(ldapconn.Config{URLs: []string{s.URL}, Retries: -1, Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: s.Limited.DN,
			Password: func() (string, error) { return s.Limited.Password, nil }}})
		if err != nil {
			t.Fatal(err)
		}
		p := c.open(t, client, nil)
		if _, err := p.Holdings(t.Context(), func(engine.Holding) error { return nil }); err == nil || !strings.Contains(err.Error(), "schema demands") {
			t.Errorf("read: %v", err)
		}
		if outcome, err := p.Grant(t.Context(), c.keyOf(t, "cn=ann"), "vpn"); outcome != engine.Refused || err == nil || !strings.Contains(err.Error(), "allow the account") {
			t.Errorf("grant without the right: %s, %v", outcome, err)
		}
	})
	t.Run("a server that went away is asked anew", func(t *testing.T) {
		c := fresh(t)
		p := c.open(t, c.client(t, nil, s.Admin.Password), nil)
		before, _ := list(t, p)
		key := c.keyOf(t, "cn=ann")
		s.Kill()
		if outcome, err := p.Grant(t.Context(), key, "vpn"); outcome != engine.Failed || err == nil {
			t.Errorf("grant while the server is down: %s, %v", outcome, err)
		}
		s.Start(t)
		if after, _ := list(t, p); !slices.Equal(before, after) {
			t.Errorf("after the restart: %v", after)
		}
	})
}

func testIdentity(t *testing.T, c *company) {
	p := c.open(t, c.client(t, nil, c.admin.Password), nil)
	ann, old := c.keyOf(t, "cn=ann"), c.keyOf(t, "cn=old")
	for _, key := range []string{ann, old} {
		if outcome, err := p.Grant(t.Context(), key, "vpn"); outcome != engine.Done {
			t.Fatal(outcome, err)
		}
	}
	robot := "dn:cn=robot,ou=services," + strings.ToLower(c.base)
	want := []string{ann + " vpn", old + " vpn", robot + " Wiki Ä", robot + " vpn"}
	slices.Sort(want)
	if got, proof := list(t, p); !slices.Equal(got, want) || !proof.Complete() {
		t.Errorf("got %q\nwant %q", got, want)
	}
	// Renamed and moved to another place; refint corrects the group.
	c.modify(t, "dn: cn=ann,ou=people,"+c.base+"\nchangetype: modrdn\nnewrdn: cn=Ann Married\ndeleteoldrdn: 1\n")
	// Left out by the filter of people, and yet the same account.
	c.modify(t, "dn: cn=old,ou=people,"+c.base+"\nchangetype: modify\nadd: employeeType\nemployeeType: gone\n")
	if got, _ := list(t, p); !slices.Equal(got, want) {
		t.Errorf("after a rename: got %q\nwant %q", got, want)
	}
	for _, tc := range []struct {
		account string
		want    engine.Outcome
	}{{ann, engine.Done}, {ann, engine.Already}, {robot + " ", engine.Already}} {
		if outcome, err := p.Revoke(t.Context(), tc.account, "vpn"); outcome != tc.want || err != nil {
			t.Errorf("revoke of %q: %s, %v", tc.account, outcome, err)
		}
	}
	if outcome, err := p.Revoke(t.Context(), robot, "vpn"); outcome != engine.Done || err != nil { // old is still in it
		t.Errorf("revoke of a stranger: %s, %v", outcome, err)
	}
	if outcome, err := p.Grant(t.Context(), robot, "vpn"); outcome != engine.Refused || err == nil {
		t.Errorf("grant to a stranger: %s, %v", outcome, err)
	}
}

// faultyDialer breaks the connection at the next request of the armed kind.
type faultyDialer struct {
	mu    sync.Mutex
	fault enginetest.Fault
	ad    bool // answers with the codes of Active Directory
}

func (d *faultyDialer) arm(f enginetest.Fault) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch f {
	case enginetest.LoseBefore, enginetest.LoseAfter, enginetest.BreakList:
		d.fault = f
		return true
	}
	return false
}

func (d *faultyDialer) take(f ...enginetest.Fault) (enginetest.Fault, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if armed := d.fault; slices.Contains(f, armed) {
		d.fault = enginetest.NoFault
		return armed, true
	}
	return 0, false
}

func (d *faultyDialer) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	return &faultyConn{Conn: c, dialer: d}, err
}

type faultyConn struct {
	net.Conn
	dialer  *faultyDialer
	deaf    bool // the answer is lost
	dropped bool // so is the request
}

// How requests start behind the message id (RFC 4511 sections 4.5.1 and 4.6).
const searchRequest, modifyRequest = 0x63, 0x66

func (c *faultyConn) Write(p []byte) (int, error) {
	if id := bytes.IndexByte(p, 0x02); id >= 0 && id+2 < len(p) {
		switch op := p[id+2+int(p[id+1])]; op {
		case modifyRequest:
			if f, ok := c.dialer.take(enginetest.LoseBefore, enginetest.LoseAfter); ok {
				c.deaf, c.dropped = true, f == enginetest.LoseBefore
			}
		case searchRequest:
			if _, ok := c.dialer.take(enginetest.BreakList); ok {
				c.deaf, c.dropped = true, true
			}
		}
	}
	if c.dropped {
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *faultyConn) Read(p []byte) (int, error) {
	if c.dropped {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	if c.dialer.ad {
		for code, ad := range map[byte]byte{20: 68, 16: 53, 65: 53} {
			if i := bytes.Index(p[:n], []byte{0x0a, 1, code}); i >= 0 && bytes.IndexByte(p[:n], 0x67) >= 0 {
				p[i+2] = ad
			}
		}
	}
	if c.deaf { // it came, so the change is made
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

func TestConfigurationMistakes(t *testing.T) {
	dir := ldapgroup.Directory{Base: "ou=people,dc=x", Key: "entryUUID"}
	for want, c := range map[string]ldapgroup.Config{
		"directory is missing":    {Entitlements: map[string]string{"vpn": "cn=vpn"}},
		"entitlements is missing": {Directory: "corp"},
		`entitlement "vpn": DN`:   {Directory: "corp", Entitlements: map[string]string{"vpn": "vpn"}},
		"are the same group":      {Directory: "corp", Entitlements: map[string]string{"a": "cn=vpn,dc=x", "b": "CN=VPN, dc=x"}},
		"reserved":                {Directory: "corp", Entitlements: map[string]string{".exists": "cn=vpn,dc=x"}},
		"no such directory":       {Directory: "other", Entitlements: map[string]string{"a": "cn=vpn,dc=x"}},
	} {
		_, err := ldapgroup.Open(c, ldapgroup.Options{Program: "p", Directory: func(name string) (ldapgroup.Directory, error) {
			if name != "corp" {
				return dir, errors.New("no such directory")
			}
			return dir, nil
		}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
}
