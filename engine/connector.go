package engine

import (
	"context"
	"strings"
	"time"
)

// Entitlement is a right in a program: "gitea/eng". The bare program name is the active account, "gitea/.exists" its
// existence.
type Entitlement struct {
	Program string
	Name    string // Active, Exists or the program's own name of the right, as the connector spells it
}

// Names of the two reserved entitlements of every program that has accounts.
const (
	Active = ""        // the account can be used; revoking it suspends
	Exists = ".exists" // the account is there; revoking it deletes
)

// String gives the form used in policies and on pages.
func (e Entitlement) String() string {
	if e.Name == Active {
		return e.Program
	}
	return e.Program + "/" + e.Name
}

// ParseEntitlement reads "program" or "program/name"; the name may itself contain slashes.
func ParseEntitlement(s string) Entitlement {
	program, name, _ := strings.Cut(s, "/")
	return Entitlement{Program: program, Name: name}
}

// Holding is one (account, entitlement) that a program says exists now.
type Holding struct {
	Account     string // the program's own immutable id of the account
	Entitlement string // the name within the program: Active, Exists, or a right
	Info        *AccountInfo
}

// AccountInfo is what a program shows of an account. It comes with the account's Exists holding, or its first one where
// the program has no accounts of its own.
type AccountInfo struct {
	Name       string            // what the account is called there, as create: would call it: a user name
	Display    string            // whose it is, for people to read
	Kind       string            // PersonalAccount (also "") or another of these words
	Attributes map[string]string // what match: and adopt may compare: externalId, mail, login, …
	LastUse    *time.Time        // nil: unknown, which is never "unused"
}

// Outcome of one call to a program.
type Outcome string

// Outcomes. A connector returns the first four; the journal knows the others as well.
const (
	Done      Outcome = "done"      // the program says that it changed
	Already   Outcome = "already"   // it was so before
	Refused   Outcome = "refused"   // the program will not do it; trying again alone does not help
	Uncertain Outcome = "unknown"   // it may have happened: read back before anything is tried again
	Failed    Outcome = "failed"    // it certainly did not happen; it may be tried again
	Withdrawn Outcome = "withdrawn" // a later run would not make this change again
	Halted    Outcome = "halted"    // the same, but it was begun: it stays open, is read back, and never repeated
)

// Outcomes are all of them.
func Outcomes() []Outcome {
	return []Outcome{Done, Already, Refused, Uncertain, Failed, Withdrawn, Halted}
}

// Connector is one program. Every call may be repeated: granting twice and revoking what is not there succeed with
// Already. Holdings yields accounts and entitlements letter for letter as Grant takes them. An error together with
// Done is impossible; with Failed or Refused it says why; any other error is taken for Uncertain, since the effect can't
// be excluded. Calls come from several goroutines, never two at once for one account. What is an io.Closer too is closed after
// the last call, but for calls that were given up.
type Connector interface {
	Holdings(ctx context.Context, yield func(Holding) error) (Proof, error)
	Grant(ctx context.Context, account, entitlement string) (Outcome, error)
	Revoke(ctx context.Context, account, entitlement string) (Outcome, error)
}

// Description is what a connector declares about its program; the plan keeps to it.
type Description struct {
	Identity    string        // names the target itself, "scim:https://crm.example.com/scim/v2": two programs may not share it
	Accounts    bool          // knows Active: Grant resumes, Revoke suspends
	Lifecycle   bool          // knows Exists: implements Creator, Revoke(account, Exists) deletes
	Rename      bool          // implements Updater
	Seats       bool          // implements SeatCounter
	Keyed       bool          // accounts are the people's immutable keys: nothing to match or to create
	Lag         time.Duration // lists may lag behind writes by this much
	Deletes     string        // what a delete destroys, in words; "" if it can be taken back
	Concurrency int           // calls at once at most; 0 means 1
	Batch       int           // of a Batcher: changes it likes to get at once; 0 means 500
	Grantable   []string      // sorted names of all entitlements that exist, nil if they can't be listed
}

// Describer is the optional ability to declare more than the zero Description.
type Describer interface {
	Describe(ctx context.Context) (Description, error)
}

// Catalogued is known by heart: its configuration says which entitlements exist, so that policy is checked without a call.
type Catalogued interface {
	Catalogue() []string // sorted names; empty: not known, any name may exist
}

// Canonicaler decides when two names are the same. Without it names are compared byte by byte.
type Canonicaler interface {
	Canonical(account, entitlement string) (string, string)
}

// NewAccount is what a new account is made from.
type NewAccount struct {
	Name       string            // proposed by the create: template
	Person     string            // the person's immutable key, for programs that can store it
	Attributes map[string]string // filled templates, never empty values
}

// Creator makes accounts, active ones where the program can. Create returns the program's own id. If an account of that
// name is already there that was not made for the same person, the outcome is Refused: accounts are adopted by review
// only, never silently. One that shows it was made for this person (a lost answer, asked again) is Already.
type Creator interface {
	Create(ctx context.Context, account NewAccount) (id string, outcome Outcome, err error)
}

// Updater changes an account's name and attributes in place.
type Updater interface {
	Update(ctx context.Context, account string, to NewAccount) (Outcome, error)
}

// Reader reads one account singly: all it holds, none if it is not there.
type Reader interface {
	Account(ctx context.Context, account string) ([]Holding, error)
}

// Batcher does many changes of one program at once, as if they were made one by one: one result for each, in order, and
// a change that fails takes no other one with it. A program that is a Creator creates in batches, too.
type Batcher interface {
	Apply(ctx context.Context, changes []Call) []Result
}

// Call is one change as a connector sees it.
type Call struct {
	Grant                bool
	Account, Entitlement string
	New                  *NewAccount // not nil: create this account; the other fields mean nothing
}

// Result is the answer to one Call.
type Result struct {
	Outcome Outcome
	Err     error
	ID      string // of the account created
}
