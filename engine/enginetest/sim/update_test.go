package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// keeps: in these histories app keeps the title up to date.
func (m *model) keeps() bool { return m.seed%4 == 1 && m.ldap == nil && m.over("app") == nil }

func (p *person) titled(title string) {
	p.Attributes = slices.Clone(p.Attributes).With(engine.Attribute{Name: "title", Values: []string{title}})
}

func titleOf(p *engine.Person) (title, missing string) {
	if title = p.Attributes.First("title"); title == "" {
		return "", "title"
	}
	return title, ""
}

// takes is what app makes of a title: just that, in other letters, or nothing.
func (m *model) takes(_, value string) string {
	switch m.seed % 20 {
	case 5:
		m.fault("program: value changed", "app makes another title of %q", value)
		return strings.ToUpper(value)
	case 9:
		m.fault("program: value ignored", "app ignores the title %q", value)
		return ""
	}
	return value
}

func inPlace(op engine.Op) bool { return op == engine.OpRename || op == engine.OpUpdate }

// newOf is what an intent makes of an account.
func newOf(r *engine.Record) *engine.NewAccount {
	var d struct{ New *engine.NewAccount }
	_ = json.Unmarshal(r.Data, &d)
	return d.New
}

// decides is what an approval covers besides the line itself: the rules, or the very values.
func decides(op engine.Op, rules []string, to *engine.NewAccount) string {
	if inPlace(op) && to != nil {
		return to.Name + " " + to.Attributes["title"]
	}
	return strings.Join(rules, " ")
}

// updates [I2]: what is changed of an account is what a complete list shows otherwise, to what the person's own entry says.
func (k *checker) updates(r *engine.Record) {
	if r.Op != engine.OpUpdate {
		return
	}
	k.ok(I2)
	to, l := newOf(r), k.m.cur.seen.lists[r.Program]
	if l == nil || !l.complete || to == nil {
		k.m.fail(I2, "an update of %s without a complete list of %s", r.Account, r.Program)
		return
	}
	have, shown := l.titles[r.Account]
	switch want := to.Attributes["title"]; {
	case !shown || have == want:
		k.m.fail(I2, "the title of %s is %q (shown: %v), and is to be %q", r.Account, have, shown, want)
	case k.cut[r.Person] || k.owner[account{r.Program, r.Account}] != r.Person:
		k.m.fail(I2, "the account %s is updated for %s, who is cut off or has another one", r.Account, r.Person)
	default:
		p := k.believed(r.Person)
		if p == nil || p.State != engine.StateActive && p.State != engine.StateAway || p.Attributes.First("title") != want {
			k.m.fail(I2, "the title of %s is to be %q, which no entry of %s says who is there", r.Account, want, r.Person)
		}
	}
}

// titled [I9]: the title of somebody who is there is as the entry has it, or the plan tells that it can't be.
func (k *checker) titled(who *person) {
	name, title := k.outdated(who)
	if k.m.keeps() {
		k.ok(I9)
	}
	if name != "" && !k.toldOf(name, who.Key) {
		want, _ := titleOf(&who.Person)
		k.m.fail(I9, "the title of %s is %q, and should be %q", who.Key, title, want)
	}
}

// outdated is the name of the account of somebody who is there, and its title, if that is not as the entry has it and nothing excuses it.
func (k *checker) outdated(who *person) (name, title string) {
	want, missing := titleOf(&who.Person)
	if here := who.there && who.State == engine.StateActive && !k.cut[who.Key]; !here || !k.m.keeps() || missing != "" || len(k.accountsOf("app", who.Key)) != 1 {
		return "", ""
	}
	account := k.accountsOf("app", who.Key)[0]
	if !k.managed[engine.Held3{Program: "app", Account: account, Entitlement: engine.Exists}] || k.excused("app", engine.Exists, who.Key, "rejected", "refuses", "has an account") {
		return "", ""
	}
	for _, h := range k.m.program("app").Truth() {
		if h.Account != account || h.Info == nil {
			continue
		}
		if title, shown := h.Info.Attributes["title"]; shown && title != want {
			return h.Info.Name, title
		}
	}
	return "", ""
}

// toldOf: a notice names the account, or one tells of as many more as none does.
func (k *checker) toldOf(name, person string) bool {
	return k.named(name, person) || slices.ContainsFunc(k.plan.Notices, func(n engine.Notice) bool {
		more := 0
		_, rest, _ := strings.Cut(n.Text, " and ")
		_, err := fmt.Sscanf(rest, "%d more)", &more)
		return n.Code == engine.NoticeUpdate && strings.HasPrefix(n.Text, "title of ") && err == nil && more >= k.unnamed()
	})
}

func (k *checker) named(name, person string) bool {
	return slices.ContainsFunc(k.plan.Notices, func(n engine.Notice) bool {
		return n.Code == engine.NoticeUpdate && (n.Person == person || strings.Contains(n.Text, strconv.Quote(name)))
	})
}

// unnamed counts whose title is not as the entry has it, though no notice names them.
func (k *checker) unnamed() (n int) {
	for _, who := range k.m.people {
		if name, _ := k.outdated(who); name != "" && !k.named(name, who.Key) {
			n++
		}
	}
	return n
}
