package engine

import "time"

// Condition is a compiled expression over a person and one of the person's jobs (nil: no job).
// Unknown where it needs an attribute that could not be seen. Safe for concurrent use.
type Condition func(p *Person, job *Job, now time.Time) Tri

// Verdict is what policy says about one entitlement for one person. Where several rules give it, Rule is an extra before
// an additive rule before an enforced before an observed one, then the first by name. Recorded with a rule is desired
// and reported; Recorded without one is reported and otherwise as if nothing were said, so that it can still be lost.
type Verdict struct {
	Entitlement int32 // index into Policy.Entitlements
	Rule        int32 // index into Policy.Rules of the rule that gives it, or would; -1 if none does
	Say         Say
}

// Say is the answer of a Verdict, strongest first: a block overrides a conflict overrides an extra overrides a rule.
type Say uint8

// What policy can say. Anything that is not said is not desired.
const (
	Desired   Say = iota // a rule or an extra gives it
	Observed             // only observe rules give it: shown, never granted, never revoked
	Undecided            // something that could not be seen decides: never grants, never revokes
	Denied               // a block or a conflict forbids it
	Recorded             // an existing violation of a conflict with keep: record; reported only (see Verdict.Rule)
)

// Rule is what the engine needs to know of a rule.
type Rule struct {
	Name   string
	Hash   string        // hash of all that decides it, part of an approval item
	Mode   string        // observe, additive, enforce
	Grace  time.Duration // how long what it gave stays when it stops matching
	Reason string
	Place  string // file:line
	Extra  bool   // it is a dated extra
	Until  time.Time
	Author string // who wrote it, "" if not known

	Priority int // of who waits for a seat because of it; the highest goes first
}

// Policy decides what people should have. It is pure, and safe for concurrent use.
type Policy interface {
	// Decide appends the verdicts for one person to out, sorted by entitlement; one verdict for each entitlement that
	// anything is said about. has tells whether the person holds the entitlement now (for keep: existing, record); it may
	// be nil. People who left or are upcoming get no verdicts at all; of unknown state, Undecided for every entitlement.
	Decide(p *Person, now time.Time, has func(entitlement int32) bool, out []Verdict) []Verdict
	// Explain gives every rule, extra, block and conflict that bears on one entitlement for one person, with what is
	// missing for a "no".
	Explain(p *Person, now time.Time, e Entitlement) []Finding
	Entitlements() []Entitlement // the catalogue, sorted by program, then name; fixed for the life of the policy
	Rules() []Rule               // sorted by name; fixed
	Hash() string                // of everything that can change an answer
}

// Extra is one person's dated additional entitlement. Dates are calendar dates: only year, month and day count; both are
// inclusive and end at midnight in the person's zone. An extra always expires.
type Extra struct {
	Person      string // key or login
	Entitlement string // "program" or "program/name"
	From        time.Time
	Until       time.Time // From may be zero: at once; Until may not
	Reason      string
	Author      string
}

// Extender is a Policy that takes extras given elsewhere than in its files. The receiver stays as it is; an extra without
// Until or entitlement is left out of the result.
type Extender interface {
	WithExtras(extras []Extra) Policy
}

// Block forbids one entitlement to one person until somebody ends it; its date only reminds.
type Block struct {
	Person      string // key or login
	Entitlement string
	Review      time.Time // calendar date by which somebody should look again
	Reason      string
	Place       string // where it was decided, for people
}

// Blocker is a Policy that takes blocks decided elsewhere than in its files. The receiver stays as it is.
type Blocker interface {
	WithBlocks(blocks []Block) Policy
}

// Finding is one line of an explanation.
type Finding struct {
	Say    Say    `json:"-"`
	Answer string `json:"answer"` // gives, would give, forbids, allows, does not match, unknown
	Rule   string `json:"rule"`
	Place  string `json:"place"` // file:line
	Text   string `json:"text"`  // the role, job and directory entry that decided, or what is missing
}
