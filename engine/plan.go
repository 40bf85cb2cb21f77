package engine

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// PlanVersion is the version of the plan's JSON form.
const PlanVersion = 1

// Plan says what a run would change and why. Equal snapshots give byte-equal plans.
type Plan struct {
	Version   int         `json:"version"`
	ID        string      `json:"id"` // hash of what follows, but for Time and the proofs' times
	Time      time.Time   `json:"time"`
	Sum       string      `json:"sum"` // of ID and Time: shows a file that was edited by hand
	Policy    string      `json:"policy"`
	Config    string      `json:"config"`
	Proofs    []Proof     `json:"proofs"`          // by source: directory first, then programs
	Changes   []Change    `json:"changes"`         // sorted by program, account, op order, entitlement
	Unmanaged []Unmanaged `json:"unmanaged"`       // listed, never touched
	Notices   []Notice    `json:"notices"`         // what somebody should look at
	Seats     []SeatPlan  `json:"seats,omitempty"` // by program, kind
	Money     []Money     `json:"money,omitempty"` // by currency
	Summary   Summary     `json:"summary"`

	used     []Fact    // a reviewed plan that this one applies
	observed []Record  // what a real run writes before its intents: facts, links, releases, what was seen
	now      time.Time // as the snapshot has it
	control  int64     // the last control record that the plan knew
	until    time.Time // the first end of an approval that it uses, zero: none
	sources  sources   // of the people with changes, for the budgets
	runs     int       // runs begun before it
	budgets  []Budget  // the limits as they stood
	asked    asked     // about the one person whom an explanation is for
}

// asked is what planning found about one person.
type asked struct {
	standing standing
	why      string            // of the standing, where it is not policy that decides
	kept     map[string]string // entitlement → why it is not taken although it is not desired
}

// sources says which directory each person comes from, which nearly always is the same.
type sources struct {
	usual  string
	others map[string]string // by person
}

func (s *sources) note(person, source string) {
	if source != s.usual {
		s.others[person] = source
	}
}

func (s *sources) of(person string) string {
	if other, ok := s.others[person]; ok || person == "" {
		return other
	}
	return s.usual
}

// Unmanaged is a holding, or a whole account, that Rolecall neither granted nor adopted.
type Unmanaged struct {
	Program     string `json:"program"`
	Account     string `json:"account"`
	Name        string `json:"name,omitempty"`
	Kind        string `json:"kind,omitempty"`
	Entitlement string `json:"entitlement"`
	Person      string `json:"person,omitempty"` // of the link, if there is one
	Login       string `json:"login,omitempty"`
}

// Notice is something that stands out: a guard that tripped, a read that is not complete, an account that waits.
type Notice struct {
	Level   string `json:"level"` // info, warning, alarm
	Code    string `json:"code"`
	Program string `json:"program,omitempty"`
	Person  string `json:"person,omitempty"`
	Text    string `json:"text"` // one sentence with what to do
}

// Summary counts the changes of a plan.
type Summary struct {
	Ops       map[Op]int `json:"ops"` // ready ones
	Approval  int        `json:"approval"`
	Blocked   int        `json:"blocked"`
	Scheduled int        `json:"scheduled"`
	Unchanged int        `json:"unchanged"` // holdings that are as they should be
	People    int        `json:"people"`
}

// MarshalJSON writes the counts per op beside the others, as the documented form has them.
func (s Summary) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, one := range s.flat() {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), one.Name...), `":`...)
		out = strconv.AppendInt(out, int64(one.N), 10)
	}
	return append(out, '}'), nil
}

func (s *Summary) flat() []Count {
	out := []Count{{"approval", s.Approval}, {"blocked", s.Blocked}, {"scheduled", s.Scheduled}, {"unchanged", s.Unchanged}, {"people", s.People}}
	for _, op := range []Op{OpGrant, OpRevoke, OpAdopt, OpCreate, OpUpdate, OpRename, OpSuspend, OpResume, OpDelete} {
		out = append(out, Count{string(op), s.Ops[op]})
	}
	slices.SortFunc(out, func(a, b Count) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Ready counts the changes that would be made now.
func (p *Plan) Ready() int {
	n := 0
	for i := range p.Changes {
		if p.Changes[i].State == Ready {
			n++
		}
	}
	return n
}
