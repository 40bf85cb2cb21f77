package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Errors of a Journal.
var (
	// ErrStale: a control record came after the one the caller knew, or an intent to be withdrawn was claimed meanwhile.
	// Nothing was written; plan anew.
	ErrStale = errors.New("something was decided meanwhile; plan again")
	// ErrDeposed: another process became leader. Nothing was written.
	ErrDeposed = errors.New("another process has taken over planning")
)

// Guard is checked under the journal's head lock, in the transaction that writes.
type Guard struct {
	Epoch   int64     // 0: not checked; otherwise must be the head's epoch, else ErrDeposed
	Control int64     // -1: not checked; otherwise no control record may have a higher Seq, else ErrStale
	Until   time.Time // zero: not checked; otherwise the journal's clock must not be past it, else ErrStale
}

// Over says, as ErrStale, that the time of the guard is over.
func (g Guard) Over(now time.Time) error {
	if g.Until.IsZero() || !now.After(g.Until) {
		return nil
	}
	return &overError{until: g.Until, now: now}
}

// overError is an ErrStale that tells how late it is by the journal's clock.
type overError struct{ until, now time.Time }

func (e *overError) Error() string {
	return fmt.Sprintf("%v (an approval that was to be used expired at %s)", ErrStale, e.until.UTC().Format(time.RFC3339))
}

func (e *overError) Unwrap() error { return ErrStale }

// Free is a guard that checks nothing: for decisions of people and for outcomes.
var Free = Guard{Control: -1}

// Journal is the memory of Rolecall: ordered, append-only, hashed.
//
// Append writes all records or none; they are durable when it returns, numbered in commit order, and the slice's Seq, Time
// and Hash are filled in. What is kept is Record.Canonical. Concurrent Appends may share a commit (waiting at most 5 ms).
// Rules checked in the same transaction (Fold.Admit): the guard; at most one open intent for each (program, account,
// entitlement) and kind of effect (Op.Effect), else ErrStale; a Withdrawn outcome needs an open intent that was never
// claimed, else ErrStale; an outcome of any other word whose intent is closed already, or was claimed again since the claim that the
// outcome names, becomes a KindLate, which has no effect, and the slice's Kind says so (where Guard.Control is checked, so that it was
// concluded from what was remembered, a newer claim is ErrStale); one whose intent is not in the journal yet, or is for another entitlement, is refused. If the context ends while a commit is under way, the error says that
// the records may or may not be there.
//
// Memory folds everything up to one record; charges are those at or after since. Both may be called concurrently.
type Journal interface {
	Append(ctx context.Context, g Guard, records []Record) error
	Memory(ctx context.Context, since time.Time) (*Memory, error)
	Lead(ctx context.Context) (epoch int64, err error) // becomes leader: the head's epoch grows by one
}

// ClaimRequest asks for open work of one program.
type ClaimRequest struct {
	Program string
	Max     int // accounts are added, in the order of Outbox, until there are this many intents; all claimable intents of an account come together
	Now     time.Time
	Lease   time.Duration
	After   []string  // programs whose work comes first: while one that is not paused has intents unclaimed or leased, only Repeatable ones are handed out
	Since   time.Time // what was claimed at this time or later is left out, zero: nothing is; so that one piece of work repeats nothing
}

// By is when a lease begins. By a clock that is behind the journal's it would be over for others while it is used; a journal whose time
// is far ahead is not believed. Whether others' leases are over is judged by Now alone: the journal's clock may be the one that is ahead.
func (r ClaimRequest) By(journal time.Time) time.Time {
	if late := journal.Sub(r.Now); late > 0 && late <= LongestLease {
		return journal
	}
	return r.Now
}

// Outbox hands out open intents. A claim is durable before it is returned. An account with a live lease is not handed out,
// nor is another one of the same person's in that program while one of the two is only proposed (one claim may hand out both),
// neither is anything of a paused program, nor an intent that was claimed before, but for those that are Repeatable and
// whose lease has ended. A lease that ends later than LongestLease from now has ended. Accounts of leavers and of people cut off (with a claimable intent that is Repeatable) go first, then
// that with the oldest claimable intent. Intents come sorted by account, then Seq.
type Outbox interface {
	Claim(ctx context.Context, r ClaimRequest) ([]Intent, error)
}

// Query selects records; zero fields select everything.
type Query struct {
	After, Before            int64     // Seq bounds, exclusive; 0: open
	From, To                 time.Time // From itself is in, To is not
	Kind                     Kind
	Run, Actor, Rule         string // Rule: one of those that give it
	Person, Program, Account string
	Entitlement              *string
	Outcome                  Outcome
	Op                       Op
	Words                    string // every word must occur somewhere in the record; ASCII case does not matter
	Newest                   bool   // newest first; oldest first otherwise
	Limit                    int    // 0: all
}

// Log reads records back.
type Log interface {
	Records(ctx context.Context, q Query, yield func(Record) error) error
}

// Held is one line of an as-of answer.
type Held struct {
	Program     string    `json:"program"`
	Account     string    `json:"account"`
	Entitlement string    `json:"entitlement"`
	Person      string    `json:"person,omitempty"` // by the link at that time
	From        time.Time `json:"from"`
	Until       time.Time `json:"until,omitzero"` // zero: still
	Managed     bool      `json:"managed"`
	Rules       []string  `json:"rules,omitempty"`
	Record      int64     `json:"record"` // the record that began it
}

// AsOfQuery asks who had what at one time, page by page.
type AsOfQuery struct {
	At          time.Time
	Program     string // "": every one
	Entitlement *string
	After       [2]string // program and account behind which it goes on; "" and "" begin
	Accounts    int       // how many at most
}

// AsOf answers who had what at one time, managed or not; person, program and account may be empty. Sorted by program, account,
// entitlement.
type AsOf interface {
	AsOf(ctx context.Context, at time.Time, person, program, account string) ([]Held, error)
}
