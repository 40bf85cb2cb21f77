package engine

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ReviewOrder says what is to be reviewed, by whom and until when.
type ReviewOrder struct {
	Name, Reason string
	Scope        []string
	Reviewers    string
	Undecided    bool
	Due, Keep    time.Time                   // calendar days; Keep may be zero: a year after Due
	Price        func(program string) string // what the configuration says; "" where it says nothing
}

// OrderError says what is wrong with what somebody asked for.
type OrderError struct{ Text string }

// Error implements error.
func (e OrderError) Error() string { return e.Text }

func badOrder(format string, args ...any) error { return OrderError{fmt.Sprintf(format, args...)} }

// mostLines bounds a review: its lines are remembered in every run until it is closed.
const mostLines = 100_000

// ReviewSource is what a review is drawn from.
type ReviewSource interface {
	ReviewLog
	AsOf
}

// StartReview puts up a line for each holding within the scope, with what a reviewer needs to know of it. The directory must be
// read completely: who manages whom, and who the peers are, could not be told otherwise.
func (e *Engine) StartReview(ctx context.Context, from ReviewSource, actor string, o ReviewOrder) (Review, []ReviewLine, error) {
	r := Review{Name: o.Name, Reason: strings.TrimSpace(o.Reason), Scope: append([]string{}, o.Scope...), Reviewers: o.Reviewers, Undecided: o.Undecided, Began: e.Now().UTC(), By: actor, Due: o.Due.UTC(), Keep: o.Keep.UTC()}
	if r.Keep.IsZero() {
		r.Keep = r.Due.AddDate(1, 0, 0)
	}
	if err := r.check(e.Settings.Zone); err != nil {
		return r, nil, err
	}
	d, err := e.draw(ctx, from, &r)
	if err != nil {
		return r, nil, err
	}
	lines, err := d.lines(ctx, from, &o)
	if err != nil {
		return r, nil, err
	}
	r.Lines, r.Progress = len(lines), ProgressOf(lines)
	records := []Record{{Kind: KindReview, Actor: actor, Why: []string{cmp.Or(r.Reason, "a review of access")}, Data: mustJSON(r), Set: []Fact{r.fact()}}}
	for i := range lines {
		records = append(records, lines[i].record(actor, []string{"put up in the review " + r.Name}))
	}
	return r, lines, e.Journal.Append(ctx, Guard{Control: d.mem.Control}, records)
}

// check refuses what can't be a review.
func (r *Review) check(zone *time.Location) error {
	switch {
	case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(r.Name):
		return badOrder("%s can't be the name of a review; use up to 64 letters, digits, dots, dashes and underscores", quote(r.Name))
	case r.Reviewers != ByManagers && r.Reviewers != ByOwners:
		return badOrder("%s can't be asked; the reviewers are managers or owners", quote(r.Reviewers))
	case !r.Began.Before(dayAfter(r.Due, zone)):
		return badOrder("a review is due in the future; choose a later --due")
	case r.Keep.Before(r.Due):
		return badOrder("what a review keeps ends after it; choose a later --keep-until")
	}
	return nil
}

// drawing is what lines are drawn from.
type drawing struct {
	e      *Engine // nil in a plan
	now    time.Time
	review *Review
	mem    *Memory
	estate *estate
	policy Policy
	people []Person // sorted by key
	who    whoIs
	owners map[string]string        // of programs
	rights []func(Entitlement) bool // of the scope; all must hold
	whom   []func(*Person) bool
	only   string // the one program of the scope, "": any
	groups map[string]int
}

func (e *Engine) draw(ctx context.Context, from ReviewLog, r *Review) (*drawing, error) {
	earlier, err := Reviews(ctx, from)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(earlier, func(other Review) bool { return other.Name == r.Name }) {
		return nil, badOrder("there was a review %s already; choose another name, so that their evidence can be told apart", quote(r.Name))
	}
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return nil, err
	}
	d, err := e.judge(ctx, r, mem)
	if err != nil {
		return nil, err
	}
	for i := range d.people {
		if p := &d.people[i]; p.State != StateLeft {
			d.groups[groupOf(p)]++
		}
	}
	if r.Reviewers == ByManagers && !slices.ContainsFunc(d.people, func(p Person) bool { return len(managersOf(&p, r.Began)) > 0 }) {
		return nil, badOrder("the directory names nobody's manager; add manager: to the directory's attributes, or ask owners")
	}
	return d, d.parse()
}

// judge is what decides about the lines of a review now.
func (e *Engine) judge(ctx context.Context, r *Review, mem *Memory) (*drawing, error) {
	people, err := e.everybody(ctx, mem)
	if err != nil {
		return nil, err
	}
	d := &drawing{e: e, now: e.Now(), review: r, mem: mem, estate: estateOf(mem), policy: WithGiven(e.Policy, mem), people: people, who: nameAll(people, nil), owners: map[string]string{}, groups: map[string]int{}}
	for i := range e.Programs {
		d.owners[e.Programs[i].Name] = e.Programs[i].Owner
	}
	return d, nil
}

// everybody is who the directory shows, by the keys that the journal knows, from a complete read.
func (e *Engine) everybody(ctx context.Context, mem *Memory) ([]Person, error) {
	people, proof := e.readPeople(ctx)
	if !proof.Complete() {
		return nil, fmt.Errorf("%w: %s", ErrHalfRead, reasonsText(proof.Reasons))
	}
	for i := range people {
		if known := mem.Known(people[i].Key); known != people[i].Key {
			people[i].Key, people[i].NewKey = known, people[i].Key
		}
	}
	slices.SortFunc(people, func(a, b Person) int { return strings.Compare(a.Key, b.Key) })
	return people, nil
}

// parse turns the scope into conditions that must all hold.
func (d *drawing) parse() error {
	for n, text := range d.review.Scope {
		kind, name, _ := strings.Cut(text, ":")
		switch {
		case name == "":
			return badOrder("%s is no scope; write program:NAME, entitlement:PROGRAM/NAME, role:NAME or person:LOGIN", quote(text))
		case kind == "program":
			if err := d.e.knows(name); err != nil {
				return badOrder("%v", err)
			}
			d.only = name
			d.rights = append(d.rights, func(e Entitlement) bool { return e.Program == name })
		case kind == "entitlement":
			want := ParseEntitlement(name)
			if err := d.e.knows(want.Program); err != nil {
				return badOrder("%v", err)
			}
			d.only = want.Program
			d.rights = append(d.rights, func(e Entitlement) bool { return e == want })
		case kind == "role":
			d.whom = append(d.whom, func(p *Person) bool { return hasRoleNamed(p, name) })
		case kind == "person":
			i := slices.IndexFunc(d.people, func(p Person) bool { return p.Called(name) })
			if i < 0 {
				return fmt.Errorf("%w: %s", ErrUnknownPerson, quote(name))
			}
			key := d.people[i].Key
			d.review.Scope[n] = "person:" + key // a login may become somebody else's
			d.whom = append(d.whom, func(p *Person) bool { return p.Key == key })
		default:
			return badOrder("%s is no scope; write program:NAME, entitlement:PROGRAM/NAME, role:NAME or person:LOGIN", quote(text))
		}
	}
	return nil
}

// hasRoleNamed knows a role by "source:name" or by its bare name.
func hasRoleNamed(p *Person, role string) bool {
	return slices.ContainsFunc(roleList(p), func(r string) bool {
		_, bare, _ := strings.Cut(r, ":")
		return r == role || bare == role
	})
}

// groupOf is by what somebody's peers are found: the title of the first job, else the department; "" where neither is known.
func groupOf(p *Person) string {
	for _, name := range []string{"title", "department"} {
		for i := range p.Jobs {
			if v := p.Jobs[i].Attributes.First(name); v != "" {
				return name + " " + v
			}
		}
		if v := p.Attributes.First(name); v != "" {
			return name + " " + v
		}
	}
	return ""
}

func (d *drawing) find(key string) *Person {
	if i, ok := slices.BinarySearchFunc(d.people, key, func(p Person, key string) int { return strings.Compare(p.Key, key) }); ok {
		return &d.people[i]
	}
	return nil
}

// lines are drawn program by program, so that no more than one is in memory at once.
func (d *drawing) lines(ctx context.Context, from AsOf, o *ReviewOrder) (out []ReviewLine, err error) {
	var names []string
	for i := range d.e.Programs {
		if name := d.e.Programs[i].Name; d.only == "" || d.only == name {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		held, err := from.AsOf(ctx, d.now, "", name, "")
		if err != nil {
			return nil, err
		}
		out = append(out, d.ofProgram(held, o)...)
		if len(out) > mostLines {
			return nil, badOrder("the review would have more than %d lines; narrow its --scope, and make several", mostLines)
		}
	}
	if len(out) == 0 {
		return nil, badOrder("nobody holds anything within this scope, so there is nothing to review")
	}
	sortLines(out)
	return out, nil
}

func (d *drawing) ofProgram(held []Held, o *ReviewOrder) (out []ReviewLine) {
	more := map[string]bool{} // accounts that hold more than themselves
	peers := d.counted(held)
	for _, h := range held {
		if h.Entitlement != Active && h.Entitlement != Exists {
			more[h.Account] = true
		}
	}
	for _, h := range held {
		right := Entitlement{h.Program, h.Entitlement}
		if h.Entitlement == Exists || h.Entitlement == Active && more[h.Account] || !holdAll(d.rights, right) {
			continue
		}
		p := d.find(h.Person)
		switch {
		case h.Person == "":
			if len(d.whom) == 0 {
				d.review.Orphans++
			}
		case p == nil:
			if len(d.whom) == 0 {
				d.review.Gone++
			}
		case !holdAll(d.whom, p):
		case p.State == StateLeft:
			d.review.Gone++
		default:
			if l := d.line(p, &h, o, peers); !d.review.Undecided || !l.Given {
				out = append(out, l)
			}
		}
	}
	return out
}

func holdAll[T any](conditions []func(T) bool, of T) bool {
	return !slices.ContainsFunc(conditions, func(c func(T) bool) bool { return !c(of) })
}

// peerRight is a group of peers and a right.
type peerRight struct{ group, right string }

// counted is how many of each group hold each right; somebody with two accounts counts once.
func (d *drawing) counted(held []Held) map[peerRight]int {
	out, seen := map[peerRight]int{}, map[[2]string]bool{}
	for i := range held {
		h := &held[i]
		p := d.find(h.Person)
		if p == nil || p.State == StateLeft || seen[[2]string{h.Person, h.Entitlement}] {
			continue
		}
		seen[[2]string{h.Person, h.Entitlement}] = true
		out[peerRight{groupOf(p), h.Entitlement}]++
	}
	return out
}

func (d *drawing) line(p *Person, h *Held, o *ReviewOrder, peers map[peerRight]int) ReviewLine {
	l := ReviewLine{Review: d.review.Name, Person: p.Key, Login: p.Login(), Name: p.Name(), Program: h.Program, Account: h.Account,
		Entitlement: Entitlement{h.Program, h.Entitlement}.String(), Since: h.From, Managed: h.Managed, Kind: d.estate.kindOf(p.Key, h.Program, h.Account)}
	l.ID = shortHash(l.Review, l.Program, l.Account, l.Entitlement, l.Person)
	l.Given, l.Why = d.why(p, h)
	if o.Price != nil {
		l.Cost = o.Price(h.Program)
	}
	if group := groupOf(p); group != "" {
		l.PeersBy, l.Peers, l.Same = group, d.groups[group]-1, peers[peerRight{group, h.Entitlement}]-1
	}
	d.ask(&l, p)
	return l
}

// why is what gives it, or that policy does not.
func (d *drawing) why(p *Person, h *Held) (given bool, why string) {
	kind := d.estate.kindOf(p.Key, h.Program, h.Account)
	says := d.says(d.policy, p, kind, Entitlement{h.Program, h.Entitlement})
	if says.Say == Desired && says.Rule >= 0 {
		r := d.policy.Rules()[says.Rule]
		return true, strings.TrimSuffix(r.Name+": "+r.Reason, ": ")
	}
	switch {
	case says.Say == Desired:
		return true, "what policy gives in " + h.Program + " needs it"
	case says.Say == Undecided:
		return false, "what decides about it could not be seen"
	case says.Say == Denied:
		return false, "a block or a conflict forbids it"
	case kind != PersonalAccount:
		return false, "the account is " + cmp.Or(kind, "somebody else's") + ", and policy gives to personal ones only"
	case h.Managed && len(h.Rules) > 0:
		return false, "no rule gives it any more; it was given by " + strings.Join(h.Rules, ", ")
	case h.Managed:
		return false, "no rule gives it"
	}
	return false, "not given by Rolecall, and no rule gives it"
}

// says is what policy says of a holding: nothing but what is forbidden to somebody, where the account is not the personal one.
func (d *drawing) says(policy Policy, p *Person, kind string, e Entitlement) Verdict {
	v := d.verdictOn(policy, p, e)
	if kind != PersonalAccount && v.Say != Denied {
		return Verdict{Rule: -1, Say: Observed}
	}
	return v
}

// decided is all that policy says of somebody, who holds what they do.
func (d *drawing) decided(policy Policy, p *Person) []Verdict {
	all := policy.Entitlements()
	return policy.Decide(p, d.now, func(i int32) bool { return d.estate.holds(p.Key, all[i]) }, nil)
}

// gives says whether somebody is to have what a verdict is about.
func (v *Verdict) gives() bool { return v.Say == Desired || v.Say == Recorded && v.Rule >= 0 }

// verdictOn is what policy says of one entitlement for somebody. An account is desired with whatever is in it; Observed
// stands for nothing.
func (d *drawing) verdictOn(policy Policy, p *Person, e Entitlement) Verdict {
	all := policy.Entitlements()
	best := Verdict{Rule: -1, Say: Observed}
	for _, v := range d.decided(policy, p) {
		switch given := v.gives(); {
		case all[v.Entitlement] == e && given:
			return Verdict{Entitlement: v.Entitlement, Rule: v.Rule, Say: Desired}
		case all[v.Entitlement] == e && (v.Say == Undecided || v.Say == Denied):
			best = v
		case e.Name == Active && all[v.Entitlement].Program == e.Program && given && best.Say == Observed:
			best = Verdict{Rule: -1, Say: Desired}
		}
	}
	return best
}
