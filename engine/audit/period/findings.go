package period

import (
	"encoding/json"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Findings is what a period comes to. Times are UTC; lists are sorted.
type Findings struct {
	From, To    time.Time // From itself is in, To is not
	First, Last int64     // records of the period; First is Last+1 if there are none
	Latest      time.Time // of the last record, zero if there is none
	Joiners     []Person
	Movers      []Person
	Leavers     []Person
	Others      []Person // with changes, and none of the three: cut off, by a changed policy, an extra, matched with an account from before
	Holders     []Holder // at the end
	Cases       []Case   // intents and adoptions, also those that were open when the period began
	Decisions   []Decision
	Lines       []Line    // of the reviews of access that were under way in the period
	Policies    []Version // those in force in the period
	Configs     []Version
	Counts      []Count
	Gaps        []Gap
}

// Person is one member of a population.
type Person struct {
	Key, Login, Name string
	Since            time.Time // when Rolecall first knew of what it did: the run, or since when an item waited or grace lasted
	Given, Taken     int       // changes that had effect
	FirstGiven       time.Time // zero: nothing was
	LastGiven        time.Time
	LastTaken        time.Time
	Open             int // changes that had no effect by the end, neither at a later try
	Kept             int // programs where nothing is taken from somebody who has left, as the configuration wants
	Cut              bool
	Note             string
}

// Holder is a holding at the end of the period.
type Holder struct {
	engine.Tenure
	Person string // by the link, "" for nobody's
}

// Case is one change of one account, with all that belongs to it.
type Case struct {
	Seq         int64        `json:"seq"`
	Kind        engine.Kind  `json:"kind"` // intent or adopt
	Time        time.Time    `json:"time"`
	Run         string       `json:"run,omitempty"`
	Policy      string       `json:"policy,omitempty"` // in force: its hash
	Config      string       `json:"config,omitempty"`
	Actor       string       `json:"actor"`
	Person      string       `json:"person"`
	Login       string       `json:"login"`
	Name        string       `json:"name"`
	Op          engine.Op    `json:"op"`
	Program     string       `json:"program"`
	Account     string       `json:"account"`
	Entitlement string       `json:"entitlement"`
	Cause       engine.Cause `json:"cause"`
	Since       time.Time    `json:"since"` // when Rolecall first knew of the reason
	Why         []string     `json:"why"`
	Rules       []string     `json:"rules"`
	Item        string       `json:"item,omitempty"` // that waited for approval
	Held        string       `json:"held,omitempty"` // why it waited
	Approval    *Step        `json:"approval,omitempty"`
	Outcome     *Step        `json:"outcome,omitempty"` // nil: open
	Read        *Step        `json:"read,omitempty"`    // the next complete list of the program; nil: there was none yet
	Late        int          `json:"late,omitempty"`    // results that came after it was closed

	right string // name within the program
}

// Step is a record in the life of a case.
type Step struct {
	Seq  int64     `json:"seq"`
	Time time.Time `json:"time"`
	By   string    `json:"by,omitempty"` // actor, or run
	What string    `json:"what"`         // approve; the outcome's word; confirmed or contradicted
	Why  string    `json:"why,omitempty"`
}

// Effect says whether the change is known to have been made, or to have been so before.
func (c *Case) Effect() bool {
	return c.Kind == engine.KindAdopt || c.Outcome != nil && (c.Outcome.What == string(engine.Done) || c.Outcome.What == string(engine.Already))
}

// Decision is what a person decided, or was refused.
type Decision struct {
	Seq                                       int64
	Time                                      time.Time
	Kind                                      engine.Kind
	Actor, Person, Program, Entitlement, What string
	Until                                     time.Time
	Why                                       string
}

// Version is a policy or a configuration, as it was recorded.
type Version struct {
	Seq   int64
	Time  time.Time
	Actor string
	Hash  string
	Why   string
	Data  json.RawMessage
}

// Count holds what a source showed against what the records come to.
type Count struct {
	Source, Kind string // directory or program
	Read         time.Time
	Record       int64 // the run that read it
	Complete     bool  // false: it was never read completely
	Shown        int
	Since        int // how many more or fewer Rolecall itself made after the read
	Here         int
	Difference   int
	Why          string
}

// Gap is something that the findings do not cover.
type Gap struct {
	Code, What string
	N          int
	Record     int64 // where to look, 0: nowhere in particular
}
