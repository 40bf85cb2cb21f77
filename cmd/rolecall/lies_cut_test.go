package main

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// soaking says that the long tests run: `make soak` sets it.
func soaking() bool { return os.Getenv("ROLECALL_SOAK") != "" }

// behindCutter is a company of n people in slapd whose line can be cut.
func behindCutter(t *testing.T, n, pageSize int) (*hq, *servers.Cutter) {
	t.Helper()
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: cutCompany(n), Overlays: []string{"syncprov"}})
	c := servers.NewCutter(t, strings.TrimPrefix(s.URL, "ldap://"))
	h := newHQ(t, "ldap://"+c.Address, pageSize, nil)
	h.whole(n)
	return h, c
}

// cutCompany is the LDIF of n people in groups of a hundred and in departments, and a group of all.
func cutCompany(n int) string {
	var b strings.Builder
	entry := func(dn string, lines ...string) {
		b.WriteString("dn: " + dn + "\n" + strings.Join(lines, "\n") + "\n\n")
	}
	entry(realSuffix, "objectClass: domain", "dc: example")
	entry("ou=people,"+realSuffix, "objectClass: organizationalUnit", "ou: people")
	entry("ou=groups,"+realSuffix, "objectClass: organizationalUnit", "ou: groups")
	var teams []string
	members := []string{"objectClass: groupOfNames"}
	for i := range n {
		uid := "u" + strconv.Itoa(i)
		dn := "uid=" + uid + ",ou=people," + realSuffix
		status := "staff"
		if i%50 == 7 {
			status = "terminated"
		}
		entry(dn, "objectClass: inetOrgPerson", "uid: "+uid, "cn: Person "+strconv.Itoa(i), "sn: Person", "mail: "+uid+"@example.com", "employeeNumber: "+strconv.Itoa(i),
			"employeeType: "+status, "title: "+[]string{"Clerk", "Engineer"}[i%2], "departmentNumber: D"+strconv.Itoa(i%3))
		members = append(members, "member: "+dn)
		if len(members) == 101 || i == n-1 {
			team := "cn=team" + strconv.Itoa(i/100) + ",ou=groups," + realSuffix
			entry(team, append(members, "cn: team"+strconv.Itoa(i/100))...)
			teams, members = append(teams, "member: "+team), members[:1]
		}
	}
	entry("cn=staff,ou=groups,"+realSuffix, append(teams, "objectClass: groupOfNames", "cn: staff")...)
	entry("cn=contractors,ou=groups,"+realSuffix, "objectClass: groupOfNames", "cn: contractors", "member: uid=u3,ou=people,"+realSuffix)
	return b.String()
}

// cutOnce runs with one cut, a day after the run before: nothing may change, and what was cut is told, unless the cut was
// behind all answers or the read could begin anew.
func (h *hq) cutOnce(c *servers.Cutter, cut servers.Cut, before string) (told bool) {
	h.t.Helper()
	c.Reset(cut)
	p, r := h.run()
	takes, gives := moves(p)
	if takes+gives > 0 || h.wiki() != before {
		h.t.Fatalf("%+v: %d taken, %d given\n%s", cut, takes, gives, reasons(p))
	}
	told = strings.Contains(reasons(p), "cut") || strings.Contains(reasons(p), "unreachable")
	if told != (reportCode(p, r) != exitDone) {
		h.t.Fatalf("%+v: exit code %d\n%s", cut, reportCode(p, r), reasons(p))
	}
	return told
}

// cutAtBytes cuts the talk at n places, evenly spread from the first byte to the last.
func (h *hq) cutAtBytes(c *servers.Cutter, n int) {
	h.t.Helper()
	c.Reset(servers.Cut{})
	h.run()
	total, requests := c.Passed()
	before := h.wiki()
	for i := range n {
		at := 1 + (total-2)*int64(i)/int64(max(1, n-1))
		if !h.cutOnce(c, servers.Cut{Bytes: at}, before) {
			h.t.Fatalf("cut after %d of %d bytes, and nobody is told", at, total)
		}
	}
	h.t.Logf("%d cuts in %d bytes, %d requests", n, total, requests)
}

// cutAtPages cuts the talk at each request: before its answer, and within. It gives the number of cuts.
func (h *hq) cutAtPages(c *servers.Cutter, parts ...int64) (cuts int) {
	h.t.Helper()
	c.Reset(servers.Cut{})
	h.run()
	_, requests := c.Passed()
	before, told := h.wiki(), 0
	for request := 1; request <= requests; request++ {
		for _, part := range parts {
			if h.cutOnce(c, servers.Cut{Request: request, Part: part}, before) {
				told++
			}
		}
	}
	h.t.Logf("%d requests cut at %v, %d of them told", requests, parts, told)
	if told < requests*len(parts)/2 {
		h.t.Errorf("only %d of %d cuts were told", told, requests*len(parts))
	}
	return requests * len(parts)
}

func TestLineIsCut(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of reads of 2,000 people; it runs without -short")
	}
	cuts := 150
	if soaking() {
		cuts = 1000
	}
	h, c := behindCutter(t, 2000, 200)
	h.cutAtBytes(c, cuts)
	pages := h.cutAtPages(c, 0, 100)
	c.Reset(servers.Cut{})
	h.whole(2000)
	survived(t, "the line cut at a byte of a read of 2,000 people", cuts)
	survived(t, "the line cut before or within a page of a read of 2,000 people", pages)
}

// TestLineIsCutOfABigCompany is part of `make soak`.
func TestLineIsCutOfABigCompany(t *testing.T) {
	if !soaking() {
		t.Skip("100,000 people; `make soak` runs it")
	}
	const cuts = 20
	h, c := behindCutter(t, 100_000, 1000)
	h.cutAtBytes(c, cuts)
	pages := h.cutAtPages(c, 0)
	c.Reset(servers.Cut{})
	h.whole(100_000)
	survived(t, "the line cut at a byte of a read of 100,000 people", cuts)
	survived(t, "the line cut before a page of a read of 100,000 people", pages)
}
