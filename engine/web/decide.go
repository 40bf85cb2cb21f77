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

// Decisions are what people decide on the page. Who may is asked before; whether the decision may be made is judged behind
// them, by the engine, whose refusals come as Refused. The functions are called concurrently.
type Decisions interface {
	Decide(ctx context.Context, u User, approve bool, items []string, reason string) (int, error)
	Give(ctx context.Context, u User, person, entitlement string, day time.Time, reason string) error
	Pause(ctx context.Context, u User, program string, on bool, reason string) error // "": everything
	Cuts
	Undoes
}

// Cuts are cuts of one person, by key.
type Cuts interface {
	CutPreview(ctx context.Context, person string) (*engine.Plan, error) // what Cut would do
	Cut(ctx context.Context, u User, person, reason string) error        // ErrUnderWay: it is recorded, and work goes on
	Lift(ctx context.Context, u User, person, reason string) error
}

// Undoes take runs back.
type Undoes interface {
	UndoPreview(ctx context.Context, run string) ([]engine.Undone, error)
	Undo(ctx context.Context, u User, run, reason string) error
}

// ErrUnderWay says that a cut is recorded, and not at its end yet.
var ErrUnderWay = errors.New("under way")

// ByHand is a cut that could not be recorded, so that nothing was done: what somebody must do in the programs.
type ByHand struct{ Changes []engine.Change }

// Error implements error.
func (ByHand) Error() string { return "the cut could not be recorded, so that nothing was done" }

const mostReason = 1000 // characters

// reason is why somebody decides, for those who read the journal later.
func (r asked) reason() (string, error) {
	text := strings.TrimSpace(r.PostFormValue("reason"))
	switch {
	case text == "":
		return "", Refused{"Say why: a reason is needed, and nothing was done", http.StatusBadRequest}
	case len([]rune(text)) > mostReason:
		return "", Refused{fmt.Sprintf("The reason is longer than %d characters, and nothing was done", mostReason), http.StatusBadRequest}
	}
	return text, nil
}

// did is an address that says what was done. It says it by a word, for an address is easily made by somebody else.
func did(path, word string, n int) string {
	q := url.Values{"did": {word}}
	if n > 0 {
		q.Set("n", strconv.Itoa(n))
	}
	return path + "?" + q.Encode()
}

// said is what the page says of what was done, "" where nothing was.
func (r asked) said() string {
	n, _ := strconv.Atoi(r.URL.Query().Get("n"))
	return map[string]string{
		"approve":    "Approved: " + plural(n, "item", "items") + ". The next run makes the changes, within 24 hours.",
		"reject":     "Rejected: " + plural(n, "item", "items") + ".",
		"give":       "Given. The next run makes the change.",
		"cut":        "Cut off. What was done is in the history below.",
		"cutting":    "The cut is recorded and under way; the history below shows how far it is.",
		"lift":       "The cut is lifted. What policy gives comes back with the next run.",
		"pause":      "Paused.",
		"resume":     "Resumed.",
		"keep":       "Kept: " + plural(n, "line", "lines") + ". What policy does not give is an extra from the next run on.",
		"revoke":     "Revoked: " + plural(n, "line", "lines") + ". The next run takes it, within the limits.",
		"done":       "Ticked off.",
		"release":    "Let go of " + strconv.Itoa(n) + ". The next run decides them anew.",
		"delegate":   "Noted. They may decide in your place on these days.",
		"undelegate": "Ended.",
		"begun":      "The review has begun: " + plural(n, "line", "lines") + " to decide.",
		"closed":     "The review is closed.",
		"undo":       "Noted. The next run takes it back, through the same limits and approvals as everything else.",
	}[r.URL.Query().Get("did")]
}

// done is what somebody did, and where to look then.
type done struct {
	path, word string
	n          int // how many, where that can be told
}

// deed does something, asked for by the values of a form. Whether a page sent it or a program is all the same to it.
type deed func(ctx context.Context, r asked) (done, error)

// acts is a deed for a page, which is sent on to look.
func acts(d deed) act {
	return func(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
		x, err := d(ctx, r)
		if err != nil {
			return "", err
		}
		return did(x.path, x.word, x.n), nil
	}
}

func (s *Site) decide(ctx context.Context, r asked) (done, error) {
	verb := r.PostFormValue("do")
	if verb != "approve" && verb != "reject" {
		return done{}, Refused{"Approve or reject: nothing was decided", http.StatusBadRequest}
	}
	items := r.PostForm["item"]
	if r.PostFormValue("all") != "" { // those that were shown, and no others that came since
		items = r.PostForm["shown"]
	}
	if len(items) == 0 || slices.Contains(items, "all") {
		return done{}, Refused{"Nothing was chosen, and nothing was decided", http.StatusBadRequest}
	}
	reason, err := r.reason()
	if err != nil {
		return done{}, err
	}
	n, err := s.Decisions.Decide(ctx, r.User, verb == "approve", items, reason)
	return done{"/waiting", verb, n}, err
}

func (s *Site) give(ctx context.Context, r asked) (done, error) {
	key, entitlement := r.PathValue("key"), r.PostFormValue("entitlement")
	day, err := time.ParseInLocation(time.DateOnly, r.PostFormValue("until"), time.UTC)
	if err != nil || !day.After(s.Now().AddDate(0, 0, -1)) {
		return done{}, Refused{"An extra has a last day, in the future: write 2027-01-31", http.StatusBadRequest}
	}
	seen := s.Outlook()
	if seen == nil || !slices.ContainsFunc(seen.Policy.Entitlements(), func(e engine.Entitlement) bool { return e.String() == entitlement }) {
		return done{}, Refused{"There is nothing of that name to give", http.StatusBadRequest}
	}
	reason, err := r.reason()
	if err != nil {
		return done{}, err
	}
	return done{"/people/" + url.PathEscape(key), "give", 0}, s.Decisions.Give(ctx, r.User, key, entitlement, day, reason)
}

func (s *Site) pause(on bool) deed {
	return func(ctx context.Context, r asked) (done, error) {
		program, to, word := r.PostFormValue("program"), "/", "resume"
		if _, said := r.PostForm["program"]; !said { // empty is everything, which nobody says by leaving it out
			return done{}, Refused{"Say which program: nothing was done", http.StatusBadRequest}
		}
		if program != "" {
			if !slices.ContainsFunc(s.Programs(), func(p Program) bool { return p.Name == program }) {
				return done{}, Refused{"There is no program of that name", http.StatusBadRequest}
			}
			to = "/programs/" + url.PathEscape(program)
		}
		if on {
			word = "pause"
		}
		reason, err := r.reason()
		if on && err != nil {
			return done{}, err
		}
		return done{to, word, 0}, s.Decisions.Pause(ctx, r.User, program, on, reason)
	}
}

// cutView is what is looked at before somebody is cut off.
type cutView struct {
	Key, Name string
	Cut       *engine.Fact // they are already
	Changes   []changeRow
	Unknown   bool // what would be done can't be told now
}

func (s *Site) cutForm(ctx context.Context, r asked) (view, error) {
	v := cutView{Key: r.PathValue("key")}
	v.Name = s.nameOf(v.Key)
	var err error
	if v.Cut, err = s.CutSince(ctx, v.Key); err != nil {
		return view{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience/2)
	defer cancel()
	p, err := s.Decisions.CutPreview(ctx, v.Key)
	switch {
	case err == nil:
		v.Changes = changeRows(p.Changes, func(c *engine.Change) bool { return c.Person == v.Key }, 0)
		for i := range v.Changes {
			v.Changes[i].Why = []string{"the cut"}
		}
	case errors.As(err, new(Refused)):
		return view{}, err
	default: // which must not stand in the way
		s.Failed(r.URL.Path, err)
		v.Unknown = true
	}
	return view{"cut", "Cut off " + v.Name, v}, nil
}

func (s *Site) cut(ctx context.Context, r asked) (done, error) {
	reason, err := r.reason()
	if err != nil {
		return done{}, err
	}
	to := "/people/" + url.PathEscape(r.PathValue("key"))
	err = s.Decisions.Cut(ctx, r.User, r.PathValue("key"), reason)
	if errors.Is(err, ErrUnderWay) {
		return done{to, "cutting", 0}, nil
	}
	return done{to, "cut", 0}, err
}

func (s *Site) lift(ctx context.Context, r asked) (done, error) {
	reason, err := r.reason()
	if err != nil {
		return done{}, err
	}
	return done{"/people/" + url.PathEscape(r.PathValue("key")), "lift", 0}, s.Decisions.Lift(ctx, r.User, r.PathValue("key"), reason)
}

// undoView is what is looked at before a run is undone.
type undoView struct {
	Run    string
	Undone []undoneRow
	Can    int // of them can be
}

// undoneRow is one change and its inverse.
type undoneRow struct {
	changeRow
	engine.Undone
}

func (s *Site) undoForm(ctx context.Context, r asked) (view, error) {
	v := undoView{Run: r.PathValue("run")}
	list, err := s.Decisions.UndoPreview(ctx, v.Run)
	if err != nil {
		return view{}, err
	}
	for i := range list {
		row := undoneRow{rowOf(&list[i].Change), list[i]}
		row.Says = cmp.Or(list[i].Cannot, list[i].Partly)
		if v.Undone = append(v.Undone, row); list[i].Cannot == "" {
			v.Can++
		}
	}
	return view{"undo", "Undo run " + v.Run, v}, nil
}

func (s *Site) undo(ctx context.Context, r asked) (done, error) {
	reason, err := r.reason()
	if err != nil {
		return done{}, err
	}
	return done{"/runs/" + url.PathEscape(r.PathValue("run")), "undo", 0}, s.Decisions.Undo(ctx, r.User, r.PathValue("run"), reason)
}
