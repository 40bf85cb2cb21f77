package web

import (
	"time"

	"github.com/rolecall/rolecall/engine"
)

// programRow is a program in a list. What a read tells is absent as long as the program was not read.
type programRow struct {
	Name      string     `json:"name"`
	Kind      string     `json:"kind"` // of connector
	Vendor    string     `json:"vendor,omitempty"`
	Owner     string     `json:"owner,omitempty"`
	Seats     int        `json:"seats,omitempty"`   // paid for
	Price     string     `json:"price,omitempty"`   // of one seat
	Monthly   *moneyJSON `json:"monthly,omitempty"` // the same by month
	Ends      time.Time  `json:"ends,omitzero"`     // of the contract
	Notice    time.Time  `json:"notice,omitzero"`   // by when it must be given
	Renews    bool       `json:"renews,omitempty"`  // the contract goes on by itself
	Paused    string     `json:"paused,omitempty"`  // why
	Seen      *seenJSON  `json:"seen,omitempty"`    // absent: the last run did not read it
	Pending   int        `json:"pending"`           // changes that are decided or wait
	Unmanaged int        `json:"unmanaged"`         // holdings that Rolecall neither granted nor adopted
}

// seenJSON is a program as it was read.
type seenJSON struct {
	Revoke   engine.RevokeMode `json:"revoke"`         // which revocations are wanted
	Accounts int               `json:"accounts"`       // active or not
	Active   int               `json:"active"`         // seats taken
	Free     *int              `json:"free,omitempty"` // seats that nobody takes; below zero: too many are taken
	Holdings int               `json:"holdings"`
	Managed  int               `json:"managed"` // of the holdings
	Rights   []rightJSON       `json:"rights"`
}

// rightJSON is how many accounts hold a right.
type rightJSON struct {
	Name    string `json:"name"`
	Holders int    `json:"holders"`
}

func programRowOf(r *ProgramRow) programRow {
	p := &r.Program
	out := programRow{Name: p.Name, Kind: p.Kind, Vendor: p.Vendor, Owner: p.Owner, Seats: p.Seats, Price: p.Price, Ends: p.Ends.UTC(), Notice: p.Notice.UTC(), Renews: p.Renews, Paused: r.Paused, Pending: r.Pending, Unmanaged: r.Unmanaged}
	if p.Monthly.Currency != "" {
		out.Monthly = maybe(&p.Monthly, moneyOf)
	}
	if r.Seen {
		o := &r.ProgramOutlook
		out.Seen = &seenJSON{Revoke: o.Revoke, Accounts: o.Accounts, Active: o.Active, Holdings: o.Holdings, Managed: o.Managed,
			Rights: each(o.Rights, func(c *engine.RightCount) rightJSON { return rightJSON{c.Name, c.Holders} })}
		if p.Seats > 0 {
			out.Seen.Free = &r.Free
		}
	}
	return out
}

// programList are all that are configured.
type programList struct {
	Programs []programRow `json:"programs"` // sorted by name
	Cost     []moneyJSON  `json:"cost"`     // what the taken seats cost in a month, by currency
}

func programsOf(v *programsView) (out programList, err error) {
	if v.Seen == nil {
		return out, errUnread()
	}
	return programList{each(v.Programs, programRowOf), each(v.Cost, moneyOf)}, nil
}

// ownedJSON is a program and what nobody manages there: what its owner sees.
type ownedJSON struct {
	programRow
	Strangers     []engine.Unmanaged `json:"strangers"`      // unmanaged holdings, the first 100
	MoreStrangers int                `json:"more_strangers"` // that are not shown
}

// programWhole is a program, what changes there and what nobody manages.
type programWhole struct {
	ownedJSON
	Seating     []engine.SeatPlan `json:"seating,omitempty"` // by kind, where seats are counted
	Changes     []engine.Change   `json:"changes"`           // the first 100
	MoreChanges int               `json:"more_changes"`      // that are not shown
	Rules       []leadJSON        `json:"rules"`             // that give anything here, dated extras among them
	Declared    []declaredJSON    `json:"declared"`          // service and shared accounts of the configuration
	History     []recordJSON      `json:"history"`           // the newest records
	Pruned      string            `json:"pruned,omitempty"`  // what is not there any more, where the history is all that is left
}

// leadJSON is a rule that gives something in a program, or a dated extra.
type leadJSON struct {
	Name   string   `json:"name"`
	Mode   string   `json:"mode"` // observe, additive or enforce
	Reason string   `json:"reason,omitempty"`
	Place  string   `json:"place"`           // file:line
	Roles  string   `json:"roles,omitempty"` // that it asks for
	When   string   `json:"when,omitempty"`  // its condition
	Grants []string `json:"grants"`          // in this program
	Until  string   `json:"until,omitempty"` // of an extra: its last day
}

// declaredJSON is a service or shared account that the configuration names.
type declaredJSON struct {
	Name   string    `json:"name"`
	Kind   string    `json:"kind"`            // service or shared
	Owner  string    `json:"owner,omitempty"` // who answers for it; absent: nobody
	Review time.Time `json:"review,omitzero"` // when its time is over
}

func leadOf(l *Lead) leadJSON {
	return leadJSON{l.Name, l.Mode, l.Reason, l.Place, l.Roles, l.When, each(l.Grants, same), l.Until}
}

func declaredOf(d *DeclaredAccount) declaredJSON {
	return declaredJSON{d.Name, d.Kind, d.Owner, d.Review.UTC()}
}

// holderJSON is an account with what it holds.
type holderJSON struct {
	Account string    `json:"account"`
	Person  string    `json:"person,omitempty"` // key; absent: whose it is, is not known
	Since   time.Time `json:"since"`            // when the first of it was given, or seen
	Managed bool      `json:"managed"`          // Rolecall gave or adopted some of it
	Rights  []string  `json:"rights"`           // program/name, and the bare program for the active account; sorted
	Rules   []string  `json:"rules"`            // that gave it
}

// holderList are accounts of a program, in the order of their names.
type holderList struct {
	Holders []holderJSON `json:"holders"`
	After   string       `json:"after,omitempty"` // goes on with more; absent: there are none
}

func holdersOf(v *holdersView) (holderList, error) {
	return holderList{each(v.Holders, func(h *holderRow) holderJSON {
		return holderJSON{h.Account, h.Person, h.Since.UTC(), h.Managed, each(h.Rights, same), each(h.Rules, same)}
	}), v.After}, nil
}

func ownedOf(v *programView) (out ownedJSON, err error) {
	if v.Seen == nil {
		return out, errUnread()
	}
	return ownedJSON{programRowOf(&v.ProgramRow), each(v.Strangers, func(u *engine.Unmanaged) engine.Unmanaged {
		out := *u
		out.Person, out.Login = "", "" // who has accounts is not the owner's to see
		return out
	}), v.Others}, nil
}

func programOf(v *programView) (out programWhole, err error) {
	out.ownedJSON, err = ownedOf(v)
	out.Strangers, out.Changes, out.MoreChanges = each(v.Strangers, same), each(v.Changes, changeOf), v.More
	out.Seating = v.Seating
	out.Rules, out.Declared, out.History = each(v.Leads, leadOf), each(v.Declared, declaredOf), each(v.History, recordOf)
	out.Pruned = v.Pruned
	return out, err
}

// waitingList is what was not done, and why.
type waitingList struct {
	Items   []itemJSON      `json:"items"`            // that wait for a decision, up to 500 of them
	More    int             `json:"more"`             // items behind these
	Next    string          `json:"next,omitempty"`   // the address of those; absent: there are none
	Decided []itemJSON      `json:"decided"`          // and not yet used
	Blocked []engine.Change `json:"blocked,omitzero"` // what can't be done yet, the first 500; absent before the first look
	Later   []engine.Change `json:"later,omitzero"`   // what is to be done later, the first 500; absent before the first look
	Tasks   []engine.Task   `json:"tasks,omitzero"`   // what somebody must do by hand; absent before the first look

	Delegations []delegationJSON `json:"delegations"`            // who may decide in whose place, now or later
	EscalatedTo []string         `json:"escalated_to,omitempty"` // who is told of items that have waited for too long
}

// delegationJSON is that somebody may decide in the place of somebody else.
type delegationJSON struct {
	Of     string `json:"of"`     // key
	To     string `json:"to"`     // key
	From   string `json:"from"`   // the first day
	Until  string `json:"until"`  // the last day
	Reason string `json:"reason"` //
	Holds  bool   `json:"holds"`  // it counts now
}

func delegationOf(r *delegationRow) delegationJSON {
	return delegationJSON{r.Of, r.To, r.From.Format(time.DateOnly), r.Until.Format(time.DateOnly), r.Reason, r.Holds}
}

// itemJSON is something that waits for somebody's decision, or was decided.
type itemJSON struct {
	engine.Item
	Own       bool      `json:"own,omitempty"`      // it is about whoever asks, who does not decide on it
	Escalated time.Time `json:"escalated,omitzero"` // since when others are told that it has waited for too long
}

func itemOf(r *itemRow) itemJSON {
	out := itemJSON{r.Item, r.Own, r.Escalated.UTC()}
	out.Change = changeOf(&r.changeRow)
	out.Since, out.Until, out.At = out.Since.UTC(), out.Until.UTC(), out.At.UTC()
	return out
}

func waitingOf(v *waitingView) (waitingList, error) {
	out := waitingList{Items: []itemJSON{}, More: v.More, Decided: each(v.Decided, itemOf), Delegations: each(v.Delegations, delegationOf)}
	for _, p := range v.Items {
		out.Items = append(out.Items, each(p.Items, itemOf)...)
	}
	if v.Further != "" {
		out.Next = apiBase + v.Further
	}
	if v.Escalates.After > 0 {
		out.EscalatedTo = v.Escalates.To
	}
	if v.Seen != nil {
		out.Blocked, out.Later, out.Tasks = v.Blocked.changes(), v.Later.changes(), each(v.Tasks, same)
	}
	return out, nil
}

func (l *list) changes() []engine.Change {
	out := []engine.Change{}
	for _, g := range l.Groups {
		out = append(out, each(g.Changes, changeOf)...)
	}
	return out
}
