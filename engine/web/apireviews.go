package web

import (
	"time"

	"github.com/rolecall/rolecall/engine"
)

// reviewList are the reviews of access, newest first: all of them for who sees everything, else those in which whoever asks is asked.
type reviewList struct {
	Reviews []reviewJSON `json:"reviews"`
	Pruned  string       `json:"pruned,omitempty"` // what is not there any more: reviews that ended before
}

// reviewJSON is a review of access and how far it is.
type reviewJSON struct {
	Name      string    `json:"name"`
	Reason    string    `json:"reason,omitempty"`
	Scope     []string  `json:"scope"`     // program:NAME, entitlement:NAME, role:NAME, person:KEY; all of them hold; none: everything
	Reviewers string    `json:"reviewers"` // managers or owners
	Undecided bool      `json:"undecided"` // only what policy does not give
	Began     time.Time `json:"began"`
	By        string    `json:"by"`
	Due       string    `json:"due"`             // the last day, 2027-01-31
	Keep      string    `json:"keep,omitempty"`  // the last day of the extras that it leads to, unless another is said
	Overdue   bool      `json:"overdue"`         // the last day is over, and something is open
	Lines     int       `json:"lines"`           //
	Kept      int       `json:"kept"`            // lines
	Revoked   int       `json:"revoked"`         // lines
	Over      int       `json:"over"`            // lines that ended by themselves
	Open      int       `json:"open"`            // lines
	Mine      int       `json:"mine"`            // open lines for which whoever asks is asked
	Orphans   int       `json:"orphans"`         // holdings within the scope that belong to nobody, and so are in no line
	Gone      int       `json:"gone"`            // the same of people who are not there any more
	Closed    time.Time `json:"closed,omitzero"` // absent: it is under way
	ClosedBy  string    `json:"closed_by,omitempty"`
	Why       string    `json:"why,omitempty"` // it was closed
}

func reviewJSONOf(r *reviewRow) reviewJSON {
	out := reviewJSON{Name: r.Name, Reason: r.Reason, Scope: each(r.Scope, same), Reviewers: r.Reviewers, Undecided: r.Undecided, Began: r.Began.UTC(), By: r.By, Due: r.Due.Format(time.DateOnly),
		Overdue: r.Overdue, Lines: r.Lines, Kept: r.Kept, Revoked: r.Revoked, Over: r.Over, Open: r.Open, Mine: r.Mine, Orphans: r.Orphans, Gone: r.Gone, ClosedBy: r.ClosedBy, Why: r.Why}
	if !r.Keep.IsZero() {
		out.Keep = r.Keep.Format(time.DateOnly)
	}
	if !r.Closed.IsZero() {
		out.Closed = r.Closed.UTC()
	}
	return out
}

func reviewsOf(v *reviewsView) (reviewList, error) {
	return reviewList{each(v.Reviews, reviewJSONOf), v.Pruned}, nil
}

// reviewWhole is a review with up to 50 of its lines that whoever asks may see.
type reviewWhole struct {
	Review reviewJSON       `json:"review"`
	Found  int              `json:"found"` // lines that the filters let through
	Lines  []reviewLineJSON `json:"lines"`
	Before string           `json:"before,omitempty"` // the address of the part before; absent: this is the first
	More   string           `json:"more,omitempty"`   // the address of the next part; absent: this is the last
	Pruned string           `json:"pruned,omitempty"` // what is not there any more: lines on which nothing happened since are missing, and what was decided before
}

// reviewLineJSON is one holding that is looked at.
type reviewLineJSON struct {
	Line        string    `json:"line"`   // id
	Person      string    `json:"person"` // key
	Login       string    `json:"login,omitempty"`
	Name        string    `json:"name,omitempty"`
	Program     string    `json:"program"`
	Account     string    `json:"account"`
	Entitlement string    `json:"entitlement"`    // program or program/name
	Kind        string    `json:"kind,omitempty"` // of the account: personal, admin, test; former: somebody has a newer one
	Since       time.Time `json:"since"`          // the last change of it
	Managed     bool      `json:"managed"`        // granted or adopted by Rolecall
	Given       bool      `json:"given"`          // policy gives it
	Why         string    `json:"why,omitempty"`  // it is there
	Cost        string    `json:"cost,omitempty"` // of the seat
	Peers       *int      `json:"peers,omitempty"`
	Same        *int      `json:"same,omitempty"`     // peers who have the same; absent: nobody can be compared
	PeersBy     string    `json:"peers_by,omitempty"` // what makes them peers: "title Engineer"
	Asked       []string  `json:"asked"`              // names of those who are asked; none: whoever may review anything
	May         bool      `json:"may"`                // whoever asks may decide on it
	Own         bool      `json:"own"`                // it is the access of whoever asks
	Decision    string    `json:"decision"`           // open, keep, revoke or over (it ended by itself)
	By          string    `json:"by,omitempty"`
	At          time.Time `json:"at,omitzero"`
	Reason      string    `json:"reason,omitempty"`
	Becomes     string    `json:"becomes,omitempty"` // confirmed, extra, kept, block, revocation
	Until       string    `json:"until,omitempty"`   // the last day of an extra, or when to look at a block again
}

func reviewLineOf(l *lineRow) reviewLineJSON {
	out := reviewLineJSON{Line: l.ID, Person: l.Person, Login: l.Login, Name: l.Name, Program: l.Program, Account: l.Account, Entitlement: l.Entitlement, Kind: l.Kind, Since: l.Since.UTC(), Managed: l.Managed, Given: l.Given,
		Why: l.Why, Cost: l.Cost, PeersBy: l.PeersBy, Asked: each(l.Asked, same), May: l.May, Own: l.Own, Decision: string(l.State), By: l.By, Reason: l.Reason, Becomes: l.Becomes}
	if l.State == engine.LineOpen {
		out.Decision = "open"
	}
	if l.PeersBy != "" {
		out.Peers, out.Same = &l.Peers, &l.Same
	}
	if !l.At.IsZero() {
		out.At = l.At.UTC()
	}
	if !l.Until.IsZero() {
		out.Until = l.Until.Format(time.DateOnly)
	}
	return out
}

func reviewOf(v *reviewView) (reviewWhole, error) {
	out := reviewWhole{Review: reviewJSONOf(&v.reviewRow), Found: v.Found, Lines: []reviewLineJSON{}, Pruned: v.Pruned}
	for _, g := range v.Groups {
		out.Lines = append(out.Lines, each(g.Lines, reviewLineOf)...)
	}
	if v.Before != "" {
		out.Before = apiBase + v.Before
	}
	if v.More != "" {
		out.More = apiBase + v.More
	}
	return out, nil
}
