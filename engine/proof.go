package engine

import (
	"context"
	"slices"
	"time"
)

// Directory yields people. Proof comes with the end of the read, never before: a partial answer is a proof that names
// what is missing, an error means that nothing may be concluded, and what was yielded before it is to be thrown away; the
// proof then says no more than the source.
// yield is called from one goroutine at a time; its error ends the read and is returned.
type Directory interface {
	People(ctx context.Context, yield func(Person) error) (Proof, error)
}

// Reason says why a read, or the part of it that shows one role, is not complete.
type Reason struct {
	Code   string `json:"code"`   // one of the Reason… constants or a connector's own word
	Detail string `json:"detail"` // one sentence with the place and what to do
}

// Codes of reasons that several sources share.
const (
	ReasonUnreachable = "unreachable"  // no answer: says nothing about who is there
	ReasonRefused     = "refused"      // sign-in refused or rights missing
	ReasonPartial     = "partial"      // the answer ended early, or a limit or a referral cut it
	ReasonEmpty       = "empty"        // an answer without any entry
	ReasonBaseline    = "baseline"     // fewer people, attributes or role holders than the last accepted read allows
	ReasonAttribute   = "attribute"    // fewer people show an attribute than the last accepted read allows
	ReasonCanary      = "canary"       // a canary entry is missing or lacks its known value
	ReasonStale       = "stale"        // older than max_age
	ReasonOlder       = "older"        // older than a read that was already acted on: nothing that it shows is believed
	ReasonNoEnd       = "no-end"       // a file without its declared row count, end mark or done-file
	ReasonDuplicate   = "duplicate"    // one immutable key came twice
	ReasonMalformed   = "malformed"    // something that can't be read; the detail says where
	ReasonRoleMissing = "role-missing" // a role that policy names is not there
)

// RoleProof counts the holders of one role and says what was not shown of it.
type RoleProof struct {
	Role    string   `json:"role"`         // "source:name"; "source:*" with reasons: nothing of the source could be read; without: all its names are shown
	ID      string   `json:"id,omitempty"` // immutable id of the group behind it, "" if it has none
	Holders int      `json:"holders"`
	Reasons []Reason `json:"reasons,omitempty"` // not empty: membership is unknown for whoever is not shown as holder
}

// Count is a named number of a read: people in an organisational unit, entries that have an attribute.
type Count struct {
	Name string `json:"name"` // "ou=people,dc=example,dc=com", "attribute mail"
	N    int    `json:"n"`
}

// Proof is what a read brings with it.
type Proof struct {
	Source   string      `json:"source"` // directory or program
	Reasons  []Reason    `json:"reasons,omitempty"`
	Notices  []Reason    `json:"notices,omitempty"` // worth a look, though the read is complete: one bad entry, two equal logins
	Count    int         `json:"count"`             // people or holdings yielded
	Counts   []Count     `json:"counts,omitempty"`  // sorted by name
	Roles    []RoleProof `json:"roles,omitempty"`   // sorted by role
	Partners []Proof     `json:"partners,omitempty"`
	Tells    []string    `json:"tells,omitempty"`  // of a partner, sorted: what only it tells, "person.attribute", "job.attribute", "source:*"
	Digest   string      `json:"digest,omitempty"` // hash of the content where the source is a file: an equal one is no new evidence
	Mark     string      `json:"mark,omitempty"`   // snapshot mark of the source; see OlderMark
	Started  time.Time   `json:"started"`
	Finished time.Time   `json:"finished"`
}

// Complete says that everything the source holds was seen. Partners have proofs of their own.
func (p *Proof) Complete() bool { return len(p.Reasons) == 0 }

// EntriesComplete says that what is there of each entry was shown. Without it the lack of a value means nothing, be it
// the mark of a leaver: no state, grant or revoke follows from such entries. A read of only some entries is another matter.
func (p *Proof) EntriesComplete() bool {
	return !slices.ContainsFunc(p.Reasons, func(r Reason) bool { return r.Code == ReasonAttribute || r.Code == ReasonCanary })
}

// Add names one more reason why the read is not complete.
func (p *Proof) Add(code, detail string) {
	p.Reasons = append(p.Reasons, Reason{Code: code, Detail: detail})
}

// Unseen gives the roles, sorted, whose holders the read and its partners did not show in full; Person.Miss takes them.
func (p *Proof) Unseen() []string {
	var out []string
	for _, r := range p.Roles {
		if len(r.Reasons) > 0 {
			out = append(out, r.Role)
		}
	}
	for i := range p.Partners {
		out = append(out, p.Partners[i].Unseen()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// broken says that the source or a partner gave no answer, or one that ended early.
func (p *Proof) broken() bool {
	return p.hasReason(ReasonUnreachable) || p.hasReason(ReasonRefused) || p.hasReason(ReasonPartial) ||
		slices.ContainsFunc(p.Partners, func(o Proof) bool { return o.broken() })
}
