package engine

import (
	"sync/atomic"
	"time"
)

// RevokeMode says which revocations are wanted in a program; there is no default.
type RevokeMode string

// The modes.
const (
	RevokeNever   RevokeMode = "never"   // holds back leavers too, with an alarm and a task; a cut overrides it
	RevokeManaged RevokeMode = "managed" // only what Rolecall granted or adopted
	RevokeAll     RevokeMode = "all"     // adopts every holding of linked accounts first, through an approved plan
)

// UnmanagedMode says what happens to what a leaver holds and Rolecall does not manage; there is no default.
type UnmanagedMode string

// The modes.
const (
	UnmanagedSuspend UnmanagedMode = "suspend" // the account is suspended; a program without accounts has the holdings revoked
	UnmanagedApprove UnmanagedMode = "approve" // the same, after approval
	UnmanagedReport  UnmanagedMode = "report"
)

// Template proposes a text for a person: an account name, an attribute. missing names the first attribute it lacks
// ("" if none); an empty value never makes an account.
type Template func(p *Person) (text, missing string)

// Program is one program as configured, with its connector.
type Program struct {
	Name        string
	Kind        string
	Connector   Connector
	Describes   Description
	Revoke      RevokeMode
	Patterns    []string // for RevokeAll: rights that may be adopted, path.Match patterns; empty: all
	Match       string   // attribute of the account that holds the person's immutable key; "" matches nothing
	MatchWith   Template // what to compare it with; nil: the key
	Create      Template // proposes a name for a new account; nil: never creates
	Attributes  map[string]Template
	Repair      string // report (also ""), regrant: what somebody else removed
	Away        string // keep (also ""), suspend: the account of people who are away
	Delete      bool   // delete accounts of leavers after Wait; a separate opt-in
	Wait        time.Duration
	Grace       time.Duration              // movers keep what they lose for this long
	Protected   []string                   // accounts that only an approval or a cut may touch
	Accounts    map[string]DeclaredAccount // by id or name: what the configuration says of single accounts
	Admin       string                     // the right whose last holder is never removed, "" if none
	Concurrency int                        // calls at once, 0: what the connector declares
	Rate        float64                    // calls a second at most, 0: unlimited; a change of a Batcher counts as a call. Holds for one process
	Lost        *atomic.Int32              // calls that never returned: while there are too many the program is set aside; nil: each piece of work counts its own
	After       []string                   // programs whose work comes first
	Seats       *SeatRules                 // nil: nothing is said of seats
	Owner       string                     // who answers for it, by any name that the directory knows
	LastUse     LastUse                    // when accounts were last used, where the program shows that
}

// Limit allows max(Floor, min(Cap, Percent of the highest count in the window)) removals or grants in a rolling Window.
type Limit struct {
	Floor   int           `yaml:"floor"`   // Floor is always allowed.
	Percent float64       `yaml:"percent"` // Percent of the highest number of holders in the window.
	Cap     int           `yaml:"cap"`     // Cap is never exceeded, unless by the floor.
	Window  time.Duration `yaml:"window"`  // Window over which changes are counted, at most 90d.
}

// Limits are kept per program, per source and in all.
type Limits struct {
	RevokePeople   Limit
	RevokeHoldings Limit
	Leavers        Limit
	Grant          Limit
}

// Settings is everything configured that a plan depends on, besides policy.
type Settings struct {
	Zone            *time.Location // of dates of people without one
	Unmanaged       UnmanagedMode  // of leavers
	LeaverGrace     time.Duration  // 0 unless set; a cut has none
	Absences        int            // complete reads that must miss somebody: 2, or 3 without canaries
	Apart           time.Duration  // between the first and the last of them
	ProtectedPeople []string       // keys or logins
	Tolerance       Tolerance      // how much less than before a directory's read may show; zero: DefaultTolerance
	Slot            time.Duration  // between two runs; an expiry first due after a gap of three waits for one more run
	Limits          Limits
	Expected        []Expected // announced waves
	Alarms          Alarms
	Escalate        Escalation        // what waits for approval
	Hash            string            // of the configuration
	Filters         map[string]string // directory → hash of what it searches; a change holds the next absence back
}
