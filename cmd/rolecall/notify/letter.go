package notify

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/render"
)

// Letter is what one person is told at once: of themselves and of those whom they manage. It is what the template people is filled with.
type Letter struct {
	To   string // name of the receiver
	Me   *News  // nil: nothing of the receiver's own
	Team []News // the first of them, sorted by name
	More int    // of the team that are not among Team
	Page string // address of the page, "" if there is none
	Now  time.Time

	Reviews []Reminder // of access, in which the receiver has lines to decide
}

// Reminder is about one review.
type Reminder struct {
	Name  string
	Stage string // start, half, due
	Due   time.Time
	Open  int
}

// News is what is told of one person.
type News struct {
	Name    string
	Gained  []string // entitlements
	Losing  []Loss
	Joins   bool // it is about the first day
	First   time.Time
	Ready   bool     // of the first day: all is there
	Has     []string // of the first day
	Missing []Missing
	Left    bool
	Taken   []string // from whoever left
	Open    []string // what is still to be taken
}

// Loss is something that ends.
type Loss struct {
	What string
	On   time.Time // the first day without it
}

// Missing is something that somebody should have and has not.
type Missing struct {
	What   string
	State  string // ready: it is under way; scheduled, needs-approval, blocked
	Reason string // why it is not ready, in English
}

// PeopleWord is the word of the letters' template.
const PeopleWord = "people"

// ownLanguage is a file with the letter in another language.
var ownLanguage = regexp.MustCompile(`^` + PeopleWord + `\.([a-zA-Z]{2,8}(-[a-zA-Z0-9]{1,8})*)\.txt$`)

// languages are the words of the letter's templates in other languages that the folder has.
func languages(folder string) (words []string, err error) {
	if folder == "" {
		return nil, nil
	}
	files, err := os.ReadDir(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, f := range files {
		if ownLanguage.MatchString(f.Name()) {
			words = append(words, strings.TrimSuffix(f.Name(), ".txt"))
		}
	}
	return words, err
}

// RenderLetter fills the template of the first of the wanted languages that there is a text in; languages is what a directory says
// ("de-AT, de;q=0.9, en") and chooses among the texts that were loaded, nothing else. What comes from directories and programs
// can't forge lines.
func (t *Templates) RenderLetter(l Letter, languages string) (subject, text string, err error) {
	return t.render(t.wordFor(languages), l.clean())
}

func (t *Templates) wordFor(languages string) string {
	for one := range strings.SplitSeq(strings.ToLower(languages), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(one), ";")
		for tag != "" {
			if word := PeopleWord + "." + tag; t.of[word] != nil {
				return word
			}
			tag = tag[:max(0, strings.LastIndexByte(tag, '-'))]
		}
		if base, _, _ := strings.Cut(strings.TrimSpace(one), "-"); base == "en" { // the text that comes with Rolecall
			break
		}
	}
	return PeopleWord
}

func (l Letter) clean() Letter {
	l.To = render.Clean(l.To)
	if l.Me != nil {
		me := l.Me.clean()
		l.Me = &me
	}
	team := make([]News, len(l.Team))
	for i := range l.Team {
		team[i] = l.Team[i].clean()
	}
	l.Team = team
	reviews := make([]Reminder, len(l.Reviews))
	for i, r := range l.Reviews {
		reviews[i] = Reminder{render.Clean(r.Name), r.Stage, r.Due, r.Open}
	}
	l.Reviews = reviews
	return l
}

func (n News) clean() News {
	all := func(list []string) (out []string) {
		for _, one := range list {
			out = append(out, render.Clean(one))
		}
		return out
	}
	n.Name, n.Gained, n.Has, n.Taken, n.Open = render.Clean(n.Name), all(n.Gained), all(n.Has), all(n.Taken), all(n.Open)
	var losing []Loss
	for _, one := range n.Losing {
		losing = append(losing, Loss{render.Clean(one.What), one.On})
	}
	var missing []Missing
	for _, one := range n.Missing {
		missing = append(missing, Missing{render.Clean(one.What), one.State, render.Clean(one.Reason)})
	}
	n.Losing, n.Missing = losing, missing
	return n
}

// sampleLetter has everything, so that each part of a template is tried.
func sampleLetter() Letter {
	day := time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC)
	some := []string{"crm"}
	news := func(name string) News {
		return News{Name: name, Gained: some, Losing: []Loss{{"wiki", day}}, First: day, Has: some, Missing: []Missing{{"vpn", "blocked", "a reason"}}, Taken: some, Open: some}
	}
	me, joins, ready, left := news("Ann"), news("Bob"), news("Cid"), news("Dan")
	joins.Joins, ready.Joins, ready.Ready, left.Left = true, true, true, true
	return Letter{To: "Ann", Me: &me, Team: []News{news("Eve"), joins, ready, left}, More: 1, Page: "https://rolecall.example.com", Now: day,
		Reviews: []Reminder{{"2027-q1", "start", day, 3}, {"crm", "half", day, 1}, {"all", "due", day, 2}}}
}
