package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Delegating is what people decide about who decides in their place.
type Delegating interface {
	Delegate(ctx context.Context, u User, to string, from, until time.Time, reason string) error
	EndDelegation(ctx context.Context, u User, of, to, reason string) error
}

// forStandIns are the addresses that are for whoever stands in for an approver, too.
func forStandIns() []string { return []string{"GET /waiting", "POST /waiting"} }

// may says whether somebody gets to an address. Where nobody signs in, nothing is done.
func (s *Site) may(u User, one way, method string) bool {
	if method == http.MethodPost && one.needs > Anybody && s.Door == nil {
		return false
	}
	return u.Permission >= one.needs || len(u.StandsFor) > 0 && slices.Contains(forStandIns(), one.pattern)
}

// delegations are those that are not over.
func (s *Site) delegations(ctx context.Context) (out []engine.Delegation, err error) {
	facts, err := s.Journal().Facts(ctx, engine.FactDelegate)
	for _, f := range facts {
		if d := engine.DelegationOf(f); !d.Over(s.Now(), s.Zone()) {
			out = append(out, d)
		}
	}
	return out, err
}

// standsFor finds in whose place somebody may decide now. A token lets nobody decide for others, who may not know of it.
func (s *Site) standsFor(ctx context.Context, u *User) error {
	if u.Person == "" || u.Token {
		return nil
	}
	all, err := s.delegations(ctx)
	u.StandsFor = slices.DeleteFunc(all, func(d engine.Delegation) bool { return d.To != u.Person || !d.Holds(s.Now(), s.Zone()) })
	return err
}

// lent says whether somebody's access is that of whom the user stands in for, who does not decide on it either.
func (u *User) lent(person string) bool {
	return slices.ContainsFunc(u.StandsFor, func(d engine.Delegation) bool { return d.Of == person })
}

// delegationRow is a delegation, and whether who looks may end it.
type delegationRow struct {
	engine.Delegation
	Holds bool
	May   bool
}

func (s *Site) delegationRows(ctx context.Context, u User) (out []delegationRow, err error) {
	all, err := s.delegations(ctx)
	for _, d := range all {
		out = append(out, delegationRow{d, d.Holds(s.Now(), s.Zone()), s.Door != nil && (u.Permission >= Admin || u.Permission >= Approver && d.Of == u.Person)})
	}
	return out, err
}

func (s *Site) delegate(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	if r.User.Token { // who steals it would decide on, after it was taken back
		s.noted(ctx, r.User, "delegating with a token")
		return "", Refused{"With a token nobody lets others decide in their place: sign in yourself", http.StatusForbidden}
	}
	if r.User.Person == "" {
		return "", Refused{"The directory knows nobody by what you signed in with, so that nobody can stand in for you", http.StatusConflict}
	}
	from, err := time.ParseInLocation(time.DateOnly, r.PostFormValue("from"), time.UTC)
	until, err2 := time.ParseInLocation(time.DateOnly, r.PostFormValue("until"), time.UTC)
	if err != nil || err2 != nil {
		return "", Refused{"Somebody stands in from one day to another: write 2027-01-31", http.StatusBadRequest}
	}
	to := r.PostFormValue("to")
	if to == "" {
		return "", Refused{"Say who is to stand in for you: nothing was done", http.StatusBadRequest}
	}
	reason, err := r.reason()
	if err != nil {
		return "", err
	}
	return did("/waiting", "delegate", 0), s.Delegates.Delegate(ctx, r.User, to, from, until, reason)
}

func (s *Site) endDelegation(ctx context.Context, _ http.ResponseWriter, r asked) (string, error) {
	of, to := r.PostFormValue("of"), r.PostFormValue("to")
	if of == "" || to == "" {
		return "", Refused{"Say whose delegation ends: nothing was done", http.StatusBadRequest}
	}
	if of != r.User.Person && r.User.Permission < Admin {
		s.noted(ctx, r.User, "ending the delegation of somebody else is for admins")
		return "", Refused{"Only they themselves and admins end what somebody else delegated", http.StatusForbidden}
	}
	reason, err := r.reason()
	if err != nil {
		return "", err
	}
	return did("/waiting", "undelegate", 0), s.Delegates.EndDelegation(ctx, r.User, of, to, reason)
}
