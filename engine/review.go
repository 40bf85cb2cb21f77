package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Review is a campaign in which people look at who has what, and decide line by line whether it stays.
type Review struct {
	Name      string    `json:"name"`
	Reason    string    `json:"reason"`
	Scope     []string  `json:"scope"`               // program:NAME, entitlement:NAME, role:NAME, person:KEY; all of them hold; none: everything
	Reviewers string    `json:"reviewers"`           // managers, owners
	Undecided bool      `json:"undecided,omitempty"` // only what policy does not give
	Began     time.Time `json:"began"`
	By        string    `json:"by"`
	Due       time.Time `json:"due"`  // the last day
	Keep      time.Time `json:"keep"` // the last day of the extras that it leads to
	Lines     int       `json:"lines"`
	Orphans   int       `json:"orphans"` // holdings within the scope that belong to nobody, and so are in no line
	Gone      int       `json:"gone"`    // the same of people who are not there any more
	Closed    time.Time `json:"closed,omitzero"`
	ClosedBy  string    `json:"closed_by,omitempty"`
	Why       string    `json:"why,omitempty"` // it was closed
	Progress
}

// Progress is how far a review is.
type Progress struct {
	Kept    int `json:"kept"`
	Revoked int `json:"revoked"`
	Over    int `json:"over"` // lines that ended by themselves
	Open    int `json:"open"`
}

// Who reviews.
const (
	ByManagers = "managers" // the manager of whoever has it
	ByOwners   = "owners"   // the owner of the program
)

// LineState is what became of a line.
type LineState string

// The states of a line.
const (
	LineOpen    LineState = ""
	LineKept    LineState = "keep"
	LineRevoked LineState = "revoke"
	LineOver    LineState = "over" // there is nothing to decide any more
)

// ReviewLine is one holding that is looked at.
type ReviewLine struct {
	ID          string    `json:"id"`
	Review      string    `json:"review"`
	Person      string    `json:"person"`
	Login       string    `json:"login"`
	Name        string    `json:"name"`
	Program     string    `json:"program"`
	Account     string    `json:"account"`
	Entitlement string    `json:"entitlement"`    // "program" or "program/name"
	Kind        string    `json:"kind,omitempty"` // of the account: personal, admin, test; former: somebody has a newer one
	Since       time.Time `json:"since"`          // the last change of it
	Managed     bool      `json:"managed"`
	Given       bool      `json:"given"` // policy gives it
	Why         string    `json:"why"`   // it is there
	Cost        string    `json:"cost,omitempty"`
	Same        int       `json:"same"` // peers who have the same
	Peers       int       `json:"peers"`
	PeersBy     string    `json:"peers_by,omitempty"` // "title Engineer"; "": nobody can be compared
	Reviewers   []string  `json:"reviewers"`          // keys; none: whoever may review anything
	Asked       []string  `json:"asked"`              // their names
	State       LineState `json:"state"`
	By          string    `json:"by,omitempty"`
	At          time.Time `json:"at,omitzero"`
	Reason      string    `json:"reason,omitempty"`
	Becomes     string    `json:"becomes,omitempty"` // confirmed, extra, kept, block, revocation
	Until       time.Time `json:"until,omitzero"`    // last day of an extra, or when to look at a block again
}

// Right is the name of the entitlement within its program.
func (l *ReviewLine) Right() string { return ParseEntitlement(l.Entitlement).Name }

func (l *ReviewLine) key() FactKey {
	return FactKey{Kind: FactLine, Program: l.Program, Account: l.Account, Entitlement: l.Right(), Person: l.Person, Key: l.Review}
}

func (l *ReviewLine) fact() Fact {
	return Fact{FactKey: l.key(), Since: l.Since, Text: string(l.State), Data: mustJSON(l)}
}

// record of what a line is now, with what follows from it.
func (l *ReviewLine) record(actor string, why []string, also ...Fact) Record {
	return Record{Kind: KindLine, Actor: actor, Person: l.Person, Program: l.Program, Account: l.Account, Entitlement: l.Right(), Why: why,
		Data: mustJSON(l), Set: append([]Fact{l.fact()}, also...)}
}

// LineOf is the line of a FactLine.
func LineOf(f Fact) (l ReviewLine) {
	if json.Unmarshal(f.Data, &l) != nil { // what is known of it is its key
		l = ReviewLine{Review: f.Key, Person: f.Person, Program: f.Program, Account: f.Account, Entitlement: Entitlement{f.Program, f.Entitlement}.String(), State: LineState(f.Text)}
	}
	return l
}

func (r *Review) fact() Fact {
	return Fact{FactKey: FactKey{Kind: FactReview, Key: r.Name}, Since: r.Began, Until: r.Due, Count: r.Lines, Data: mustJSON(r)}
}

func reviewOf(f Fact) (r Review) {
	if json.Unmarshal(f.Data, &r) != nil {
		r = Review{Name: f.Key, Began: f.Since, Due: f.Until, Lines: f.Count}
	}
	return r
}

// ProgressOf is how far lines are.
func ProgressOf(lines []ReviewLine) (p Progress) {
	for i := range lines {
		p.add(lines[i].State)
	}
	return p
}

func (p *Progress) add(s LineState) {
	switch s {
	case LineKept:
		p.Kept++
	case LineRevoked:
		p.Revoked++
	case LineOver:
		p.Over++
	default:
		p.Open++
	}
}

// Overdue says whether the last day is over, in a zone, and something is still to be decided.
func (r *Review) Overdue(now time.Time, zone *time.Location) bool {
	return r.Closed.IsZero() && r.Open > 0 && !now.Before(dayAfter(r.Due, zone))
}

// Ends is when the last day is over, in a zone.
func (r *Review) Ends(zone *time.Location) time.Time { return dayAfter(r.Due, zone) }

// dayAfter is when a calendar day is over in a zone.
func dayAfter(d time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	return time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, zone)
}

// ErrNoReview and the others are what reviews are refused with.
var (
	ErrNoReview    = errors.New("no review of that name is under way; see: rolecall review list")
	ErrNoLine      = errors.New("no such line; see: rolecall review show")
	ErrNotReviewer = errors.New("this is for somebody else to review")
	ErrForbidden   = errors.New("a block or a conflict forbids it, so that it can't be kept")
	ErrLookAgain   = errors.New("it is not any more what was put up for review; look at it again")
	ErrOver        = errors.New("there is nothing to decide on it any more")
	ErrHalfRead    = errors.New("the directory can't be read completely now, so nothing was done; try again later")
	ErrNoBlock     = errors.New("no review led to such a block; see: rolecall review blocks")
)

// Facts reads facts of one kind as they are now.
type Facts interface {
	Facts(ctx context.Context, kind string) ([]Fact, error)
}

// ReviewLog is what reviews are read back from.
type ReviewLog interface {
	Log
	Facts
}

// Reviews lists all, those under way with their progress, newest first.
func Reviews(ctx context.Context, log ReviewLog) (out []Review, err error) {
	lines, err := log.Facts(ctx, FactLine)
	if err != nil {
		return nil, err
	}
	by := map[string]*Progress{}
	for i := range lines {
		p := by[lines[i].Key]
		if p == nil {
			p = &Progress{}
			by[lines[i].Key] = p
		}
		p.add(LineState(lines[i].Text))
	}
	at := map[string]int{}
	err = log.Records(ctx, Query{Kind: KindReview}, func(r Record) error {
		var one Review
		if json.Unmarshal(r.Data, &one) != nil { // blanked
			return nil
		}
		if n, began := at[one.Name]; began {
			out[n] = one
			return nil
		}
		at[one.Name] = len(out)
		out = append(out, one)
		return nil
	})
	for i := range out {
		if p := by[out[i].Name]; p != nil && out[i].Closed.IsZero() {
			out[i].Progress = *p
		}
	}
	slices.Reverse(out)
	return out, err
}

// ReadReview is one review with its lines, sorted by name, program and right; also of one that was closed. Of one that began before what was
// pruned it gives what is left, with the Pruned as the error.
func ReadReview(ctx context.Context, log ReviewLog, name string) (r Review, lines []ReviewLine, err error) {
	all, err := Reviews(ctx, log)
	if err != nil {
		return r, nil, err
	}
	n := slices.IndexFunc(all, func(r Review) bool { return r.Name == name })
	pruned, wrong := PrunedOf(ctx, log)
	switch {
	case wrong != nil:
		return r, nil, wrong
	case n < 0 && pruned != nil:
		return r, nil, fmt.Errorf("%w: %s; %w", ErrNoReview, quote(name), pruned)
	case n < 0:
		return r, nil, fmt.Errorf("%w: %s", ErrNoReview, quote(name))
	}
	r = all[n]
	if r.Closed.IsZero() {
		facts, err := log.Facts(ctx, FactLine)
		for _, f := range facts {
			if f.Key == name {
				lines = append(lines, LineOf(f))
			}
		}
		sortLines(lines)
		return r, lines, err
	}
	lines, err = closedLines(ctx, log, &r)
	if err == nil && pruned != nil && r.Began.Before(pruned.Before) { // what is left of it
		err = pruned
	}
	return r, lines, err
}

// closedLines are as the records of a review left them.
func closedLines(ctx context.Context, log Log, r *Review) (lines []ReviewLine, err error) {
	at, q := map[string]int{}, Query{Kind: KindLine}
	err = log.Records(ctx, Query{Kind: KindReview}, func(record Record) error { // times may be of clocks that do not agree
		if one := (Review{}); json.Unmarshal(record.Data, &one) == nil && one.Name == r.Name {
			if q.Before = record.Seq; one.Closed.IsZero() { // its beginning may have been pruned, and lines of it not
				q.After = cmp.Or(q.After, record.Seq)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = log.Records(ctx, q, func(record Record) error {
		var l ReviewLine
		if json.Unmarshal(record.Data, &l) != nil || l.Review != r.Name {
			return nil
		}
		if n, known := at[l.ID]; known {
			lines[n] = l
			return nil
		}
		at[l.ID] = len(lines)
		lines = append(lines, l)
		return nil
	})
	sortLines(lines)
	return lines, err
}

func sortLines(lines []ReviewLine) {
	slices.SortFunc(lines, func(a, b ReviewLine) int {
		for _, c := range [][2]string{{a.Name, b.Name}, {a.Person, b.Person}, {a.Entitlement, b.Entitlement}, {a.Account, b.Account}} {
			if n := strings.Compare(c[0], c[1]); n != 0 {
				return n
			}
		}
		return 0
	})
}
