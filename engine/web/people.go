package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

type peopleView struct {
	Seen   *engine.Outlook
	Words  string
	State  string
	States []stateCount
	Found  []*engine.Person
	Began  bool // not with the first
	First  string
	More   string // address of the next ones, "" if these are the last
	next   [2]string
}

type stateCount struct {
	State string
	N     int
}

// shownPeople is how many people a page of a search shows.
const shownPeople = 50

// mostWords bounds a search: each word is looked for in everything.
const mostWords = 8

// wordsOf splits what is searched for.
func wordsOf(text string) ([]string, error) {
	words := strings.Fields(strings.ToLower(text))
	if len(words) > mostWords {
		return nil, fmt.Errorf("%w: %d words are more than %d; say less", errWrong, len(words), mostWords)
	}
	return words, nil
}

func (s *Site) people(_ context.Context, r asked) (view, error) {
	v := peopleView{Seen: s.Outlook(), Words: r.FormValue("q"), State: r.FormValue("state")}
	if v.Seen == nil {
		return view{"people", "People", v}, nil
	}
	if _, known := engine.ParseState(v.State); v.State != "" && !known {
		return view{}, fmt.Errorf("%w: %q is no state of a person", errWrong, v.State)
	}
	v.States = countStates(v.Seen.People)
	words, err := wordsOf(v.Words)
	if err != nil {
		return view{}, err
	}
	page := firstOf[*engine.Person]{most: shownPeople, after: [2]string{r.FormValue("after"), r.FormValue("key")}}
	for i := range v.Seen.People {
		p := &v.Seen.People[i]
		if (v.State == "" || p.State.String() == v.State) && hasWords(p, words) {
			page.add([2]string{p.Name(), p.Key}, p)
		}
	}
	v.Found, v.next = page.done()
	v.addresses(page.began())
	return view{"people", "People", v}, nil
}

// addresses are where the list begins, and where it goes on.
func (v *peopleView) addresses(began bool) {
	on := url.Values{}
	for name, text := range map[string]string{"q": v.Words, "state": v.State} {
		if text != "" {
			on.Set(name, text)
		}
	}
	v.Began, v.First = began, strings.TrimSuffix("/people?"+on.Encode(), "?")
	if v.next[1] != "" {
		on.Set("after", v.next[0])
		on.Set("key", v.next[1])
		v.More = "/people?" + on.Encode()
	}
}

func hasWords(p *engine.Person, words []string) bool {
	if len(words) == 0 {
		return true
	}
	text := strings.ToLower(p.Name() + "\n" + p.Login() + "\n" + p.Attributes.First("mail") + "\n" + p.Key)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

func countStates(people []engine.Person) (out []stateCount) {
	n := map[engine.State]int{}
	for i := range people {
		n[people[i].State]++
	}
	for state := engine.StateUnknown; state <= engine.StateLeft; state++ {
		if n[state] > 0 {
			out = append(out, stateCount{state.String(), n[state]})
		}
	}
	return out
}

// personView is somebody: who they are, what they have and why, what changes, what was.
type personView struct {
	Seen    *engine.Outlook
	Person  *engine.Person // nil: not in the directory, as far as the last run saw
	Key     string
	Name    string
	At      time.Time // of Held; zero: now
	Day     string
	Held    []heldRow
	Changes []changeRow
	Cut     *engine.Fact
	History []eventRow
	Pruned  string // what is not there any more, where the history is all that is left
	Ask     string // entitlement of which it is asked why, or why not
	Answer  []engine.Finding
	Known   []engine.Entitlement // what can be asked about, and given
	Own     bool                 // it is whoever looks
	Blanked *Blanked             // nil: they were not
	Extras  []engine.Fact        // given on the command line or here, and not over
}

// heldRow is what somebody has, and why.
type heldRow struct {
	engine.Held
	Right  string // program/name
	Why    []engine.Finding
	Extra  *engine.Fact // that was given for a time, nil: none
	Origin engine.Origin
	Until  time.Time // its last day, a calendar date; zero: no end is set
}

func (s *Site) person(ctx context.Context, r asked) (view, error) {
	v, err := s.personOf(ctx, r, r.PathValue("key"))
	return view{"person", v.Name, v}, err
}

// personOf is somebody, by key, with what the request asks of them.
func (s *Site) personOf(ctx context.Context, r asked, key string) (personView, error) {
	v := personView{Seen: s.Outlook(), Key: key, Day: r.FormValue("on"), Ask: r.FormValue("why")}
	at, err := s.dayEnd(v.Day)
	if err != nil {
		return v, err
	}
	v.Name = v.Key
	if v.Seen != nil {
		v.find()
	}
	if v.Cut, err = s.CutSince(ctx, v.Key); err != nil {
		return v, err
	}
	v.Own = v.Key == r.User.Person
	if v.Blanked, err = s.blankedOf(ctx, v.Key); err != nil {
		return v, err
	}
	if v.Extras, err = s.Extras(ctx, v.Key); err != nil {
		return v, err
	}
	held, err := s.Journal().AsOf(ctx, at, v.Key, "", "")
	if err != nil {
		return v, err
	}
	if v.Day == "" {
		v.Changes = slices.DeleteFunc(v.Changes, func(c changeRow) bool { return isMade(&c.Change, held) || v.overtaken(&c.Change) })
	}
	if err := v.had(ctx, s.Journal(), held); err != nil {
		return v, err
	}
	if v.History, v.Pruned, err = s.history(ctx, engine.Query{Person: v.Key, Newest: true, Limit: 30}); err != nil {
		return v, err
	}
	if v.Person == nil && len(v.History) == 0 && len(v.Held) == 0 {
		return v, fmt.Errorf("%w: nobody is called %q, neither in the directory nor in the journal", errNotThere, v.Key)
	}
	v.explain()
	return v, nil
}

// had are the lines of what is or was held, but for accounts that only exist.
func (v *personView) had(ctx context.Context, log engine.Log, held []engine.Held) error {
	origins, err := engine.Origins(ctx, log, held)
	for i := range origins {
		if held[i].Entitlement == engine.Exists {
			continue
		}
		row := v.heldRow(held[i])
		row.Origin = origins[i]
		v.Held = append(v.Held, row)
	}
	return err
}

// dayEnd is the end of a day, or now.
func (s *Site) dayEnd(day string) (time.Time, error) {
	if day == "" {
		return s.Now(), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, s.Zone())
	if err != nil {
		return t, fmt.Errorf("%w: %q is no date; write 2027-01-31", errWrong, day)
	}
	return time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location()), nil
}

func (v *personView) find() {
	if v.Person = v.Seen.Person(v.Key); v.Person != nil {
		v.Name = v.Person.Name()
	}
	v.Changes = changeRows(v.Seen.Plan.Changes, func(c *engine.Change) bool { return c.Person == v.Key }, 0)
	v.Known = v.Seen.Policy.Entitlements()
	v.Known = slices.DeleteFunc(slices.Clone(v.Known), func(e engine.Entitlement) bool { return e.Name == engine.Exists })
}

// explain asks policy about what is held now, and about what is asked.
func (v *personView) explain() {
	if v.Person == nil || v.Seen == nil {
		return
	}
	if v.Day == "" {
		for i := range v.Held {
			h := &v.Held[i]
			h.Why = deciding(v.Seen.Policy.Explain(v.Person, v.Seen.At, engine.Entitlement{Program: h.Program, Name: h.Entitlement}))
			h.Until = v.endOf(h)
			if len(h.Why) == 0 && h.Managed && h.Entitlement == engine.Active {
				h.Why = []engine.Finding{{Answer: "needed", Text: "by what the person has in " + h.Program}}
			}
		}
		v.endNeeded()
	}
	if v.Ask != "" {
		v.Answer = v.Seen.Policy.Explain(v.Person, v.Seen.At, engine.ParseEntitlement(v.Ask))
	}
}

// deciding leaves out the rules that have nothing to do with the person.
func deciding(all []engine.Finding) []engine.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f engine.Finding) bool { return f.Answer == "does not match" })
}

// heldRow goes by what was given alone, which is all that is known where policy is not asked.
func (v *personView) heldRow(h engine.Held) heldRow {
	row := heldRow{Held: h, Right: rightOf(h.Program, h.Entitlement), Extra: extraOf(v.Extras, h)}
	if row.Extra != nil {
		row.Until = row.Extra.Until
	}
	return row
}

// endOf is the last day of the extra that ends last, of the policy's files or given elsewhere. There is none where a rule gives the same,
// or where the program takes nothing back.
func (v *personView) endOf(h *heldRow) (until time.Time) {
	if v.keeps(h.Program) {
		return until
	}
	if h.Extra != nil {
		until = h.Extra.Until
	}
	rules := v.Seen.Policy.Rules()
	for i := range h.Why {
		if h.Why[i].Answer != "gives" {
			continue
		}
		r := ruleNamed(rules, h.Why[i].Rule)
		if r == nil || !r.Extra {
			return time.Time{}
		}
		if r.Until.After(until) {
			until = r.Until
		}
	}
	return until
}

// endNeeded ends what is only needed by the rest in a program with the last of that.
func (v *personView) endNeeded() {
	for i := range v.Held {
		h := &v.Held[i]
		if len(h.Why) == 0 || h.Why[0].Answer != "needed" {
			continue
		}
		for _, other := range v.Held {
			if other.Program != h.Program || other.Entitlement == h.Entitlement {
				continue
			}
			if other.Until.IsZero() {
				h.Until = time.Time{}
				break
			}
			if other.Until.After(h.Until) {
				h.Until = other.Until
			}
		}
	}
}

// keeps says whether nothing is ever taken in a program.
func (v *personView) keeps(program string) bool {
	return slices.ContainsFunc(v.Seen.Programs, func(p engine.ProgramOutlook) bool {
		return p.Name == program && p.Revoke == engine.RevokeNever
	})
}

// ruleNamed looks in rules that are sorted by name.
func ruleNamed(rules []engine.Rule, name string) *engine.Rule {
	if i, ok := slices.BinarySearchFunc(rules, name, func(r engine.Rule, name string) int { return strings.Compare(r.Name, name) }); ok {
		return &rules[i]
	}
	return nil
}

func extraOf(extras []engine.Fact, h engine.Held) *engine.Fact {
	for i := range extras {
		if extras[i].Program == h.Program && extras[i].Entitlement == h.Entitlement {
			return &extras[i]
		}
	}
	return nil
}

// isMade says whether a change that a run decided shows in what the person holds by now. An account that was only proposed has
// another name since.
func isMade(c *engine.Change, held []engine.Held) bool {
	has := slices.ContainsFunc(held, func(h engine.Held) bool {
		return h.Program == c.Program && (c.Proposed || h.Account == c.Account) && h.Entitlement == c.Right()
	})
	return c.State == engine.Ready && (c.Op.Gives() && has || c.Op.Takes() && !has)
}

// overtaken says whether a cut came after the plan that means to give something.
func (v *personView) overtaken(c *engine.Change) bool {
	return v.Cut != nil && v.Cut.Since.After(v.Seen.At) && c.Op.Gives()
}

// blankedOf asks only of names that records give to those who have none any more.
func (s *Site) blankedOf(ctx context.Context, person string) (*Blanked, error) {
	if !strings.HasPrefix(person, "#") {
		return nil, nil
	}
	return s.Blanked(ctx, person)
}
