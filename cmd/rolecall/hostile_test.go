package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// TestHostileText sends a thousand hostile texts through every place where text of the outside world meets a language:
// what comes out has the same shape for each of them. A sink may refuse a text; what it takes it must take as data.
func TestHostileText(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of transactions; it runs without -short")
	}
	texts := enginetest.Hostile()
	for _, sink := range []struct {
		name  string
		drive func(*testing.T, []enginetest.HostileText) int
	}{
		{"LDAP filter: one account", filterOfAccounts},
		{"LDAP filter: members through groups", filterInChain},
		{"SCIM filter and path", scimFilters},
		{"DN: canonical form", dnCanonical},
		{"DN: members of groups", dnOfMembers},
		{"LDAP filter and DN: people of OpenLDAP", peopleOfSlapd},
		{"SQL: names of PostgreSQL roles", sqlNames},
		{"SQL: values in PostgreSQL", sqlValues("postgres")},
		{"SQL: values in SQLite", sqlValues("sqlite")},
		{"CSV: a program's file", csvProgram},
		{"terminal, CSV, Markdown, JSON: plans", shownPlans},
		{"terminal: messages", messages},
		{"terminal, CSV, Markdown, JSON Lines: a company", hostileCompany},
		{"HTML: a page of what is shown", htmlPage},
		{"log: lines of text and JSON", logLines},
		{"exec: arguments of git", gitArguments},
	} {
		t.Run(sink.name, func(t *testing.T) {
			began := time.Now()
			t.Logf("%s: %d texts, %d taken, the shape never changed (%.1f s)", sink.name, len(texts), sink.drive(t, texts), time.Since(began).Seconds())
		})
	}
}

// filterShape is a filter without the values that it compares with.
func filterShape(p *ber.Packet) string {
	switch {
	case p.ClassType != ber.ClassContext:
		return ""
	case p.Tag == ldap.FilterPresent:
		return "(" + p.Data.String() + "=*)"
	case p.Tag == ldap.FilterEqualityMatch && len(p.Children) == 2:
		return "(" + p.Children[0].Data.String() + "=…)"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "(%d/%d", p.Tag, len(p.Children))
	for _, c := range p.Children {
		b.WriteString(filterShape(c))
	}
	return b.String() + ")"
}

func crookedClient(t *testing.T, url string) *ldapconn.Client {
	t.Helper()
	c, err := ldapconn.New(ldapconn.Config{URLs: []string{url}, Retries: -1, Timeout: time.Minute,
		Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: "cn=reader," + realSuffix, Password: func() (string, error) { return "reader", nil }}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func vpnOn(t *testing.T, s *servers.Crooked) *ldapgroup.Program {
	t.Helper()
	client := crookedClient(t, s.URL)
	p, err := ldapgroup.Open(ldapgroup.Config{Directory: "corp", Entitlements: map[string]string{"vpn": "cn=east,ou=groups," + realSuffix}}, ldapgroup.Options{Program: "vpn", Now: time.Now,
		Directory: func(string) (ldapgroup.Directory, error) {
			return ldapgroup.Directory{Client: client, URL: s.URL, Base: "ou=people," + realSuffix, Filter: "(uid=*)", Key: "employeeNumber"}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func filterOfAccounts(t *testing.T, texts []enginetest.HostileText) (taken int) {
	s := servers.NewCrooked(t, crookedCompany())
	p := vpnOn(t, s)
	before := s.Entries()
	for _, h := range texts {
		var asked []string
		s.Bend(func(page *servers.Page) {
			if asked = append(asked, filterShape(page.Filter)); len(page.Filter.Children) == 2 && page.Filter.Children[1].Data.String() != h.Text && !strings.HasPrefix(h.Text, "dn:") {
				t.Errorf("%q is asked for as %q", h.Text, page.Filter.Children[1].Data.String())
			}
		})
		held, err := p.Account(t.Context(), h.Text)
		if err != nil || len(held) > 0 {
			t.Errorf("%q holds %v, %v", h.Text, held, err)
		}
		if outcome, err := p.Grant(t.Context(), h.Text, "vpn"); outcome != engine.Refused || err == nil {
			t.Errorf("granted to %q: %s, %v", h.Text, outcome, err)
		}
		switch {
		case len(asked) == 0:
		case slices.Equal(asked, []string{"(employeeNumber=…)", "(employeeNumber=…)"}):
			taken++
		case strings.HasPrefix(h.Text, "dn:") && slices.Equal(asked, []string{"(member=…)"}):
			taken++
		default:
			t.Errorf("%s: %q is asked for with %q", h.Kind, h.Text, asked)
		}
	}
	if taken < 800 || len(before) != len(s.Entries()) {
		t.Errorf("only %d were asked for", taken)
	}
	return taken
}

// withDN gives each text a place of its own in the tree: others may be equal by the rules of DNs.
func withDN(text string, i int) string {
	return fmt.Sprintf("cn=%s,ou=u%d,ou=groups,%s", ldap.EscapeDN(text), i, realSuffix)
}

func filterInChain(t *testing.T, texts []enginetest.HostileText) (taken int) {
	people := crookedCompany()[:42]
	entries := slices.Clone(people)
	for i, h := range texts {
		entries = append(entries, servers.Entry{DN: withDN(h.Text, i), Attributes: []servers.EntryAttribute{{Name: "objectClass", Values: []string{"group"}}, {Name: "cn", Values: []string{fmt.Sprint("g", i)}},
			{Name: "member", Values: []string{"cn=nobody that was read,dc=elsewhere"}}}})
	}
	s := servers.NewCrooked(t, entries)
	shapes := map[string]int{}
	s.Bend(func(p *servers.Page) { shapes[filterShape(p.Filter)]++ })
	d, err := directory.LDAP(crookedClient(t, s.URL), directory.LDAPConfig{Profile: "ad", PageSize: 500, People: directory.Search{Base: "ou=people," + realSuffix, Filter: "(uid=*)"},
		Config: directory.Config{Name: "corp", Key: "employeeNumber", Now: time.Now, Attributes: []directory.Attribute{{Name: "login", Source: "uid"}},
			Roles: []directory.RoleSource{{Group: &directory.Groups{Base: "ou=groups," + realSuffix, Name: "cn", Nested: true}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if proof, err := d.People(t.Context(), func(engine.Person) error { return nil }); err != nil || proof.Count != 40 {
		t.Fatalf("%v, %v", proof, err)
	}
	const chain = "(0/2(uid=*)(9/3(1/0)(2/0)(3/0)))" // the rule, the attribute, the value
	if taken = shapes[chain]; len(shapes) > 5 || taken < 900 {
		t.Errorf("filters of %d shapes: %v", len(shapes), shapes)
	}
	return taken
}

func dnCanonical(t *testing.T, texts []enginetest.HostileText) (taken int) {
	for _, h := range texts {
		canon, err := ldapconn.NormalizeDN("uid=" + ldap.EscapeDN(h.Text) + "+cn=x,ou=People,dc=example,dc=com")
		if err != nil {
			if h.Text != "" {
				t.Errorf("%q: %v", h.Text, err)
			}
			continue
		}
		dn, err := ldap.ParseDN(canon)
		if err != nil || len(dn.RDNs) != 4 || len(dn.RDNs[0].Attributes) != 2 || !ldapconn.IsBelow(canon, "ou=people,dc=example,dc=com") {
			t.Errorf("%s: %q became %s", h.Kind, h.Text, canon)
		}
		taken++
	}
	return taken
}

// dnOfMembers adds people with hostile names to a group, and finds each of them, and nobody else, by the key.
func dnOfMembers(t *testing.T, texts []enginetest.HostileText) (taken int) {
	entries := crookedCompany()
	dns := map[string]bool{}
	for i, h := range texts {
		if h.Text == "" {
			continue
		}
		dn := strings.Replace(withDN(h.Text, i), "ou=groups", "ou=people", 1)
		dns[dn] = true
		entries = append(entries, servers.Entry{DN: dn, Attributes: []servers.EntryAttribute{{Name: "employeeNumber", Values: []string{fmt.Sprint("h", i)}}}})
	}
	s := servers.NewCrooked(t, entries)
	s.Twist(func(c *servers.Change) {
		if !dns[c.Value] || c.DN != "cn=east,ou=groups,"+realSuffix || c.Attribute != "member" || c.Code != 0 {
			t.Errorf("a change of %+v", c)
		}
	})
	p := vpnOn(t, s)
	for i := range texts {
		if outcome, err := p.Grant(t.Context(), fmt.Sprint("h", i), "vpn"); outcome == engine.Done {
			taken++
		} else if texts[i].Text != "" {
			t.Errorf("%q: %s, %v", texts[i].Text, outcome, err)
		}
		if held, err := p.Account(t.Context(), fmt.Sprint("h", i)); err != nil || len(held) == 0 != (texts[i].Text == "") {
			t.Errorf("%q holds %v, %v", texts[i].Text, held, err)
		}
	}
	members := map[string]int{}
	proof, err := p.Holdings(t.Context(), func(h engine.Holding) error { members[h.Account]++; return nil })
	if err != nil || !proof.Complete() || len(members) != taken+20 || proof.Count != len(members) {
		t.Errorf("%d members, %+v, %v", len(members), proof, err)
	}
	return taken
}

// obedient finds what a terminal or a reader of logs would obey: anything but text, spaces and line breaks of ours.
func obedient(t *testing.T, what, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Errorf("%s: no UTF-8: %.200q", what, out)
	}
	for i, r := range out {
		if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%s: %U in %.200q", what, r, out[max(0, i-50):])
			return
		}
	}
}

func logLines(t *testing.T, texts []enginetest.HostileText) (taken int) {
	for _, terminal := range []bool{true, false} {
		for _, h := range texts {
			var b bytes.Buffer
			a := &app{process: process{Stderr: &b, Terminal: terminal}, noColor: true}
			log := a.loggerAt(slog.LevelInfo).With("program", h.Text)
			log.Warn("a run failed", "person", h.Text, "error", fmt.Errorf("read: %s", h.Text), "list", []string{h.Text})
			line := b.String()
			if strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") {
				t.Errorf("terminal %v: %q makes %d lines", terminal, h.Text, strings.Count(line, "\n"))
			}
			obedient(t, "a log line", line)
			var read struct{ Person string }
			if !terminal && (json.Unmarshal(b.Bytes(), &read) != nil || read.Person != strings.ToValidUTF8(h.Text, "\ufffd") && utf8.ValidString(h.Text)) {
				t.Errorf("%q is logged as %s", h.Text, line)
			}
			taken++
		}
	}
	return taken / 2
}
