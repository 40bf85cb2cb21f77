package engine

import (
	"fmt"
	"slices"
	"sort"
	"strings"
)

// Tolerance says how much less than the last accepted read a read may show. Ratios are between 0 and 1.
type Tolerance struct {
	People     float64 // of all people, and of those in each part of the tree, that must still be there
	Attributes float64 // of those who had an attribute that must still have it
	Holders    float64 // of a role's holders that must still hold it
	Small      int     // a loss of so many always passes, whatever the ratio
}

// DefaultTolerance is what holds unless configured: nine tenths of people and holders, 95 of 100 for attributes, and a
// loss of up to three passes, so that small companies and small teams can change.
func DefaultTolerance() Tolerance {
	return Tolerance{People: 0.90, Attributes: 0.95, Holders: 0.90, Small: 3}
}

// AttributeCount is the name under which Proof.Counts says how many people have an attribute; all other names are parts
// of the tree.
func AttributeCount(attribute string) string { return "attribute " + attribute }

// Judge compares a proof with the last accepted one (nil: there is none yet) and gives it back with every reason that
// follows (once each: judging twice adds nothing): fewer people, parts of the tree or attributes than t allows, an empty answer, a snapshot older than the
// accepted one. Those are against the whole read. What concerns one role is against that role alone: it lost too many
// holders, it is another object than before, or it is named by policy and is not there. A first read is accepted unless
// it is empty. named lists the roles of policy as "source:name". Judge is pure; p's slices are not changed.
func Judge(p Proof, accepted *Proof, named []string, t Tolerance) Proof {
	p.Reasons, p.Roles, p.Partners = slices.Clone(p.Reasons), slices.Clone(p.Roles), slices.Clone(p.Partners)
	silent := p.hasReason(ReasonUnreachable) || p.hasReason(ReasonRefused) // no answer is not an empty one
	if p.Count == 0 && !silent && !p.hasReason(ReasonEmpty) {
		p.Add(ReasonEmpty, p.Source+" shows nobody; look at its people base, filter and rights")
	}
	if !silent {
		judgeRoles(&p, accepted, t)
	}
	for i := range p.Partners {
		p.Partners[i] = Judge(p.Partners[i], accepted.partner(p.Partners[i].Source), nil, t)
	}
	missingRoles(&p, named)
	if accepted == nil || silent {
		return p
	}
	if OlderMark(p.Mark, accepted.Mark) {
		p.once(ReasonOlder, fmt.Sprintf("%s shows %s, but %s was already acted on; look whether a replica lags or a file was restored", p.Source, p.Mark, accepted.Mark))
	}
	if p.hasReason(ReasonPartial) {
		return p // it shows fewer, and why: there is nothing that somebody could approve
	}
	if t.lost(p.Count, accepted.Count, t.People) {
		p.once(ReasonBaseline, fewer(p.Source, "people", p.Count, accepted.Count))
	}
	judgeCounts(&p, accepted, t)
	return p
}

// lost says whether now is too few after before.
func (t Tolerance) lost(now, before int, ratio float64) bool {
	return before-now > t.Small && float64(now) < ratio*float64(before)
}

func fewer(where, what string, now, before int) string {
	return fmt.Sprintf("%s shows %d %s after %d; if that is right, approve it as the new baseline", where, now, what, before)
}

func judgeCounts(p *Proof, accepted *Proof, t Tolerance) {
	for _, before := range accepted.Counts {
		now, code, ratio, what := p.countOf(before.Name), ReasonBaseline, t.People, "people in "+before.Name
		if name, ok := strings.CutPrefix(before.Name, AttributeCount("")); ok {
			code, ratio, what = ReasonAttribute, t.Attributes, "people with "+name
		}
		if t.lost(now, before.N, ratio) {
			p.once(code, fewer(p.Source, what, now, before.N))
		}
	}
}

func judgeRoles(p *Proof, accepted *Proof, t Tolerance) {
	if accepted == nil {
		return
	}
	for _, before := range accepted.Roles {
		i := slices.IndexFunc(p.Roles, func(r RoleProof) bool { return r.Role == before.Role })
		if i < 0 {
			i = p.vanished(before)
		}
		if i >= 0 {
			judgeRole(p, &p.Roles[i], before, t)
		}
	}
	judgeSources(p, accepted, t)
}

// judgeSources adds up the holders of all roles of a source: a server that hides members hides those of each small team,
// and each such loss alone would pass. Members of new roles make up for those of others.
func judgeSources(p *Proof, accepted *Proof, t Tolerance) {
	old, now, before := map[string]int{}, map[string]int{}, map[string]int{}
	for _, r := range accepted.Roles {
		old[r.Role] = r.Holders
	}
	for _, r := range p.Roles {
		if source, _, _ := strings.Cut(r.Role, ":"); len(r.Reasons) == 0 {
			now[source] += r.Holders
			before[source] += old[r.Role]
		}
	}
	for i := range p.Roles {
		r := &p.Roles[i]
		source, _, _ := strings.Cut(r.Role, ":")
		if len(r.Reasons) == 0 && r.Holders < old[r.Role] && t.lost(now[source], before[source], t.Holders) {
			r.once(ReasonBaseline, fewer(p.Source, "holders of all roles of "+source, now[source], before[source]))
		}
	}
}

func judgeRole(p *Proof, r *RoleProof, before RoleProof, t Tolerance) {
	if len(r.Reasons) > 0 {
		return // unknown already, so its holders were not all counted
	}
	if before.ID != "" && r.ID != "" && before.ID != r.ID {
		r.once(ReasonBaseline, fmt.Sprintf("%s is another object (%s) than before (%s); if that is right, approve it", r.Role, r.ID, before.ID))
	}
	if t.lost(r.Holders, before.Holders, t.Holders) {
		r.once(ReasonBaseline, fewer(p.Source, "holders of "+r.Role, r.Holders, before.Holders))
	}
}

// vanished adds a role that had holders and now has none, where the names of a source are whatever its values are (its
// "source:*" is shown, without reasons). A group that is not there any more is another matter: see missingRoles.
func (p *Proof) vanished(before RoleProof) int {
	source, _, _ := strings.Cut(before.Role, ":")
	if open, ok := p.role(source + ":*"); !ok || len(open.Reasons) > 0 {
		return -1
	}
	p.Roles = append(p.Roles, RoleProof{Role: before.Role})
	return len(p.Roles) - 1
}

// missingRoles adds a role proof for each named role that neither the source nor a partner shows, not even as
// "source:*": a group that is not there.
func missingRoles(p *Proof, named []string) {
	for _, role := range named {
		if p.shows(role) {
			continue
		}
		detail := "policy names " + role + ", which " + p.Source + " does not show; look for another spelling, or remove the rule"
		if p.broken() {
			detail = "policy names " + role + ", and it can't be seen while a directory can't be read to its end"
		}
		p.Roles = append(p.Roles, RoleProof{Role: role, Reasons: []Reason{{ReasonRoleMissing, detail}}})
	}
	sort.SliceStable(p.Roles, func(i, j int) bool { return p.Roles[i].Role < p.Roles[j].Role })
}

func (p *Proof) shows(role string) bool {
	source, _, _ := strings.Cut(role, ":")
	if _, ok := p.role(role); ok {
		return true
	}
	if _, ok := p.role(source + ":*"); ok {
		return true
	}
	return slices.ContainsFunc(p.Partners, func(q Proof) bool { return q.shows(role) })
}

// Accept gives the proof to remember as the baseline after a read was judged: the read itself, with the former figures of
// roles that are unknown in it, and the former mark if the source told none this time; or the former baseline if the read
// is not complete.
func Accept(p Proof, before *Proof) *Proof {
	if !p.Complete() {
		return before
	}
	next := p
	next.Notices, next.Partners = nil, nil
	if before != nil && next.Mark == "" { // else a replica that lags would be believed after one read without a mark
		next.Mark = before.Mark
	}
	next.Roles = make([]RoleProof, 0, len(p.Roles))
	for _, r := range p.Roles {
		if len(r.Reasons) == 0 {
			next.Roles = append(next.Roles, r)
		} else if old, ok := before.role(r.Role); ok {
			next.Roles = append(next.Roles, old)
		}
	}
	for _, q := range p.Partners {
		if q := Accept(q, before.partner(q.Source)); q != nil {
			next.Partners = append(next.Partners, *q)
		}
	}
	return &next
}

// Excuse gives the proof without the reasons of one code, of its roles and partners too: somebody approved them.
func Excuse(p Proof, code string) Proof {
	drop := func(rs []Reason) []Reason {
		return slices.DeleteFunc(slices.Clone(rs), func(r Reason) bool { return r.Code == code })
	}
	p.Reasons, p.Roles, p.Partners = drop(p.Reasons), slices.Clone(p.Roles), slices.Clone(p.Partners)
	for i := range p.Roles {
		p.Roles[i].Reasons = drop(p.Roles[i].Reasons)
	}
	for i := range p.Partners {
		p.Partners[i] = Excuse(p.Partners[i], code)
	}
	return p
}

func (r *RoleProof) once(code, detail string) {
	if reason := (Reason{code, detail}); !slices.Contains(r.Reasons, reason) {
		r.Reasons = append(slices.Clone(r.Reasons), reason)
	}
}

func (p *Proof) once(code, detail string) {
	if !slices.Contains(p.Reasons, Reason{code, detail}) {
		p.Add(code, detail)
	}
}

func (p *Proof) hasReason(code string) bool {
	return slices.ContainsFunc(p.Reasons, func(r Reason) bool { return r.Code == code })
}

func (p *Proof) countOf(name string) int {
	i, ok := sort.Find(len(p.Counts), func(i int) int { return strings.Compare(name, p.Counts[i].Name) })
	if !ok {
		return 0
	}
	return p.Counts[i].N
}

func (p *Proof) role(name string) (RoleProof, bool) {
	if p == nil {
		return RoleProof{}, false
	}
	i := slices.IndexFunc(p.Roles, func(r RoleProof) bool { return r.Role == name })
	if i < 0 {
		return RoleProof{}, false
	}
	return p.Roles[i], true
}

func (p *Proof) partner(source string) *Proof {
	if p == nil {
		return nil
	}
	for i := range p.Partners {
		if p.Partners[i].Source == source {
			return &p.Partners[i]
		}
	}
	return nil
}
