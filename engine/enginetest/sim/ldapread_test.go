package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// readLDAP reads people over the pager, holds what comes against what the model shows, and adds what the partner tells.
func (l *ldapSide) readLDAP(ctx context.Context, r *read, from []*person, hidden map[string]bool, yield func(engine.Person) error) (engine.Proof, error) {
	l.stage(r, from, hidden)
	var got []engine.Person
	proof, err := l.m.cur.ldap.People(ctx, func(p engine.Person) error { got = append(got, p); return nil })
	l.m.check.ok(I1)
	if thrown := l.failing(r.fault); thrown || err != nil {
		if err == nil || !thrown || proof.Count > 0 || len(got) > 0 {
			l.m.fail(I1, "the directory's read goes wrong by %q, and what comes is %d people and %v", r.fault, len(got), err)
		}
		return engine.Proof{Source: "corp"}, err
	}
	l.compare(r, got, &proof)
	for i := range got {
		if err := yield(l.joined(r, &got[i])); err != nil {
			return proof, err
		}
	}
	return proof, nil
}

// joined is somebody with the roles that the partner tells.
func (l *ldapSide) joined(r *read, p *engine.Person) engine.Person {
	is, out := r.people[p.Key], *p
	if is == nil {
		return out
	}
	for _, role := range slices.Backward(is.Roles) {
		if !isRole(role) {
			out.Roles = slices.Insert(slices.Clone(out.Roles), 0, role)
		}
	}
	for _, role := range is.Missing {
		if role[0] == 'h' {
			out.Miss(role)
		}
	}
	if out.Changed += fmt.Sprint(out.Roles); len(out.Missing) > 0 {
		out.Changed = ""
	}
	return out
}

// failing says whether such a read brings nothing at all.
func (l *ldapSide) failing(fault string) bool {
	switch fault {
	case "unreachable", "breaks", "wrong password", "wrong password, not sent again", "no rights", "panics":
		return true
	}
	return false
}

// compare [I1]: what came over the pager is what the servers hold, as far as they showed it: people, states, roles, counts, and the
// reasons why not all of it came.
func (l *ldapSide) compare(r *read, got []engine.Person, proof *engine.Proof) {
	var have, want []string
	for i := range got {
		have = append(have, l.text(&got[i]))
	}
	for _, key := range slices.Sorted(maps.Keys(r.people)) {
		want = append(want, l.text(r.people[key]))
	}
	for _, c := range proof.Counts {
		if have = append(have, fmt.Sprint(c.Name, " ", c.N)); r.counts[c.Name] == 0 && c.N == 0 {
			r.counts[c.Name] = 0
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.counts)) {
		want = append(want, fmt.Sprint(name, " ", r.counts[name]))
	}
	have, want = append(have, reasonsOf(proof)...), append(want, l.reasons(r)...)
	have, want = append(have, l.holdersOf(proof)), append(want, l.holdersWanted(r))
	have, want = append(have, fmt.Sprint(versionOf(proof.Mark))), append(want, fmt.Sprint(r.mark))
	if !slices.Equal(have, want) {
		l.m.fail(I1, "the directory's read (%q) brings\n%s\nwhere there is\n%s", r.fault, strings.Join(have, "\n"), strings.Join(want, "\n"))
	}
}

func (l *ldapSide) text(p *engine.Person) string {
	ours := func(all []string) (out []string) {
		for _, role := range all {
			if isRole(role) {
				out = append(out, role)
			}
		}
		return out
	}
	return fmt.Sprint(p.Key, " ", p.Login(), " ", p.State, " ", p.Marked, " ", ours(p.Roles), " ", ours(p.Missing))
}

func reasonsOf(proof *engine.Proof) (out []string) {
	for _, reason := range proof.Reasons {
		out = append(out, reason.Code)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// reasons is why the read is not complete, as the source itself can tell, sorted.
func (l *ldapSide) reasons(r *read) (out []string) {
	if l.mute(r) {
		out = append(out, engine.ReasonCanary)
	}
	if len(r.people) == 0 {
		out = append(out, engine.ReasonEmpty)
	}
	if r.fault == "partial" {
		out = append(out, engine.ReasonPartial)
	}
	return out
}

// mute says that the canary is not shown, or lacks its value.
func (l *ldapSide) mute(r *read) bool {
	return l.canary && (r.people[theCanary] == nil || r.fault == "canary")
}

// holdersOf tells the roles that were read, with their holders.
func (l *ldapSide) holdersOf(proof *engine.Proof) string {
	text := ""
	for _, role := range proof.Roles {
		if role.Holders > 0 || l.roles != "attribute" && !strings.HasSuffix(role.Role, "*") {
			text += fmt.Sprint(role.Role, " ", role.Holders, " ")
		}
		if len(role.Reasons) > 0 {
			text += role.Role + " in doubt "
		}
	}
	return text
}

func (l *ldapSide) holdersWanted(r *read) string {
	text := ""
	if r.fault == "members unseen" {
		text = "r:* in doubt "
	}
	for i, name := range teams() {
		role := "r:" + name
		gone := r.fault == "group gone" && l.gone == role || r.fault == "members unseen" && i >= l.seen
		if !gone && (r.holders[role] > 0 || l.roles != "attribute") {
			text += fmt.Sprint(role, " ", r.holders[role], " ")
		}
	}
	return text
}
