package engine_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	. "github.com/rolecall/rolecall/engine"
)

func codes(rs []Reason) (out []string) {
	for _, r := range rs {
		out = append(out, r.Code)
	}
	return out
}

func TestJudge(t *testing.T) {
	before := Proof{Source: "corp", Count: 100, Mark: "time:2027-01-02", Counts: []Count{{"attribute mail", 90}, {"ou=a", 60}, {"ou=b", 4}},
		Roles: []RoleProof{{Role: "group:go", ID: "1", Holders: 40}, {Role: "group:old", Holders: 3}, {Role: "title:*"}, {Role: "title:cto", Holders: 1}, {Role: "title:smith", Holders: 40}}}
	for _, c := range []struct {
		name       string
		change     func(p *Proof)
		read, role string // codes expected
	}{
		{"nothing", func(*Proof) {}, "[]", "[]"},
		{"ten of a hundred less", func(p *Proof) { p.Count = 90 }, "[]", "[]"},
		{"eleven less", func(p *Proof) { p.Count = 89 }, "[baseline]", "[]"},
		{"nobody", func(p *Proof) { p.Count = 0 }, "[empty baseline]", "[]"},
		{"half a branch", func(p *Proof) { p.Counts = []Count{{"attribute mail", 90}, {"ou=a", 30}, {"ou=b", 4}} }, "[baseline]", "[]"},
		{"a small branch but one", func(p *Proof) { p.Counts = []Count{{"attribute mail", 90}, {"ou=a", 60}, {"ou=b", 1}} }, "[]", "[]"},
		{"a branch gone", func(p *Proof) { p.Counts = []Count{{"attribute mail", 90}, {"ou=a", 60}} }, "[baseline]", "[]"},
		{"six in a hundred lost the attribute", func(p *Proof) { p.Counts = []Count{{"attribute mail", 85}, {"ou=a", 60}, {"ou=b", 4}} }, "[attribute]", "[]"},
		{"an older replica", func(p *Proof) { p.Mark = "time:2027-01-01" }, "[older]", "[]"},
		{"a group half empty", func(p *Proof) { p.Roles[0].Holders = 20 }, "[]", "[baseline]"},
		{"a group made anew", func(p *Proof) { p.Roles[0].ID = "2" }, "[]", "[baseline]"},
		{"a named group gone", func(p *Proof) { p.Roles = slices.Delete(p.Roles, 0, 1) }, "[]", "[role-missing]"},
		{"an unnamed group gone", func(p *Proof) { p.Roles = slices.Delete(p.Roles, 1, 2) }, "[]", "[]"},
		{"the last holder of a title gone", func(p *Proof) { p.Roles = slices.Delete(p.Roles, 3, 4) }, "[]", "[]"},
		{"a title renamed", func(p *Proof) { p.Roles = slices.Delete(p.Roles, 4, 5) }, "[]", "[baseline]"},
	} {
		p := before
		p.Roles = slices.Clone(before.Roles)
		c.change(&p)
		got := Judge(p, &before, []string{"group:go", "title:cto", "title:smith"}, DefaultTolerance())
		var roles []string
		for _, r := range got.Roles {
			roles = append(roles, codes(r.Reasons)...)
		}
		if fmt.Sprint(codes(got.Reasons)) != c.read || fmt.Sprint(roles) != c.role {
			t.Errorf("%s: %v %v, want %s %s", c.name, got.Reasons, roles, c.read, c.role)
		}
		if again := Judge(got, &before, []string{"group:go"}, DefaultTolerance()); fmt.Sprint(again) != fmt.Sprint(got) {
			t.Errorf("%s: judged twice: %v, once: %v", c.name, again, got)
		}
		if !slices.Equal(codes(p.Reasons), nil) {
			t.Errorf("%s: the argument was changed", c.name)
		}
	}
}

// Many small losses are one great one: a server that hides members hides those of each team, of which three may pass.
func TestManySmallLosses(t *testing.T) {
	before := Proof{Source: "corp", Count: 40}
	for i := range 12 {
		before.Roles = append(before.Roles, RoleProof{Role: fmt.Sprintf("group:t%02d", i), Holders: 3}, RoleProof{Role: fmt.Sprintf("title:x%02d", i), Holders: 3})
	}
	slices.SortFunc(before.Roles, func(a, b RoleProof) int { return strings.Compare(a.Role, b.Role) })
	now := before
	now.Roles = slices.Clone(before.Roles)
	for i := range 2 {
		now.Roles[i].Holders = 1
	}
	if p := Judge(now, &before, nil, DefaultTolerance()); len(p.Unseen()) != 2 {
		t.Errorf("four of thirty-six less: unknown are %v", p.Unseen())
	}
	now.Roles[1].Holders = 2
	if p := Judge(now, &before, nil, DefaultTolerance()); len(p.Unseen()) != 0 {
		t.Errorf("three of thirty-six less: unknown are %v", p.Unseen())
	}
	for i := range 12 {
		now.Roles[i].Holders = 0
	}
	if p := Judge(now, &before, nil, DefaultTolerance()); len(p.Unseen()) != 12 || !p.Complete() {
		t.Errorf("all less: unknown are %v, %v", p.Unseen(), p.Reasons)
	}
	now.Roles = append(slices.Clone(now.Roles[12:]), RoleProof{Role: "group:all", Holders: 36}) // other teams, as many people
	if p := Judge(now, &before, nil, DefaultTolerance()); len(p.Unseen()) != 0 {
		t.Errorf("reorganised: unknown are %v", p.Unseen())
	}
}

func TestFirstRead(t *testing.T) {
	p := Judge(Proof{Source: "corp", Count: 1}, nil, nil, DefaultTolerance())
	if !p.Complete() || Accept(p, nil) == nil {
		t.Error(p)
	}
	if e := Judge(Proof{Source: "corp"}, nil, nil, DefaultTolerance()); e.Complete() || Accept(e, nil) != nil {
		t.Error("an empty first read was accepted")
	}
	if p := Judge(Proof{Source: "corp", Count: 1}, nil, []string{"group:x"}, DefaultTolerance()); !slices.Equal(p.Unseen(), []string{"group:x"}) {
		t.Error("a role that policy names and nobody shows is unknown: ", p)
	}
}

// No answer is no empty one, and one that was cut off names its own reason: in neither is there a baseline to approve.
func TestJudgeOfWhatWasNotRead(t *testing.T) {
	before := Proof{Source: "corp", Count: 100, Counts: []Count{{AttributeCount("mail"), 90}}, Roles: []RoleProof{{Role: "group:a", Holders: 50}}}
	for _, code := range []string{ReasonUnreachable, ReasonRefused, ReasonPartial} {
		p := Proof{Source: "corp", Reasons: []Reason{{code, "why"}}}
		if code == ReasonPartial {
			p.Count = 1
		}
		if got := codes(Judge(p, &before, nil, DefaultTolerance()).Reasons); !slices.Equal(got, []string{code}) {
			t.Errorf("%s became %v", code, got)
		}
	}
}

func TestOlderMark(t *testing.T) {
	for _, c := range []struct {
		mark, than string
		older      bool
	}{
		{"", "", false}, {"", "time:2027", false}, {"time:2026", "time:2027", true}, {"time:2027", "time:2027", false},
		{"usn:dc1:9", "usn:dc1:10", true}, {"usn:dc1:10", "usn:dc1:9", false}, {"usn:dc2:9", "usn:dc1:10", false}, {"usn:x", "usn:dc1:10", false},
		{"csn:1#0#001#0", "csn:2#0#001#0", true}, {"csn:3#0#001#0", "csn:2#0#001#0", false},
		{"csn:3#0#001#0", "csn:2#0#001#0;1#0#002#0", true}, {"csn:1#0#002#0;2#0#001#0", "csn:2#0#001#0;1#0#002#0", false}, {"time:1", "csn:2#0#001#0", false},
	} {
		if got := OlderMark(c.mark, c.than); got != c.older {
			t.Errorf("%q older than %q: %v", c.mark, c.than, got)
		}
	}
}

func drawProof(t *rapid.T, name string) Proof {
	p := Proof{Source: "s", Count: rapid.IntRange(0, 200).Draw(t, name)}
	for _, n := range []string{"attribute mail", "ou=a", "ou=b"} {
		p.Counts = append(p.Counts, Count{n, rapid.IntRange(0, 100).Draw(t, n)})
	}
	for _, r := range []string{"group:a", "group:b", "title:*", "title:x"} {
		if rapid.Bool().Draw(t, r) {
			p.Roles = append(p.Roles, RoleProof{Role: r, Holders: rapid.IntRange(0, 50).Draw(t, r)})
		}
	}
	return p
}

// Whatever two reads show: small losses pass, greater ones never do, more is never a reason, and what was accepted is
// accepted again.
func TestJudgeProperties(t *testing.T) {
	tol := DefaultTolerance()
	rapid.Check(t, func(t *rapid.T) {
		before, now := drawProof(t, "before"), drawProof(t, "now")
		got := Judge(now, &before, []string{"group:a", "title:x"}, tol)
		lost := func(now, before int, ratio float64) bool {
			return before-now > 3 && float64(now) < ratio*float64(before)
		}
		want := now.Count == 0 || lost(now.Count, before.Count, .90)
		for i, c := range before.Counts {
			want = want || lost(now.Counts[i].N, c.N, map[bool]float64{true: .95, false: .90}[c.Name == "attribute mail"])
		}
		if got.Complete() == want {
			t.Fatalf("complete %v: %+v after %+v", got.Complete(), now, before)
		}
		for _, r := range got.Roles {
			i := slices.IndexFunc(before.Roles, func(b RoleProof) bool { return b.Role == r.Role })
			together := slices.ContainsFunc(r.Reasons, func(r Reason) bool { return strings.Contains(r.Detail, "holders of all roles of") })
			if i >= 0 && together && r.Holders < before.Roles[i].Holders {
				continue // a small loss that counts with those of the source's other roles
			}
			if i >= 0 && lost(r.Holders, before.Roles[i].Holders, .90) != (len(r.Reasons) > 0) && !slices.Contains(codes(r.Reasons), ReasonRoleMissing) {
				t.Fatalf("%+v after %+v", r, before.Roles[i])
			}
		}
		if base := Accept(got, nil); base != nil {
			if again := Judge(*base, base, nil, tol); !again.Complete() || len(again.Unseen()) > 0 {
				t.Fatalf("accepted, then refused: %+v", again)
			}
		}
		if got := Accept(got, &before); !got.Complete() {
			t.Fatal("an incomplete read became the baseline")
		}
	})
}

// A role that is unknown keeps its former figures, or it would be let through next time.
func TestAcceptKeepsUnknownRoles(t *testing.T) {
	before := Proof{Source: "s", Count: 100, Roles: []RoleProof{{Role: "group:a", Holders: 50}}}
	now := Proof{Source: "s", Count: 100, Roles: []RoleProof{{Role: "group:a", Holders: 5}}}
	for range 3 {
		judged := Judge(now, &before, nil, DefaultTolerance())
		if len(judged.Unseen()) != 1 {
			t.Fatal("the loss was forgotten")
		}
		before = *Accept(judged, &before)
	}
	excused := Excuse(Judge(now, &before, nil, DefaultTolerance()), ReasonBaseline)
	if len(excused.Unseen()) != 0 || Accept(excused, &before).Roles[0].Holders != 5 {
		t.Error("an approved loss must become the baseline")
	}
}

// When an attribute is hidden, a leaver's mark may be what is missing: such entries say nothing. Missing entries are
// another matter.
func TestEntriesComplete(t *testing.T) {
	before := Proof{Count: 100, Counts: []Count{{AttributeCount("status"), 50}}}
	hidden := Judge(Proof{Count: 100, Counts: []Count{{AttributeCount("status"), 0}}}, &before, nil, DefaultTolerance())
	fewer := Judge(Proof{Count: 50, Counts: []Count{{AttributeCount("status"), 50}}}, &before, nil, DefaultTolerance())
	if hidden.EntriesComplete() || hidden.Complete() || !fewer.EntriesComplete() || fewer.Complete() {
		t.Errorf("%v %v", hidden, fewer)
	}
}

// A first read that does not show a role says nothing of it: there is no former figure to keep.
func TestAcceptOfAFirstReadWithAnUnknownRole(t *testing.T) {
	first := Proof{Source: "s", Count: 1, Roles: []RoleProof{{Role: "group:a", Holders: 1}}}
	got := Accept(Judge(first, nil, []string{"group:b"}, DefaultTolerance()), nil)
	if got == nil || !slices.EqualFunc(got.Roles, first.Roles, func(a, b RoleProof) bool { return a.Role == b.Role }) {
		t.Errorf("%+v", got)
	}
}
