package main

import (
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"
)

// TestCommandsOnRealServers is each command by which somebody changes access by hand, once on a directory's groups, on roles
// of PostgreSQL and on SCIM; what counts is what the servers say afterwards.
func TestCommandsOnRealServers(t *testing.T) {
	if testing.Short() {
		t.Skip("three servers; it runs without -short")
	}
	b := newBranch(t)
	b.types(exitDone, "apply")
	for _, command := range []struct {
		name string
		try  func()
	}{{"give", b.gives}, {"cut", b.cuts}, {"pause", b.pauses}, {"undo", b.undoes}, {"plan and apply a file", b.appliesFile}, {"adopt", b.adopts}} {
		if !t.Run(command.name, func(t *testing.T) { b.t = t; command.try(); b.t = t }) {
			return // what follows stands on it
		}
	}
	b.t = t
	b.types(exitDone, "audit", "verify")
	b.types(exitDone, "plan", "--exit-code")
}

// gives: an extra in each program, which comes and ends.
func (b *branch) gives() {
	b.types(exitDone, "give", "u007", "vpn/users", "--until", "2027-01-06", "--reason", "on call")
	b.types(exitDone, "give", "u003", "db/app_read", "--until", "2027-01-06", "--reason", "helps the builders")
	b.types(exitDone, "give", "u002", "crm/Sales", "--until", "2027-01-06", "--reason", "trade fair")
	b.expect(7, "crm+Sales")
	b.types(exitDone, "apply")
	for _, i := range []int{7, 3, 2} {
		b.expect(i, map[int]string{7: sells, 3: everything, 2: everything}[i])
	}
	for range 2 { // after a gap an end waits for one more run
		b.now = b.now.Add(72 * time.Hour)
		b.types(exitDone, "apply")
	}
	b.expect(7, "crm+Sales")
	b.expect(3, "vpn (db) crm+Sales")
	b.expect(2, "vpn db+app_read (crm)")
}

// cuts: at once and everywhere, and back after it is lifted.
func (b *branch) cuts() {
	const suspended = "(db+app_read) (crm+Sales)" // what cannot be suspended is taken
	b.types(exitDone, "cut", "u000", "--reason", "laptop stolen")
	b.expect(0, suspended)
	b.types(exitDone, "apply")
	b.expect(0, suspended)
	b.expect(1, everything)
	b.types(exitDone, "cut", "u000", "--lift", "--reason", "laptop found")
	b.expect(0, suspended)
	b.types(exitDone, "apply")
	b.expect(0, everything)
}

// pauses: nothing is begun in a paused program, also not for who leaves, and what waited is done once it goes on.
func (b *branch) pauses() {
	for _, program := range []string{"vpn", "db", "crm"} {
		b.types(exitDone, "pause", program, "--reason", "being moved")
	}
	b.joins(8)
	b.leaves(1)
	b.types(exitDone, "apply")
	b.sees(`^Run r\d+: 12 held by a pause\.`)
	b.expect(8, "")
	b.expect(1, everything)
	for _, step := range []struct{ program, joined, left string }{
		{"vpn", "vpn", "db+app_read crm+Sales"}, {"db", builds, "(db) crm+Sales"}, {"crm", everything, "(db) (crm)"},
	} {
		b.types(exitDone, "resume", step.program)
		b.types(exitDone, "apply")
		b.expect(8, step.joined)
		b.expect(1, step.left)
	}
}

// undoes: what a wrong list of members took comes back, and stays.
func (b *branch) undoes() {
	before := b.all()
	for _, group := range []string{"staff", "sales", "engineering"} {
		b.ldap.Modify(b.t, fmt.Sprintf("dn: cn=%s,ou=groups,%s\nchangetype: modify\ndelete: member\nmember: %s\n", group, realSuffix, personDN(8)))
	}
	b.types(exitDone, "apply")
	b.expect(8, "(db) (crm)")
	run := regexp.MustCompile(`(?m)^Run (r\d+): `).FindStringSubmatch(b.out)
	if run == nil {
		b.t.Fatalf("which run was it? %s", b.tail())
	}
	b.types(exitDone, "undo", run[1], "--reason", "wrong list")
	b.expect(8, "(db) (crm)")
	for range 2 {
		b.types(exitDone, "apply")
		if after := b.all(); after != before {
			b.t.Errorf("undone, it was\n%s\nand is\n%s", before, after)
		}
	}
}

// appliesFile: what was reviewed is made, what came later is not, and what no longer holds is not either.
func (b *branch) appliesFile() {
	b.leaves(4)
	b.leaves(6)
	before := b.all()
	b.types(exitDone, "plan", "--out", "plan.json")
	b.leaves(5) // nobody has reviewed that
	b.ldap.Modify(b.t, "dn: "+personDN(6)+"\nchangetype: modify\nreplace: employeeType\nemployeeType: staff\n")
	if after := b.all(); after != before {
		b.t.Errorf("a plan changed something: %s", after)
	}
	b.types(exitPartly, "apply", "plan.json")
	b.sees("no longer holds: .*u006")
	b.expect(4, "(db)")
	b.expect(5, sells)
	b.expect(6, builds)
	b.types(exitDone, "apply")
	b.expect(5, "(crm)")
}

// adopts: what somebody had before Rolecall becomes managed without being touched, and is taken when they leave.
func (b *branch) adopts() {
	b.pg.Exec(b.t, "CREATE ROLE u009_old LOGIN; GRANT app_read TO u009_old")
	user, _ := b.call(http.MethodPost, "/Users", map[string]any{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": "old@example.com", "active": true})["id"].(string)
	groups, _ := b.call(http.MethodGet, "/Groups", nil)["Resources"].([]any)
	group, _ := groups[0].(map[string]any)["id"].(string)
	b.call(http.MethodPatch, "/Groups/"+group, map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []any{map[string]any{"op": "add", "path": "members", "value": []any{map[string]string{"value": user}}}}})
	b.joins(9)
	b.ldap.Modify(b.t, "dn: cn=vpn,ou=apps,"+realSuffix+"\nchangetype: modify\nadd: member\nmember: "+personDN(9)+"\n")
	key := regexp.MustCompile(`entryUUID: (\S+)`).FindStringSubmatch(b.ldap.Search(b.t, personDN(9), "entryUUID"))[1]
	b.types(exitUsage, "adopt", "db", "--link", "u009_old="+key, "--reason", "hers") // accounts are known by the oid
	oid := b.pg.Exec(b.t, "SELECT oid FROM pg_roles WHERE rolname = 'u009_old'")
	b.sees("hint: it is the name of account " + oid + ": --link " + oid + "=" + key)
	b.types(exitDone, "adopt", "db", "--link", oid+"="+key, "--reason", "hers")
	b.types(exitDone, "adopt", "crm", "--link", user+"="+key, "--reason", "hers")
	const role = "SELECT rolcanlogin, (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid) FROM pg_roles r WHERE rolname = 'u009_old'"
	untouched := func(active bool, roles, members int, in bool) {
		b.t.Helper()
		if got, want := b.pg.Exec(b.t, role), fmt.Sprintf("%s|%d", map[bool]string{true: "t", false: "f"}[active], roles); got != want {
			b.t.Errorf("the role is %s instead of %s", got, want)
		}
		if got := b.call(http.MethodGet, "/Users/"+user, nil)["active"]; got != active {
			b.t.Errorf("the user is active: %v", got)
		}
		if n := len(regexp.MustCompile(`value:`+user).FindAllString(fmt.Sprint(b.call(http.MethodGet, "/Groups", nil)), -1)); n != members {
			b.t.Errorf("the user is %d times in the group", n)
		}
		if got := b.has(9); (got == "vpn") != in { // and no second account was made
			b.t.Errorf("u009 has %q besides", got)
		}
	}
	b.types(exitDone, "apply")
	b.sees(`^Run r\d+: 7 adopted\.`)
	untouched(true, 1, 1, true)
	b.leaves(9)
	b.types(exitDone, "apply")
	untouched(false, 0, 0, false)
}
