package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/engine/enginetest"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// liesConfig is a company whose limits and grace hold nothing back: what keeps people's access is the proof of the read
// alone.
const liesConfig = `version: 1
directories:
  - name: corp
    kind: ldap
    authority: people
    url: %s
    bind: {dn: "cn=reader,dc=example,dc=com", password: {env: LDAP_PASSWORD}}
    people: {base: "ou=people,dc=example,dc=com", filter: "(uid=*)"}
    key: employeeNumber
    page_size: %d
    attributes: {login: uid, mail: mail, name: cn, title: title, department: departmentNumber, status: employeeType}
    state: {left: 'status == "terminated"'}
    roles:
      - {group: {base: "ou=groups,dc=example,dc=com", nested: true}}
      - {attribute: title}
programs:
  wiki: {kind: file, path: wiki.csv, create: "{login}", revoke: managed}
leavers: {unmanaged: suspend, absences: 2, apart: 1h}
limits:
  revoke:
    people: {floor: 1000000, percent: 100, cap: 1000000, window: 24h}
    holdings: {floor: 1000000, percent: 100, cap: 1000000, window: 24h}
  leavers: {floor: 1000000, percent: 100, cap: 1000000, window: 24h}
  grant: {floor: 1000000, percent: 100, cap: 1000000, window: 24h}
`

const liesPolicy = `version: 1
rules:
  - {name: all, when: 'true', grant: [wiki], reason: the wiki is for everybody}
  - {name: staff, roles: {any: ["group:staff"]}, grant: [wiki/staff], reason: by a group of groups}
  - {name: own, roles: {any: ["group:staff"], none: ["group:contractors"]}, grant: [wiki/inside], reason: not for contractors}
  - {name: clerks, roles: {any: ["title:clerk"]}, grant: [wiki/clerks], reason: by title}
  - {name: d1, when: 'job.department == "D1"', grant: [wiki/d1], reason: by attribute}
`

// hq is a company that reads a directory which may lie. Its programs, policy, planner and work are the real ones; the
// journal is in memory.
type hq struct {
	t      testing.TB
	dir    string
	mu     sync.Mutex
	now    time.Time
	engine *engine.Engine

	password string // of the reader
}

// newHQ reads people from url; retries are left out, or each lost connection would take a second.
func newHQ(t testing.TB, url string, pageSize int, bend func(*ldapconn.Config)) *hq {
	t.Helper()
	return newHQWith(t, fmt.Sprintf(liesConfig, url, pageSize), "reader", bend)
}

// newHQWith has a configuration of its own.
func newHQWith(t testing.TB, config, password string, bend func(*ldapconn.Config)) *hq {
	t.Helper()
	h := &hq{t: t, dir: t.TempDir(), now: time.Date(2027, 1, 4, 9, 0, 0, 0, time.UTC), password: password}
	h.write("rolecall.yaml", config)
	h.write("wiki.csv", "account,active,entitlements\nby-hand,yes,staff\n")
	if err := os.Mkdir(filepath.Join(h.dir, "policies"), 0o700); err != nil {
		t.Fatal(err)
	}
	h.write("policies/a.yaml", liesPolicy)
	h.configure(bend)
	j := enginetest.NewJournal(h.clock)
	h.engine.Journal, h.engine.Outbox = j, j
	return h
}

// configure puts the engine together from the files, with an impatient client; the journal stays.
func (h *hq) configure(bend func(*ldapconn.Config)) {
	h.t.Helper()
	password := func(string) string { return h.password }
	a := &app{configFile: "rolecall.yaml", process: process{Dir: h.dir, Stdout: &bytes.Buffer{}, Stderr: &bytes.Buffer{}, Env: password, Now: h.clock, Random: rand1()}}
	cfg, err := a.config()
	if err != nil {
		h.t.Fatal(err)
	}
	s, err := a.parts(h.t.Context(), cfg)
	if err != nil {
		h.t.Fatal(err)
	}
	d := &cfg.Directories[0]
	c := ldapconn.Config{URLs: d.LDAP.URL, Retries: -1, Timeout: 20 * time.Second, Bind: ldapconn.Bind{Method: ldapconn.Simple, DN: d.LDAP.Bind.DN,
		Password: func() (string, error) { return h.password, nil }}}
	if bend != nil {
		bend(&c)
	}
	client, err := ldapconn.New(c)
	if err != nil {
		h.t.Fatal(err)
	}
	common, err := a.common(cfg, d, s.schema)
	if err != nil {
		h.t.Fatal(err)
	}
	s.engine.Directory, err = directory.LDAP(client, directory.LDAPConfig{Config: common, Profile: d.LDAP.Profile, People: d.LDAP.People, PageSize: d.LDAP.PageSize})
	if err != nil {
		h.t.Fatal(err)
	}
	if h.engine != nil {
		s.engine.Journal, s.engine.Outbox = h.engine.Journal, h.engine.Outbox
	}
	h.engine = s.engine
}

func (h *hq) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(time.Millisecond)
	return h.now
}

func (h *hq) pass(d time.Duration) { h.mu.Lock(); h.now = h.now.Add(d); h.mu.Unlock() }

func (h *hq) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *hq) wiki() string   { h.t.Helper(); return h.file("wiki.csv") }
func (h *hq) config() string { h.t.Helper(); return h.file("rolecall.yaml") }

func (h *hq) file(name string) string {
	h.t.Helper()
	data, err := os.ReadFile(filepath.Join(h.dir, name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(data)
}

// run is one run of a day's schedule.
func (h *hq) run() (*engine.Plan, engine.Report) {
	h.t.Helper()
	p, r, err := h.engine.Apply(context.Background(), engine.ApplyOptions{Actor: "test"})
	if err != nil {
		h.t.Fatal(err)
	}
	h.pass(25 * time.Hour)
	return p, r
}

// whole runs until nothing is left to do, and sees that everything was read.
func (h *hq) whole(people int) {
	h.t.Helper()
	h.run()
	p, r := h.run()
	if code := reportCode(p, r); code != exitDone || len(p.Changes) > 0 || p.Summary.People != people {
		h.t.Fatalf("a sound read of %d people: exit code %d, %d changes\n%s", p.Summary.People, code, len(p.Changes), reasons(p))
	}
}

// reasons are everything that a plan says against what was read, of roles too.
func reasons(p *engine.Plan) string {
	var b strings.Builder
	for i := range p.Proofs {
		for _, r := range p.Proofs[i].Reasons {
			fmt.Fprintf(&b, "%s: %s\n", r.Code, r.Detail)
		}
		for _, role := range p.Proofs[i].Roles {
			for _, r := range role.Reasons {
				fmt.Fprintf(&b, "%s %s: %s\n", role.Role, r.Code, r.Detail)
			}
		}
	}
	return b.String()
}

// holds runs three times, a day apart, with a read that lies: nothing may be taken and nothing given, and the first run
// already raises the alarm.
func (h *hq) holds(want string) {
	h.t.Helper()
	before := h.wiki()
	for n := range 3 {
		p, r := h.run()
		if takes, gives := moves(p); takes+gives > 0 || h.wiki() != before {
			h.t.Fatalf("run %d: %d taken, %d given\n%s", n+1, takes, gives, reasons(p))
		}
		for _, missing := range unalarmed(p, r, regexp.MustCompile(want)) {
			h.t.Errorf("run %d: %s:\n%s", n+1, missing, reasons(p))
		}
	}
}

// moves counts what a plan would take and give now.
func moves(p *engine.Plan) (takes, gives int) {
	for i := range p.Changes {
		switch c := &p.Changes[i]; {
		case c.State != engine.Ready:
		case c.Op.Takes():
			takes++
		case c.Op.Gives():
			gives++
		}
	}
	return takes, gives
}

// crookedCompany is forty people of whom two left, in two departments and with two titles, a group of all in two groups,
// and contractors.
func crookedCompany() []servers.Entry {
	entry := func(dn string, pairs ...string) servers.Entry {
		e := servers.Entry{DN: dn}
		for i := 0; i < len(pairs); i += 2 {
			e.Attributes = append(e.Attributes, servers.EntryAttribute{Name: pairs[i], Values: strings.Split(pairs[i+1], "|")})
		}
		return e
	}
	out := []servers.Entry{entry("", "objectClass", "OpenLDAProotDSE", "namingContexts", realSuffix), entry(realSuffix, "contextCSN", "20270104080000.000000Z#000000#001#000000")}
	people := func(i int) string { return fmt.Sprintf("uid=u%02d,ou=people,%s", i, realSuffix) }
	var teams [2][]string
	for i := range 40 {
		status := "staff"
		if i%20 == 7 {
			status = "terminated"
		}
		out = append(out, entry(people(i), "uid", fmt.Sprintf("u%02d", i), "cn", fmt.Sprintf("User %d", i), "mail", fmt.Sprintf("u%02d@example.com", i), "employeeNumber", fmt.Sprint(1000+i),
			"title", []string{"Clerk", "Engineer"}[i%2], "departmentNumber", fmt.Sprintf("D%d", i%3), "employeeType", status))
		teams[i%2] = append(teams[i%2], people(i))
	}
	group := func(name string, members ...string) {
		out = append(out, entry("cn="+name+",ou=groups,"+realSuffix, "cn", name, "entryUUID", "id-"+name, "member", strings.Join(members, "|")))
	}
	group("east", teams[0]...)
	group("west", teams[1]...)
	group("contractors", people(0), people(3), people(5), people(9), people(11))
	group("staff", "cn=east,ou=groups,"+realSuffix, "cn=west,ou=groups,"+realSuffix)
	return out
}
