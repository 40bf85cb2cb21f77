package engine

import (
	"slices"
	"strings"
	"time"
)

// Snapshot is everything that a plan is a function of.
type Snapshot struct {
	Now      time.Time
	People   []Person // sorted by key; what a read that did not end in a proof yielded is left out
	Proof    Proof    // of the people, judged against the baseline; reason unreachable where there was no answer
	Readings []*Reading
	Memory   *Memory
	Policy   Policy
	Hash     string            // of the policy without the extras given elsewhere, which come and go
	Former   map[string]Policy // by hash: policies of earlier runs that memory refers to; one that is missing counts as one that gave everything
	Settings Settings
	Only     string // program: plan nothing else; "" plans all
	Person   string // key: plan nobody else
	ask      string // key: whose keeping an explanation asks for

	accepted  *Proof               // the read that the directory's was judged against, nil: none, or it was not judged
	refused   *refusedBaseline     // the directory's read, where the baseline speaks against it
	otherwise bool                 // it was asked something else than in the accepted read
	lapsed    []FactKey            // extras of reviews, see lapse
	excused   []FactKey            // an approval that this read uses up
	baseline  []Fact               // what later reads are held against
	ahead     []Fact               // corrected, see outlived
	inFuture  int                  // how much was
	late      time.Time            // the journal's time, if that lies in the future
	caughtUp  []FactKey            // of what lies in the future no more
	changed   map[string]time.Time // by program: when it was first seen that something was changed there in the future
	wrong     Fact                 // between its two times the journal's own says nothing, see misdated
	timed     func(phase, what string) (done func())
}

// phase begins a part of planning, for those who want to know how long it takes.
func (s *Snapshot) phase(name string) (done func()) {
	if s.timed == nil {
		return func() {}
	}
	return s.timed(name, "")
}

// Reading is what one program said, numbered on top of what is remembered of it. It is filled by Add while the program
// is read.
type Reading struct {
	Program  *Program
	Proof    Proof
	accounts *Names
	rights   *Names
	held     Set
	infos    []*AccountInfo // by account, as far as there are any

	countsSeats bool // the program can say how many seats are taken, and somebody needs to know
	seatCounts  []SeatCount
	seatsUnread string // why it did not

	undescribed bool // the program was asked what it is, and did not say
}

// NewReading starts from the numbers of memory, so that the two can be compared without looking names up again.
func NewReading(p *Program, m *ProgramMemory) *Reading {
	r := &Reading{Program: p, accounts: NewNames(len(m.Accounts)), rights: NewNames(len(m.Entitlements)), infos: make([]*AccountInfo, len(m.Accounts))}
	for _, a := range m.Accounts {
		r.accounts.Number(a)
	}
	for _, e := range m.Entitlements {
		r.rights.Number(e)
	}
	return r
}

// Add takes one holding in. A malformed one makes the reading incomplete.
func (r *Reading) Add(h Holding) {
	if _, proposed := ProposedName(h.Account); proposed || h.Account == "" || blankedName(h.Account) {
		r.Proof.Add(ReasonMalformed, r.Program.Name+" lists an account "+quote(h.Account)+", which can't be told from one that is only proposed, or was blanked; rename it there")
		return
	}
	a, known := r.accounts.Find(h.Account)
	if !known {
		a = r.accounts.Number(strings.Clone(h.Account)) // which may be a part of something bigger
	}
	r.held.Add(r.rights.Number(h.Entitlement), a)
	if h.Info != nil {
		for int(a) >= len(r.infos) {
			r.infos = append(r.infos, nil)
		}
		r.infos[a] = h.Info
	}
}

// info is what the program says of an account, nil if it says nothing.
func (r *Reading) info(account uint32) *AccountInfo {
	if int(account) < len(r.infos) {
		return r.infos[account]
	}
	return nil
}

// Count is the number of distinct holdings read.
func (r *Reading) Count() int { return r.held.Len() }

// sortReadings puts the programs in the order in which plans list them.
func sortReadings(rs []*Reading) {
	slices.SortFunc(rs, func(a, b *Reading) int { return strings.Compare(a.Program.Name, b.Program.Name) })
}
