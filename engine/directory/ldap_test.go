package directory

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

const suffix = "dc=example,dc=com"

// company writes n people in two branches, with groups of them, a group of groups, and a circle of two groups.
func company(n int) string {
	var out, all strings.Builder
	out.WriteString("dn: " + suffix + "\nobjectClass: domain\ndc: example\n\n")
	for _, ou := range []string{"ou=people", "ou=groups", "ou=berlin,ou=people"} {
		name, _, _ := strings.Cut(ou[3:], ",")
		fmt.Fprintf(&out, "dn: %s,%s\nobjectClass: organizationalUnit\nou: %s\n\n", ou, suffix, name)
	}
	members := make([][]string, 5)
	for i := range n {
		branch := []string{"ou=people", "ou=berlin,ou=people"}[i%2]
		dn := fmt.Sprintf("uid=p%05d,%s,%s", i, branch, suffix)
		fmt.Fprintf(&out, "dn: %s\nobjectClass: inetOrgPerson\nuid: P%05d\ncn: Person  Ö %d\nsn: Person\nmail: p%05d@Example.com\nemployeeNumber: %d\n", dn, i, i, i, i)
		if i%7 == 3 {
			out.WriteString("employeeType: terminated\n")
		}
		fmt.Fprintf(&out, "title: Title %d\n\n", i%4)
		members[i%5] = append(members[i%5], strings.ToUpper(dn[:5])+dn[5:])
	}
	for i, m := range members {
		fmt.Fprintf(&all, "member: cn=Team %d,ou=groups,%s\n", i, suffix)
		fmt.Fprintf(&out, "dn: cn=Team %d,ou=groups,%s\nobjectClass: groupOfNames\ncn: Team %d\n", i, suffix, i)
		for _, dn := range m {
			out.WriteString("member: " + dn + "\n")
		}
		if i < 2 { // teams 0 and 1 are members of each other
			fmt.Fprintf(&out, "member: cn=team %d,ou=groups,%s\n", 1-i, suffix)
		}
		out.WriteString("\n")
	}
	fmt.Fprintf(&out, "dn: cn=all,ou=groups,%s\nobjectClass: groupOfNames\ncn: all\n%s\n", suffix, all.String())
	return out.String()
}

func client(t testing.TB, s *servers.SlapdServer, a servers.Account) *ldapconn.Client {
	t.Helper()
	c, err := ldapconn.New(ldapconn.Config{URLs: []string{s.URL}, Retries: -1,
		Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: a.DN, Password: func() (string, error) { return a.Password, nil }}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func onServer() LDAPConfig {
	return LDAPConfig{Config: corp(), People: Search{Base: "ou=people," + suffix}, PageSize: 7}
}

func ldapDir(t testing.TB, c *ldapconn.Client, change func(*LDAPConfig)) engine.Directory {
	t.Helper()
	cfg := onServer()
	if change != nil {
		change(&cfg)
	}
	d, err := LDAP(c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func collect(t testing.TB, d engine.Directory) ([]engine.Person, engine.Proof) {
	t.Helper()
	var people []engine.Person
	proof, err := d.People(context.Background(), func(p engine.Person) error { people = append(people, p); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return people, proof
}

func TestSlapd(t *testing.T) {
	text := company(40)
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: text, Overlays: []string{"memberof", "syncprov"}})
	reader := client(t, s, s.Reader)
	t.Run("a server and a file say the same", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "company.ldif")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := LDIF(LDIFConfig{Config: corp(), File: File{Path: path, Whole: true}, People: Search{Base: "ou=people," + suffix}})
		if err != nil {
			t.Fatal(err)
		}
		ids := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27} `) // slapd gave them to the groups
		if a, b := ids.ReplaceAllString(read(t, ldapDir(t, reader, nil)), " "), read(t, file); a != b || !strings.Contains(a, "count 40 complete true") {
			t.Errorf("the server:\n%s\nthe file:\n%s", a, b)
		}
	})
	t.Run("roles", func(t *testing.T) { rolesOnServer(t, reader) })
	t.Run("immutable keys", func(t *testing.T) { keysOnServer(t, s, reader) })
	t.Run("size limit", func(t *testing.T) {
		s := servers.Slapd(t, servers.SlapdConfig{LDIF: text, Database: []string{"sizelimit 10"}})
		people, proof := collect(t, ldapDir(t, client(t, s, s.Limited), nil))
		if len(people) == 0 || len(people) > 20 || proof.Complete() || proof.Reasons[0].Code != engine.ReasonPartial {
			t.Errorf("%d people, %+v", len(people), proof.Reasons)
		}
		if p := people[0]; p.State == engine.StateUnknown {
			t.Errorf("an entry that was seen is whole: %+v", p)
		}
	})
	t.Run("groups that are not there", func(t *testing.T) {
		people, proof := collect(t, ldapDir(t, reader, func(c *LDAPConfig) { c.Roles = []RoleSource{{Group: &Groups{Base: "ou=nowhere," + suffix}}} }))
		if !proof.Complete() || len(people) != 40 || people[0].HasRole(nil, "group:all") != engine.Unknown || people[0].State == engine.StateUnknown {
			t.Errorf("%d people, %+v", len(people), proof)
		}
	})
	t.Run("nobody to be seen", func(t *testing.T) {
		_, proof := collect(t, ldapDir(t, reader, func(c *LDAPConfig) { c.People.Filter = "(uid=nobody)" }))
		if proof.Complete() || proof.Reasons[0].Code != engine.ReasonEmpty {
			t.Errorf("%+v", proof)
		}
	})
	for name, c := range map[string]struct {
		change func(*LDAPConfig)
		as     servers.Account
		want   string
	}{
		"wrong password": {nil, servers.Account{DN: s.Reader.DN, Password: "wrong"}, "bind-refused"},
		"no such base":   {func(c *LDAPConfig) { c.People.Base = "ou=nowhere," + suffix }, s.Reader, "ou=nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ldapDir(t, client(t, s, c.as), c.change).People(t.Context(), func(engine.Person) error { return nil })
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "directory corp") {
				t.Error(err)
			}
		})
	}
	s.Kill()
	if _, err := ldapDir(t, reader, nil).People(t.Context(), func(engine.Person) error { return nil }); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Error(err)
	}
}

func rolesOnServer(t *testing.T, reader *ldapconn.Client) {
	people, proof := collect(t, ldapDir(t, reader, nil))
	i := slices.IndexFunc(people, func(p engine.Person) bool { return p.Key == "5" })
	if want := []string{"group:all", "group:team 0", "group:team 1", "title:title 1"}; !slices.Equal(people[i].Roles, want) {
		t.Errorf("%q, want %q", people[i].Roles, want)
	}
	for _, r := range proof.Roles {
		if r.Role == "group:all" && (r.Holders != 40 || len(r.ID) != 36) {
			t.Errorf("%+v", r)
		}
	}
	if proof.Counts[0].Name != "attribute login" || proof.Counts[0].N != 40 || proof.Counts[len(proof.Counts)-1].N != 20 {
		t.Errorf("%+v", proof.Counts)
	}
	flat, _ := collect(t, ldapDir(t, reader, func(c *LDAPConfig) { c.Roles = []RoleSource{{Group: &Groups{Base: "ou=groups," + suffix}}} }))
	if !slices.Equal(flat[i].Roles, []string{"group:team 0"}) {
		t.Errorf("without nested: %q", flat[i].Roles)
	}
}

// A person who is renamed and moved keeps the key; the mark of the server moves on; memberOf shows what member shows.
func keysOnServer(t *testing.T, s *servers.SlapdServer, reader *ldapconn.Client) {
	byUUID := ldapDir(t, reader, func(c *LDAPConfig) { c.Key = "" })
	before, old := collect(t, byUUID)
	s.Modify(t, fmt.Sprintf("dn: uid=p00005,ou=berlin,ou=people,%s\nchangetype: moddn\nnewrdn: uid=zoe\ndeleteoldrdn: 1\nnewsuperior: ou=people,%s\n", suffix, suffix))
	after, now := collect(t, byUUID)
	find := func(people []engine.Person, number string) engine.Person {
		i := slices.IndexFunc(people, func(p engine.Person) bool { return strings.Contains(p.Attributes.First("mail"), number) })
		return people[i]
	}
	a, b := find(before, "p00005"), find(after, "p00005")
	if a.Key != b.Key || len(a.Key) != 36 || b.Login() != "zoe" || !strings.HasPrefix(b.Entry, "uid=zoe,ou=people") {
		t.Errorf("%+v became %+v", a, b)
	}
	if !engine.OlderMark(old.Mark, now.Mark) || engine.OlderMark(now.Mark, old.Mark) {
		t.Errorf("marks %q, %q", old.Mark, now.Mark)
	}
	for _, cn := range []string{"new", "newer"} {
		member := "uid=p00002,ou=people," + suffix
		if cn == "newer" {
			member = "cn=new,ou=groups," + suffix
		}
		s.Modify(t, fmt.Sprintf("dn: cn=%s,ou=groups,%s\nobjectClass: groupOfNames\ncn: %s\nmember: %s\n", cn, suffix, cn, member))
	}
	for _, memberOf := range []bool{false, true} {
		people, _ := collect(t, ldapDir(t, reader, func(c *LDAPConfig) {
			c.Roles = []RoleSource{{Group: &Groups{Base: "ou=groups," + suffix, Filter: "(cn=new*)", Nested: true, MemberOf: memberOf}}}
		}))
		if p := find(people, "p00002"); !slices.Equal(p.Roles, []string{"group:new", "group:newer"}) {
			t.Errorf("memberOf %v: %q", memberOf, p.Roles)
		}
	}
}

// A reader that loses rights sees fewer people, or people without values, and success each time. The canary tells.
func TestCanariesOnServer(t *testing.T) {
	canary := Canary{Entry: "uid=p00000,ou=people," + suffix, Attribute: "title", Value: "Title 0"}
	for name, c := range map[string]struct {
		access   string
		complete bool
	}{
		"all rights":    {"to * by * read", true},
		"no titles":     {"to attrs=title by * none", false},
		"not the entry": {`to dn.exact="` + canary.Entry + `" by * none`, false},
	} {
		s := servers.Slapd(t, servers.SlapdConfig{LDIF: company(10), Access: []string{c.access}})
		_, proof := collect(t, ldapDir(t, client(t, s, s.Reader), func(c *LDAPConfig) { c.Canaries = []Canary{canary} }))
		if proof.Complete() != c.complete {
			t.Errorf("%s: %+v", name, proof.Reasons)
		}
	}
}

// cutting is a connection that ends after so many bytes of answers.
type cutting struct {
	net.Conn
	left int
}

func (c *cutting) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}

// A read that is cut starts anew and forgets what it had seen; one that is cut for good shows what it saw and says so.
func TestCutConnections(t *testing.T) {
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: company(40)})
	for _, c := range []struct {
		name     string
		cut      func(dial int) bool // the first is for the people
		complete bool
	}{
		{"once", func(dial int) bool { return dial == 1 }, true},
		{"for good", func(int) bool { return true }, false},
	} {
		dials := 0
		conn, err := ldapconn.New(ldapconn.Config{URLs: []string{s.URL}, Retries: 2, Pause: func(context.Context, int) error { return nil },
			Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: s.Reader.DN, Password: func() (string, error) { return s.Reader.Password, nil }},
			Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := new(net.Dialer).DialContext(ctx, network, address)
				if dials++; err == nil && c.cut(dials) {
					return &cutting{conn, 1500}, nil
				}
				return conn, err
			}})
		if err != nil {
			t.Fatal(err)
		}
		people, proof := collect(t, ldapDir(t, conn, nil))
		if proof.Complete() != c.complete || len(people) == 0 || (len(people) == 40) != c.complete {
			t.Errorf("%s: %d people, %+v", c.name, len(people), proof.Reasons)
		}
		if p := people[0]; !c.complete && (p.HasRole(nil, "group:not-shown") != engine.Unknown || p.State == engine.StateUnknown || proof.Reasons[0].Code != engine.ReasonPartial) {
			t.Errorf("%s: %+v, %+v", c.name, p, proof.Reasons)
		}
	}
}
