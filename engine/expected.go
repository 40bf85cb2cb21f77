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

// raise is by how much announced waves raise a budget of which counted is what it has to bear: each covers, of what happens
// in it, the first so many, whichever program that is in. Who is in two waves uses up both, and is allowed once; who is
// touched in a way that none of them covers is not allowed by another way. most is what it may come to while they last.
func (b *builder) raise(s scope, class Class, window time.Duration, counted *units) (now, most int) {
	r := room{scope: s, begins: b.s.Now.Add(-window), bare: b.units(counted.by)}
	for i := range b.s.Settings.Expected {
		x := &b.s.Settings.Expected[i]
		if x.Class == class && x.most(counted.by) > 0 && (x.Scope != s.kind || x.Name == s.name) {
			r.waves = append(r.waves, &covering{Expected: x, left: x.most(counted.by), used: b.units(counted.by)})
		}
	}
	if len(r.waves) == 0 {
		return 0, 0
	}
	r.past(class)
	b.eachCharged(s, class, func(p *programPlan, c *Change) {
		r.take(r.bare.ofChange(p, c), c.Program, b.plan.sources.of(c.Person), b.s.Now)
	})
	now = counted.len() - r.bare.len()
	for _, w := range r.waves {
		if w.Lasts(b.s.Now) {
			most += w.left
		}
	}
	return now, now + most
}

// room is what announced waves leave of a budget.
type room struct {
	scope  scope
	begins time.Time // of the window, itself no part of it
	waves  []*covering
	bare   *units // what no wave covers, which the budget bears alone
}

// covering is a wave with what it covered.
type covering struct {
	*Expected
	left int
	used *units
}

// past takes what earlier runs charged, in order: a wave may have begun before the window.
func (r *room) past(class Class) {
	charges := &r.bare.b.s.Memory.Charges
	for _, row := range charges.rows {
		if k := &charges.kinds[row.kind]; k.Class == class && !k.Approved {
			r.take(r.bare.ofRow(charges, row), k.Program, k.Source, time.UnixMicro(row.at))
		}
	}
}

func (r *room) take(one unit, program, source string, at time.Time) {
	covered := false
	for _, w := range r.waves {
		covered = w.Lasts(at) && w.scope().has(program, source) && w.take(one) || covered
	}
	if !covered && at.After(r.begins) && r.scope.has(program, source) {
		r.bare.add(one)
	}
}

// take says whether the wave covers it: it has room, or covered that person or holding before.
func (w *covering) take(one unit) bool {
	if w.used.has(one) {
		return true
	}
	if w.left == 0 {
		return false
	}
	w.left--
	w.used.add(one)
	return true
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
			u := b.units(by)
			u.between(x.From.Add(-time.Microsecond), x.Until, func(k *ChargeKind) bool { return x.covers(k.Class, k.Program, k.Source) && !k.Approved })
			n := u.len()
			text := fmt.Sprintf("%d %s", n, by.word())
			if n >= most {
				text += ", so it is used up"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}
