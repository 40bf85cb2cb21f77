package engine

import "time"

// Op is what a change does. On the reserved entitlements a grant reads as create or resume and a revoke as delete or
// suspend, so that people see the word they expect.
type Op string

// The operations.
const (
	OpGrant   Op = "grant"
	OpRevoke  Op = "revoke"
	OpAdopt   Op = "adopt" // a record only: the holding becomes managed, no call
	OpCreate  Op = "create"
	OpUpdate  Op = "update"
	OpRename  Op = "rename"
	OpSuspend Op = "suspend"
	OpResume  Op = "resume"
	OpDelete  Op = "delete"
)

// Ops are all the operations.
func Ops() []Op {
	return []Op{OpGrant, OpRevoke, OpAdopt, OpCreate, OpUpdate, OpRename, OpSuspend, OpResume, OpDelete}
}

// Gives says whether the operation leads to a holding; the others take one away, but for update and rename.
func (o Op) Gives() bool { return o == OpGrant || o == OpCreate || o == OpResume || o == OpAdopt }

// Takes says whether the operation takes a holding away.
func (o Op) Takes() bool { return o == OpRevoke || o == OpSuspend || o == OpDelete }

// Effect is the kind of effect of the operation: "gives", "takes", or its own name for update and rename. At most one
// intent of each effect is open for one holding.
func (o Op) Effect() string {
	switch {
	case o.Gives():
		return "gives"
	case o.Takes():
		return "takes"
	}
	return string(o)
}

// Cause is why a change is wanted; limits and approvals treat causes differently.
type Cause string

// The causes.
const (
	CauseRule    Cause = "rule"    // somebody's entry matches, or matches no more
	CausePolicy  Cause = "policy"  // the former policy would not have made it
	CauseMarked  Cause = "leaver"  // an explicit leaver mark
	CauseAbsent  Cause = "absent"  // absence from the directory, proven
	CauseCut     Cause = "cut"     // somebody was cut off
	CauseExpiry  Cause = "expiry"  // an extra ended
	CauseBlock   Cause = "block"   // a block or conflict forbids it
	CauseAdopt   Cause = "adopt"   // review of what exists
	CauseUndo    Cause = "undo"    // the inverse of a run
	CauseReview  Cause = "review"  // a review of access decided so
	CauseRestore Cause = "restore" // repair of what somebody else removed
)

// ChangeState says what happens to a change of a plan.
type ChangeState string

// The states of a change.
const (
	Ready         ChangeState = "ready"
	Scheduled     ChangeState = "scheduled"      // from Due on
	NeedsApproval ChangeState = "needs-approval" // the limits or a rule keep it back
	Blocked       ChangeState = "blocked"        // Reason says what must happen first
)

// Change is one thing to be done for one account: always data, always with its why.
type Change struct {
	Op          Op          `json:"op"`
	Person      string      `json:"person,omitempty"` // key; "" for an account of nobody known
	Login       string      `json:"login,omitempty"`
	Name        string      `json:"name,omitempty"`
	Account     string      `json:"account"`            // the program's id; the proposed name while Proposed
	Proposed    bool        `json:"proposed,omitempty"` // the account is made by the same plan, or by an open intent
	Program     string      `json:"program"`
	Entitlement string      `json:"entitlement"` // "program" or "program/name"
	Why         []string    `json:"why"`
	Rules       []string    `json:"rules,omitempty"` // names of the rules that give or gave it
	Cause       Cause       `json:"cause"`
	State       ChangeState `json:"state"`
	Reason      string      `json:"reason,omitempty"` // why it is not ready
	Due         *time.Time  `json:"due,omitempty"`
	Item        string      `json:"item,omitempty"`     // id of the approval item
	Queued      int64       `json:"queued,omitempty"`   // the open intent that already stands for it
	Failures    int         `json:"failures,omitempty"` // how often it failed so far
	New         *NewAccount `json:"new,omitempty"`
	Seats       []string    `json:"seats,omitempty"` // kinds that it takes, where the program counts them
	Costs       []Cost      `json:"costs,omitempty"` // of the seats it takes or frees

	basis   *basis // nil: it is charged to nothing
	note    *Fact  // what is remembered once it is really tried
	right   uint32 // numbers of the program's reading; account is none where there is no account yet
	account uint32
	away    bool // suspends somebody who is away
	held    bool // waits for an approval whatever the budgets say
	waits   bool // a new approval item stands for it, which is not among the builder's facts

	baseless bool // blocked, since the account that it needs is neither there nor made
	replaced bool // takes the last holding of a right that the same plan gives to somebody else
}

// basis is what limits and approvals go by. Grants by the same rules share theirs, for a plan may have millions.
type basis struct {
	class   Class  // what the change is charged to
	decider string // hash of the rules that decide it, for the approval item
}

func (c *Change) class() Class {
	if c.basis == nil {
		return ""
	}
	return c.basis.class
}

// Right is the name of the entitlement within its program.
func (c *Change) Right() string { return ParseEntitlement(c.Entitlement).Name }
