package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// mineView is what everybody sees who is signed in: themselves, the team of a manager, the programs of an owner.
type mineView struct {
	Me       *personView // nil: they are nobody in the directory, as far as was seen
	Seen     *engine.Outlook
	Team     []*engine.Person // sorted by name
	Programs []ProgramRow
}

func (s *Site) mine(ctx context.Context, r asked) (view, error) {
	v := mineView{Seen: s.Outlook()}
	if r.User.Person != "" {
		me, err := s.personOf(ctx, r, r.User.Person)
		if err != nil && !errors.Is(err, errNotThere) {
			return view{}, err
		}
		v.Me = &me
	}
	v.Team = team(v.Seen, r.User)
	rows, err := s.owned(ctx, v.Seen, r.User)
	v.Programs = rows
	return view{"mine", "My access", v}, err
}

// team are the people whose job names somebody as their manager, by key, login, mail or entry; not the whole tree below.
func team(o *engine.Outlook, u User) (out []*engine.Person) {
	me := personIn(o, u)
	if me == nil {
		return nil
	}
	mine := onlyMe(o, me)
	for i := range o.People {
		if p := &o.People[i]; p.Key != me.Key && p.State != engine.StateLeft && manages(mine, p, o.At) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b *engine.Person) int { return strings.Compare(a.Name(), b.Name()) })
	return out
}

// manages goes by the jobs that count now; mine says whether a name is that of the manager.
func manages(mine func(string) bool, p *engine.Person, now time.Time) bool {
	if slices.ContainsFunc(p.Attributes.Get("manager").Values, mine) {
		return true
	}
	return slices.ContainsFunc(p.Jobs, func(j engine.Job) bool {
		counts := !j.Start.After(now) && (j.End.IsZero() || j.End.After(now))
		return counts && slices.ContainsFunc(j.Attributes.Get("manager").Values, mine)
	})
}

// onlyMe says whether a text names somebody and nobody else: people may write their own address in the directory.
func onlyMe(o *engine.Outlook, me *engine.Person) func(string) bool {
	known := map[string]bool{}
	return func(text string) bool {
		if !names(text, me) {
			return false
		}
		only, asked := known[text]
		if !asked {
			only = !others(o.People, me, text)
			known[text] = only
		}
		return only
	}
}

// others says whether a text names somebody else. It goes by number: a copy of each person would take longer than the search.
func others(people []engine.Person, me *engine.Person, text string) bool {
	for i := range people {
		if p := &people[i]; p.Key != me.Key && names(text, p) {
			return true
		}
	}
	return false
}

// names says whether a text is what a directory or a configuration calls somebody by.
func names(text string, p *engine.Person) bool {
	return text != "" && slices.ContainsFunc([]string{p.Key, p.Login(), p.Attributes.First("mail"), p.Entry}, func(name string) bool { return strings.EqualFold(text, name) })
}

func personIn(o *engine.Outlook, u User) *engine.Person {
	if o == nil || u.Person == "" {
		return nil
	}
	return o.Person(u.Person)
}

// owned are the programs whose owner: in the configuration names who asks.
func (s *Site) owned(ctx context.Context, o *engine.Outlook, u User) (out []ProgramRow, err error) {
	me := personIn(o, u)
	if me == nil {
		return nil, nil
	}
	paused, err := s.Paused(ctx)
	if err != nil {
		return nil, err
	}
	mine := onlyMe(o, me)
	for _, row := range s.programRows(o, paused) {
		if mine(row.Owner) {
			out = append(out, row)
		}
	}
	return out, nil
}

// notYours is what is answered for whatever does not concern who asks, whether it exists or not.
func (s *Site) notYours(ctx context.Context, r asked) error {
	s.noted(ctx, r.User, r.Method+" "+bounded(r.URL.Path)+" does not concern them")
	return Refused{"This is of nobody in your team and no program of yours", http.StatusForbidden}
}

// mostPath is how much of an address is recorded: a link from elsewhere may hold whatever its author likes.
const mostPath = 200 // characters

func bounded(path string) string {
	if all := []rune(path); len(all) > mostPath {
		return string(all[:mostPath]) + "…"
	}
	return path
}

// mate is somebody of the own team.
func (s *Site) mate(ctx context.Context, r asked) (view, error) {
	key := r.PathValue("key")
	if !slices.ContainsFunc(team(s.Outlook(), r.User), func(p *engine.Person) bool { return p.Key == key }) {
		return view{}, s.notYours(ctx, r)
	}
	p, err := s.personOf(ctx, r, key)
	return view{"mate", p.Name, p}, err
}

// ownProgram is a program of whoever owns it.
func (s *Site) ownProgram(ctx context.Context, r asked) (view, error) {
	rows, err := s.owned(ctx, s.Outlook(), r.User)
	if err != nil {
		return view{}, err
	}
	name := r.PathValue("name")
	if !slices.ContainsFunc(rows, func(row ProgramRow) bool { return row.Title() == name }) {
		return view{}, s.notYours(ctx, r)
	}
	v, err := s.program(ctx, r)
	v.name = "own-program"
	return v, err
}

// first is the first page that somebody may see.
func (s *Site) first(ctx context.Context, w http.ResponseWriter, r asked) (string, error) {
	if r.User.Permission < Viewer {
		return "/mine", nil
	}
	s.show(ctx, w, r, s.now)
	return "", nil
}
