package web

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Reviewing is what people decide in reviews of access.
type Reviewing interface {
	StartReview(ctx context.Context, u User, o engine.ReviewOrder) (lines int, err error)
	Review(ctx context.Context, u User, d engine.ReviewDecision) (int, error)
	CloseReview(ctx context.Context, u User, name, reason string) error
}

// reviewRow is a review as it is listed.
type reviewRow struct {
	engine.Review
	Overdue bool
	Mine    int // lines that wait for whoever looks
}

// Decided is how many lines need nobody any more.
func (r reviewRow) Decided() int { return r.Lines - r.Open }

// What is the scope, for people.
func (r reviewRow) What() string {
	if len(r.Scope) == 0 {
		return "everything"
	}
	return strings.Join(r.Scope, " and ")
}

type reviewsView struct {
	Reviews  []reviewRow
	Programs []Program // that may be chosen, for who may start one
	Pruned   string    // what is not there any more: reviews that ended before
}

// sees says whether somebody sees every line, and asked whether a line is theirs to decide.
func sees(u User) bool { return u.Permission >= Viewer }

func isAsked(u User, l *engine.ReviewLine) bool {
	return u.Person != "" && !u.Token && slices.Contains(l.Reviewers, u.Person)
}

func (s *Site) reviews(ctx context.Context, r asked) (view, error) {
	all, err := engine.Reviews(ctx, s.Journal())
	if err != nil {
		return view{}, err
	}
	mine, err := s.waitFor(ctx, r.User)
	if err != nil {
		return view{}, err
	}
	v := reviewsView{Programs: s.Programs()}
	if v.Pruned, err = s.pruned(ctx); err != nil {
		return view{}, err
	}
	for i := range all {
		n, theirs := mine[all[i].Name]
		if sees(r.User) || theirs {
			v.Reviews = append(v.Reviews, s.reviewRow(&all[i], n))
		}
	}
	return view{"reviews", "Reviews", v}, nil
}

// waitFor is, by review under way, how many lines wait for somebody; those in which they have a line at all.
func (s *Site) waitFor(ctx context.Context, u User) (map[string]int, error) {
	out := map[string]int{}
	if u.Person == "" {
		return out, nil
	}
	facts, err := s.Journal().Facts(ctx, engine.FactLine)
	for _, f := range facts {
		if !strings.Contains(string(f.Data), u.Person) { // most are not theirs, and are not worth reading
			continue
		}
		if l := engine.LineOf(f); isAsked(u, &l) {
			if out[f.Key] += 0; l.State == engine.LineOpen {
				out[f.Key]++
			}
		}
	}
	return out, err
}

func (s *Site) reviewRow(r *engine.Review, mine int) reviewRow {
	return reviewRow{*r, r.Overdue(s.Now(), s.Zone()), mine}
}

// lineRow is a line as it is shown to somebody.
type lineRow struct {
	engine.ReviewLine
	May bool // they decide on it
	Own bool // it is their own access
}

// lineGroup are lines of one person, or all.
type lineGroup struct {
	Person, Who string
	Lines       []lineRow
}

// reviewView is one review. Everything that narrows and sorts it is in the address.
type reviewView struct {
	reviewRow
	Filter  url.Values
	Sorts   [][2]string // word and text
	Groups  []lineGroup
	Found   int
	Choice  bool // something that is shown can be decided
	Before  string
	More    string
	Ends    time.Time // what is kept beyond policy, unless another day is said
	Closing bool      // whoever looks may close it
	Pruned  string    // what is not there any more: what was decided before
}

// shownLines is how many lines a page shows.
const shownLines = 50

func sortsOfLines() [][2]string {
	return [][2]string{{"", "person"}, {"right", "program and right"}, {"since", "last change, newest first"}, {"peers", "fewest peers with the same first"}}
}

func (s *Site) review(ctx context.Context, r asked) (view, error) {
	is, lines, err := engine.ReadReview(ctx, s.Journal(), r.PathValue("name"))
	var gone *engine.Pruned
	if is.Name != "" && errors.As(err, &gone) { // what is left of it is shown
		err = nil
	}
	if errors.Is(err, engine.ErrPruned) && sees(r.User) {
		return view{}, err
	}
	if errors.Is(err, engine.ErrNoReview) && sees(r.User) {
		return view{}, fmt.Errorf("%w: there is no review %q", errNotThere, r.PathValue("name"))
	}
	if err != nil && !errors.Is(err, engine.ErrNoReview) {
		return view{}, err
	}
	v := reviewView{Filter: url.Values{}, Sorts: sortsOfLines(), Ends: is.Keep, Closing: is.Closed.IsZero()}
	rows, mine := s.linesFor(r.User, &is, lines)
	if len(rows) == 0 && !sees(r.User) {
		return view{}, s.notYours(ctx, r)
	}
	v.reviewRow = s.reviewRow(&is, mine)
	for _, name := range []string{"q", "state", "whose", "sort"} {
		if text := r.FormValue(name); text != "" {
			v.Filter.Set(name, text)
		}
	}
	if rows, err = narrowed(rows, v.Filter, r.User); err != nil {
		return view{}, err
	}
	if v.Found = len(rows); gone != nil {
		v.Pruned = gone.String()
	}
	return view{"review", "Review " + is.Name, v}, v.page(r, rows)
}

// linesFor are the lines that somebody may see, and how many of them wait for them.
func (s *Site) linesFor(u User, is *engine.Review, lines []engine.ReviewLine) (out []lineRow, mine int) {
	for i := range lines {
		row := lineRow{ReviewLine: lines[i], Own: lines[i].Person == u.Person}
		theirs := isAsked(u, &lines[i])
		if !theirs && !sees(u) {
			continue
		}
		open := is.Closed.IsZero() && row.State == engine.LineOpen && s.Door != nil
		if row.May = open && !row.Own && (theirs || u.Permission >= Reviewer); open && theirs {
			mine++
		}
		out = append(out, row)
	}
	return out, mine
}

// narrowed are the lines that the address asks for, sorted as it says.
func narrowed(rows []lineRow, filter url.Values, u User) ([]lineRow, error) {
	words, err := wordsOf(filter.Get("q"))
	if err != nil {
		return nil, err
	}
	state, whose := filter.Get("state"), filter.Get("whose")
	rows = slices.DeleteFunc(rows, func(l lineRow) bool {
		text := strings.ToLower(l.Name + "\n" + l.Login + "\n" + l.Entitlement + "\n" + l.Account)
		return whose == "mine" && !isAsked(u, &l.ReviewLine) || state == "open" && l.State != engine.LineOpen || state == "decided" && l.State == engine.LineOpen ||
			slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
	by := map[string]func(a, b lineRow) int{
		"right": func(a, b lineRow) int { return strings.Compare(a.Entitlement, b.Entitlement) },
		"since": func(a, b lineRow) int { return b.Since.Compare(a.Since) },
		"peers": func(a, b lineRow) int {
			return cmp.Compare(a.Same*max(b.Peers, 1), b.Same*max(a.Peers, 1))
		},
	}[filter.Get("sort")]
	if by != nil {
		slices.SortStableFunc(rows, by)
	} else if filter.Get("sort") != "" {
		return nil, fmt.Errorf("%w: nothing is sorted by %q", errWrong, filter.Get("sort"))
	}
	return rows, nil
}

// page cuts the part out that is shown, in groups of one person where it is sorted so.
func (v *reviewView) page(r asked, rows []lineRow) error {
	from, err := number(r, "from")
	if err != nil {
		return err
	}
	at := min(int(min(from, 1<<31)), len(rows))
	at -= at % shownLines
	end := min(at+shownLines, len(rows))
	if at > 0 {
		v.Before = v.address(at - shownLines)
	}
	if end < len(rows) {
		v.More = v.address(end)
	}
	for _, row := range rows[at:end] {
		v.Choice = v.Choice || row.May
		n := len(v.Groups) - 1
		if n < 0 || v.Filter.Get("sort") == "" && v.Groups[n].Person != row.Person {
			v.Groups = append(v.Groups, lineGroup{Person: row.Person, Who: row.Name})
			n++
		}
		v.Groups[n].Lines = append(v.Groups[n].Lines, row)
	}
	return nil
}

func (v *reviewView) address(from int) string {
	on := copied(v.Filter)
	if from > 0 {
		on.Set("from", strconv.Itoa(from))
	}
	return strings.TrimSuffix("/reviews/"+url.PathEscape(v.Name)+"?"+on.Encode(), "?")
}

func (s *Site) decideReview(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	if r.User.Token && r.User.Permission < Reviewer {
		s.noted(ctx, r.User, "deciding on a review with a token without the permission reviewer")
		return "", Refused{"Being asked is no permission of a token: sign in yourself", http.StatusForbidden}
	}
	d := engine.ReviewDecision{Review: r.PathValue("name"), Lines: r.PostForm["line"]}
	verb := r.PostFormValue("do")
	if verb != "keep" && verb != "revoke" {
		return "", Refused{"Keep or revoke: nothing was decided", http.StatusBadRequest}
	}
	if r.PostFormValue("all") != "" { // those that were shown, and no others
		d.Lines = r.PostForm["shown"]
	}
	if len(d.Lines) == 0 {
		return "", Refused{"Nothing was chosen, and nothing was decided", http.StatusBadRequest}
	}
	var err error
	if until := r.PostFormValue("until"); until != "" {
		if d.Until, err = time.ParseInLocation(time.DateOnly, until, time.UTC); err != nil {
			return "", Refused{"What is kept beyond policy has a last day: write 2027-01-31", http.StatusBadRequest}
		}
	}
	if d.Reason, err = r.reason(); err != nil {
		return "", err
	}
	d.Keep = verb == "keep"
	n, err := s.Reviews.Review(ctx, r.User, d)
	return did("/reviews/"+url.PathEscape(d.Review), verb, n), err
}

func (s *Site) closeReview(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	reason, err := r.reason()
	if err != nil {
		return "", err
	}
	name := r.PathValue("name")
	return did("/reviews/"+url.PathEscape(name), "closed", 0), s.Reviews.CloseReview(ctx, r.User, name, reason)
}

func (s *Site) startReview(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	o := engine.ReviewOrder{Name: strings.TrimSpace(r.PostFormValue("name")), Reviewers: r.PostFormValue("reviewers"), Undecided: r.PostFormValue("undecided") != ""}
	if p := r.PostFormValue("program"); p != "" {
		o.Scope = append(o.Scope, "program:"+p)
	}
	if role := strings.TrimSpace(r.PostFormValue("role")); role != "" {
		o.Scope = append(o.Scope, "role:"+role)
	}
	o.Scope = append(o.Scope, r.PostForm["scope"]...)
	var err error
	if o.Due, err = time.ParseInLocation(time.DateOnly, r.PostFormValue("due"), time.UTC); err != nil {
		return "", Refused{"A review has a last day for decisions: write 2027-01-31", http.StatusBadRequest}
	}
	if keep := r.PostFormValue("keep"); keep != "" {
		if o.Keep, err = time.ParseInLocation(time.DateOnly, keep, time.UTC); err != nil {
			return "", Refused{"What is kept beyond policy has a last day: write 2028-01-31", http.StatusBadRequest}
		}
	}
	if o.Reason, err = r.reason(); err != nil {
		return "", err
	}
	n, err := s.Reviews.StartReview(ctx, r.User, o)
	return did("/reviews/"+url.PathEscape(o.Name), "begun", n), err
}
