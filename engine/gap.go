package engine

import (
	"fmt"
	"strings"
	"time"
)

// Restored is the Data of a KindRestore record and of its FactRestored: which backup took the place of what.
type Restored struct {
	Records  int64     `json:"records"`            // of the backup
	Root     string    `json:"root"`               // of the backup, base64
	Last     time.Time `json:"last,omitzero"`      // its last record
	Replaced int64     `json:"replaced,omitempty"` // records of the journal that was there
	Same     int64     `json:"same,omitempty"`     // of these, how many the backup has
	Kept     string    `json:"kept,omitempty"`     // where the journal that was there is kept
}

// Record is what the journal says of itself from then on. Nothing acts on it, but for cuts, until somebody accepts the gap.
func (r Restored) Record(actor string, now time.Time) Record {
	data := mustJSON(r)
	return Record{Kind: KindRestore, Actor: actor, Why: []string{"a backup took the place of the journal"}, Data: data,
		Set: []Fact{{FactKey: FactKey{Kind: FactRestored}, Since: now, Text: actor, Data: data}}}
}

// Gap is the Data of a KindAccept record: the statement of a named person that the journal goes on although it does not
// continue what was sealed outside, or was restored from a backup.
type Gap struct {
	Sealed    int64     `json:"sealed,omitempty"`    // records that the checkpoint outside speaks of; 0: there is none
	SealedAt  time.Time `json:"sealed_at,omitzero"`  // when it was made
	Note      string    `json:"note,omitempty"`      // that checkpoint, signed, as it was
	Records   int64     `json:"records"`             // of the journal just before this one
	Base      int64     `json:"base,omitempty"`      // up to this record it is what was sealed; 0: nobody can tell
	From      time.Time `json:"from,omitzero"`       // last record before the gap
	Missing   int64     `json:"missing,omitempty"`   // records that are lost, at least
	Restored  *Restored `json:"restored,omitempty"`  // the backup, if it came from one
	Events    *Evidence `json:"events,omitempty"`    // what was replayed
	Decisions []string  `json:"decisions,omitempty"` // of people, in the events
	Adopted   int       `json:"adopted"`             // holdings that policy grants and that became managed
	Open      []string  `json:"open,omitempty"`      // leavers and people cut off whose access is not settled
	Doubts    int       `json:"doubts"`              // questions that nobody can answer from here
}

// Evidence says which exported records were taken as evidence of what was lost.
type Evidence struct {
	First  int64  `json:"first"`  // record that the journal lacked
	Last   int64  `json:"last"`   //
	File   string `json:"file"`   // SHA-256 of the file, hex
	Proven bool   `json:"proven"` // with them the journal comes to the root of the checkpoint outside
}

// Accepted is the record of the statement. Acting goes on once it is sealed.
func (g Gap) Accepted(actor, reason string, doubts []Fact) Record {
	return Record{Kind: KindAccept, Actor: actor, Why: []string{reason}, Data: mustJSON(g), Clear: []FactKey{{Kind: FactRestored}}, Set: doubts}
}

// Questions are what remains to be asked of people when the lost records are not there to tell.
func (g Gap) Questions(now time.Time) []Fact {
	if g.Events != nil && (g.Events.Proven || g.Sealed == 0) {
		return nil
	}
	span := "since " + g.From.UTC().Format(time.RFC3339)
	if !g.SealedAt.IsZero() {
		span = fmt.Sprintf("between %s and %s, or later", g.From.UTC().Format(time.RFC3339), g.SealedAt.UTC().Format(time.RFC3339))
	}
	return []Fact{
		Question("cuts", "the journal has a gap: find out who was cut off "+span+" (tickets, the daemon's log, mails), and cut them off again with rolecall cut", now),
		Question("decisions", "the journal has a gap: approvals, rejections, extras, pauses and undos "+span+" are not known any more; make again those that should hold", now),
	}
}

// Readopted makes the records that a plan has for what policy grants and what is there, with the cause of the gap.
func Readopted(p *Plan, actor string) (out []Record) {
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Op != OpAdopt || c.State != Ready {
			continue
		}
		out = append(out, Record{Kind: KindAdopt, Actor: actor, Person: c.Person, Program: c.Program, Account: c.Account, Entitlement: c.Right(), Op: OpAdopt,
			Cause: CauseAccept, Rules: c.Rules, Why: append([]string{"adopted again after a gap in the journal"}, c.Why...), Data: mustJSON(intentData{Login: c.Login, Name: c.Name})})
	}
	return out
}

// OpenEnds lists leavers and people cut off of whom the plan says that something is still to be taken.
func OpenEnds(p *Plan) (out []string) {
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Cause != CauseMarked && c.Cause != CauseAbsent && c.Cause != CauseCut {
			continue
		}
		who := c.Name
		if who == "" {
			who = c.Person
		}
		out = append(out, fmt.Sprintf("%s (%s): %s %s of account %s, %s", who, c.Person, c.Op, c.Entitlement, c.Account, strings.Join(c.Why, "; ")))
	}
	return out
}
