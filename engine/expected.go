package engine

import (
	"fmt"
	"strings"
	"time"
)

// Expected is an announced wave: between From and Until its scope's budgets are raised by so many. What is beyond still
// trips. It raises no other guard, and a change of the policy still needs approval.
type Expected struct {
	Scope    string    // program, source, all
	Name     string    // of the program or source
	Class    Class     // revoke, leaver, grant
	People   int       // for revoke and leaver; 0: no more than usual
	Holdings int       // for revoke and grant
	From     time.Time // first moment
	Until    time.Time // first moment after it
	Approver string    // who allowed it, as the configuration says
	Reason   string
}

// String is what the wave is about, with its scope.
func (x *Expected) String() string {
	var what string
	switch {
	case x.People > 0 && x.Holdings > 0:
		what = fmt.Sprintf("%s and %s", plural(x.People, "person", "people"), plural(x.Holdings, "holding", "holdings"))
	case x.People > 0:
		what = plural(x.People, "person", "people")
	default:
		what = plural(x.Holdings, "holding", "holdings")
	}
	class := string(x.Class)
	if x.Class == ChargeLeaver {
		class = "leavers"
	}
	return fmt.Sprintf("%s of %s: %s", class, x.scope(), what)
}

func (x *Expected) scope() scope { return scope{kind: x.Scope, name: x.Name} }

// Lasts says whether the wave is under way.
func (x *Expected) Lasts(now time.Time) bool { return !now.Before(x.From) && now.Before(x.Until) }

// most is how many of what is counted the wave covers.
func (x *Expected) most(by counting) int {
	if by == people {
		return x.People
	}
	return x.Holdings
}

func (x *Expected) covers(class Class, program, source string) bool {
	return x.Class == class && x.scope().has(program, source)
}

// Since is from when on charges count: the longest window, or the beginning of an announced wave that any of it touches.
func (s *Settings) Since(now time.Time) time.Time {
	since := now.Add(-s.Window())
	for i := range s.Expected {
		if x := &s.Expected[i]; x.From.Before(since) && x.Until.After(now.Add(-s.Window())) {
			since = x.From
		}
	}
	return since
}

// raise is by how much announced waves raise a budget: each covers, of what happens in it, the first so many; those from
// before the budget's window were covered too. most is what that may come to while they last.
func (b *builder) raise(s scope, class Class, window time.Duration, by counting) (now, most int) {
	for i := range b.s.Settings.Expected {
		x := &b.s.Settings.Expected[i]
		if x.Class != class || x.most(by) == 0 || x.Scope == s.kind && x.Name != s.name {
			continue
		}
		begins := b.s.Now.Add(-window)
		left := max(0, x.most(by)-b.spent(x, x.scope(), x.From, begins, by).len())
		within := b.spent(x, s, later(x.From, begins), x.Until, by)
		most += b.atMost(x, left, within.len())
		if x.Lasts(b.s.Now) {
			b.eachCharged(s, class, func(p *programPlan, c *Change) {
				if x.covers(class, c.Program, b.plan.sources.of(c.Person)) {
					within.change(p, c)
				}
			})
		}
		now += min(within.len(), left)
	}
	return now, most
}

// atMost: a wave that is over covers what it covered.
func (b *builder) atMost(x *Expected, left, within int) int {
	if x.Lasts(b.s.Now) {
		return left
	}
	return min(within, left)
}

// spent counts what earlier runs charged of a scope and a wave, from a time on and until another, itself included: the
// beginning of a window is no part of it.
func (b *builder) spent(x *Expected, s scope, from, until time.Time, by counting) *units {
	u := b.units(by)
	if from.Equal(x.From) {
		from = from.Add(-time.Microsecond)
	}
	u.between(from, until.Add(time.Microsecond), func(k *ChargeKind) bool {
		return x.covers(k.Class, k.Program, k.Source) && !k.Approved && s.has(k.Program, k.Source)
	})
	return u
}

// noteExpected shows the waves that are under way.
func (b *builder) noteExpected() {
	for i := range b.s.Settings.Expected {
		if x := &b.s.Settings.Expected[i]; x.Lasts(b.s.Now) && b.s.Person == "" {
			b.notice("info", "expected", programOf(x.scope()), "", fmt.Sprintf("announced until %s by %s (%s): %s; charged so far: %s", day(x.Until), x.Approver, x.Reason, x, b.spentText(x)))
		}
	}
}

func (b *builder) spentText(x *Expected) string {
	var parts []string
	for _, by := range []counting{people, holdings} {
		if most := x.most(by); most > 0 {
			n := b.spent(x, x.scope(), x.From, x.Until, by).len()
			text := fmt.Sprintf("%d %s", n, by.word())
			if n >= most {
				text += ", so it is used up"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}
