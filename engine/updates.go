package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// updates bring the attributes that the configuration names up to date in managed accounts. What the list does not show, or the
// directory's entry does not say, is unknown: nothing follows from it.
func (p *programPlan) updates() {
	p.endUpdated()
	if len(p.program.Update) == 0 || !p.complete || p.exists == none {
		return
	}
	if !p.program.Describes.Update {
		p.b.warn(NoticeUpdate, p.program.Name, "", fmt.Sprintf("%s can't change the attributes of an account, so update: keeps none of them up to date there; take it out, or change them there", p.program.Name))
		return
	}
	p.fought = p.changedLately()
	renamed, hidden := p.renamedNow(), map[string]int{}
	for i := range p.b.subjects {
		s := &p.b.subjects[i]
		if account, ok := p.followed(i); ok && s.employed() && !renamed[account] {
			p.update(s, account, hidden)
		}
	}
	p.noteHidden(hidden)
	p.noteUntaken()
}

// NoticeUpdate is the code of the warning that an attribute can't be kept up to date.
const NoticeUpdate = "update"

// followed is the account of a subject whose name and attributes follow the directory: one that is managed and shown, of somebody
// who is there, while no change of either is under way.
func (p *programPlan) followed(i int) (account uint32, ok bool) {
	account = p.account[i]
	return account, p.b.subjects[i].standing == present && account != none && p.sets.Managed.Has(p.exists, account) &&
		p.reading.info(account) != nil && !p.renaming[account] && !p.othersNow(account)
}

// employed: the person is there now; of whoever has not begun yet nothing is known for sure.
func (s *subject) employed() bool {
	return s.person != nil && (s.person.State == StateActive || s.person.State == StateAway)
}

// renamedNow are the accounts whose rename carries the attributes.
func (p *programPlan) renamedNow() map[uint32]bool {
	out := map[uint32]bool{}
	for i := range p.b.plan.Changes[p.from:] {
		if c := &p.b.plan.Changes[p.from+i]; c.Op == OpRename && c.State == Ready && !p.b.refused(c) {
			out[c.account] = true
		}
	}
	return out
}

// refused: somebody rejected the change, which will not be made.
func (b *builder) refused(c *Change) bool {
	f, ok := b.s.Memory.Fact(FactKey{Kind: FactItem, Key: itemID(c)})
	return ok && b.s.Memory.item(f.Key).State == Rejected
}

func (p *programPlan) update(s *subject, account uint32, hidden map[string]int) {
	to, why, long := p.outdated(s, account, hidden)
	if f, failing := p.failing(OpUpdate, p.exists, account); failing && len(to) == 0 {
		p.b.clear(f.FactKey)
	}
	if len(to)+len(long) == 0 {
		return
	}
	c := p.change(OpUpdate, p.exists, account, CauseRule, slices.Concat(why, long)...)
	if len(to) == 0 {
		p.add(block(c, long[0]))
		return
	}
	c.New = &NewAccount{Name: keptName(p.reading.info(account).Name), Person: s.key, Attributes: to}
	if n := p.fought[c.Account]; n >= mostInPlace && c.Failures == 0 {
		c.held, c.Reason = true, fmt.Sprintf("it was changed %d times within %s, and differs again: does somebody else set it back?", n, hours(inPlaceWindow))
	}
	p.addInPlace(c, account)
}

// addInPlace plans it, unless somebody rejected that or it failed lately. What is protected is touched by an approval only.
func (p *programPlan) addInPlace(c Change, account uint32) {
	p.inPlace(&c)
	p.leaveRejected(&c)
	if reason := p.frozen(c.Op, p.exists, account); reason != "" && c.State == Ready {
		c = block(c, reason)
	}
	if c.State == Ready && slices.Contains(p.program.Protected, c.Account) {
		c.held, c.Reason = true, "the account is protected"
	}
	p.add(c)
}

// inPlace charges a change of a name or of attributes. An approval covers the very values that it was given for.
func (p *programPlan) inPlace(c *Change) {
	c.basis = &basis{ChargeUpdate, valueHash(p.b.salt(), string(mustJSON(c.New)))}
}

// outdated are the attributes that the list shows otherwise than the directory's entry has them, each with both values; long says why
// others of them are left.
func (p *programPlan) outdated(s *subject, account uint32, hidden map[string]int) (to map[string]string, why, long []string) {
	for _, name := range p.program.Update {
		want := p.wanted(s, name)
		if want == "" {
			continue
		}
		have, shown := p.reading.info(account).Attributes[name]
		switch {
		case !shown:
			hidden[name]++
		case have == want:
			p.arrived(account, name)
		case len(want) > mostValue:
			long = append(long, tooLong(name, want))
		case !p.tried(s, account, name, want, have):
			to = with(to, name, want)
			why = append(why, fmt.Sprintf("%s is %s in the account, and %s by the directory's entry", name, quote(have), quote(want)))
		}
	}
	return to, why, long
}

func with(m map[string]string, name, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[name] = value
	return m
}

// arrived: the list shows the value, so whatever differs from now on is another matter.
func (p *programPlan) arrived(account uint32, name string) {
	if f, ok := p.b.s.Memory.Fact(updatedKey(p.program.Name, p.reading.accounts.Name(account), name)); ok {
		p.b.clear(f.FactKey)
	}
}

// wanted is what an attribute should be, "" where nobody can tell. What is no text would be another value once it was recorded.
func (p *programPlan) wanted(s *subject, name string) string {
	template := p.program.Attributes[name]
	if template == nil || s.person == nil {
		return ""
	}
	if value, missing := template(s.person); missing == "" && utf8.ValidString(value) {
		return value
	}
	return ""
}

// noteHidden tells once per program what can't be kept up to date, since nobody can see whether it is.
func (p *programPlan) noteHidden(hidden map[string]int) {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(hidden)) {
		parts = append(parts, fmt.Sprintf("%s of %s", name, plural(hidden[name], "account", "accounts")))
	}
	if len(parts) > 0 && p.b.s.Person == "" {
		p.b.warn(NoticeUpdate, p.program.Name, "", fmt.Sprintf("the list of %s does not show %s, so nobody can tell whether it is up to date, and it is left as it is", p.program.Name, strings.Join(parts, ", ")))
	}
}
