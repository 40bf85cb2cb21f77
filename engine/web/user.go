package web

import (
	"context"
	"net/http"

	"github.com/rolecall/rolecall/engine"
)

// Permission is what somebody may do on the page. Each includes those before it.
type Permission int

// The permissions.
const (
	Anybody  Permission = iota // who is not signed in
	Own                        // everybody who is signed in: their own access, a manager's team, an owner's programs
	Viewer                     // to see everything
	Reviewer                   // to review access
	Approver                   // to decide what waits, to give extras and to cut people off
	Admin                      // to pause and resume, to undo runs, to lift cuts
)

// permissionNames are the words of the configuration; the first is nobody's.
func permissionNames() []string {
	return []string{"nobody", "signed in", "viewer", "reviewer", "approver", "admin"}
}

// String is the word of the configuration.
func (p Permission) String() string { return permissionNames()[p] }

// ParsePermission is the inverse of String for those that a configuration gives.
func ParsePermission(word string) (p Permission, known bool) {
	for p = Viewer; p <= Admin; p++ {
		if p.String() == word {
			return p, true
		}
	}
	return Anybody, false
}

// User is who asks for a page.
type User struct {
	Actor      string              // how the journal calls them
	Name       string              // for people
	Person     string              // key of the person of the directory who they are, "" where there is none
	Words      []string            // all that they may be called by elsewhere
	Unsure     string              // why nobody can tell whose access is theirs: they decide on nothing but cuts; "": it can be told
	Permission Permission          //
	Token      bool                // they came with a token: its permission is all that it is good for
	StandsFor  []engine.Delegation // those in whose place they may decide now
}

// Door lets people in; see engine/login. Its methods may be called concurrently.
type Door interface {
	Who(r *http.Request) (u User, in bool, err error)
	Begin(w http.ResponseWriter, r *http.Request, next string) error        // sends to the provider
	Return(w http.ResponseWriter, r *http.Request) (next string, err error) // takes who comes from there
	Enter(w http.ResponseWriter, r *http.Request, token string) error       //
	Leave(w http.ResponseWriter, r *http.Request) error                     //
}

// Ways are how people may sign in.
type Ways struct {
	Provider string // what to call it, "" if there is none
	Tokens   bool
	Host     string // under which browsers know the page, "" for this machine only
	Secure   bool   // browsers use https
}

// Refused is an error that says what whoever asks may read, and with which status.
type Refused struct {
	Text   string
	Status int
}

// Error implements error.
func (r Refused) Error() string { return r.Text }

// user is who asks. Without a login it is whoever sits at the machine, who may look and nothing else.
func (s *Site) user(r *http.Request) (u User, err error) {
	if s.Door == nil {
		return User{Permission: Viewer}, nil
	}
	u, in, err := s.Door.Who(r)
	if err != nil || !in {
		return User{}, err
	}
	u.Permission = max(u.Permission, Own)
	return u, s.standsFor(r.Context(), &u)
}

// noted is for Options.Refused, which may be nil.
func (s *Site) noted(ctx context.Context, u User, what string) {
	if s.Refused == nil {
		return
	}
	if err := s.Refused(ctx, u, what); err != nil {
		s.Failed(what, err)
	}
}
