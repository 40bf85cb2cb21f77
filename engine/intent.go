package engine

import (
	"encoding/json"
	"strings"
)

// ProposedPrefix marks the account of a change while the program has not yet given it an id. The outcome of the create
// carries the id, and everything recorded under the proposed account moves to it. A program that lists such an account
// is refused as malformed.
const ProposedPrefix = "new:"

// ProposedName is the name in a proposed account; ok is false for an account that exists.
func ProposedName(account string) (name string, ok bool) {
	return strings.CutPrefix(account, ProposedPrefix)
}

// intentData is what an intent's record carries besides its own fields.
type intentData struct {
	Login string      `json:"login,omitempty"`
	Name  string      `json:"name,omitempty"`
	Item  string      `json:"item,omitempty"`
	From  string      `json:"source,omitempty"` // the person's directory, for its budget
	Fails int         `json:"failures,omitempty"`
	New   *NewAccount `json:"new,omitempty"`
}

// IntentRecord makes the record that must be durable before the change may be tried. source is the person's directory.
func IntentRecord(run, actor, source string, c Change, class Class) Record {
	e := ParseEntitlement(c.Entitlement)
	data, err := json.Marshal(intentData{Login: c.Login, Name: c.Name, Item: c.Item, From: source, Fails: c.Failures, New: c.New})
	if err != nil {
		panic("engine: strings can't fail to marshal: " + err.Error())
	}
	return Record{
		Kind: KindIntent, Run: run, Actor: actor, Person: c.Person, Program: e.Program, Account: c.Account, Entitlement: e.Name,
		Op: c.Op, Cause: c.Cause, Class: class, Rules: c.Rules, Why: c.Why, Data: data, Approved: c.Item != "",
	}
}

// IntentOf is the inverse of IntentRecord; source is the person's directory.
func IntentOf(r Record) (i Intent, source string, err error) {
	var d intentData
	if err := json.Unmarshal(r.Data, &d); err != nil {
		return Intent{}, "", err
	}
	_, proposed := ProposedName(r.Account)
	c := Change{
		Op: r.Op, Person: r.Person, Login: d.Login, Name: d.Name, Account: r.Account, Proposed: proposed, Program: r.Program,
		Entitlement: Entitlement{r.Program, r.Entitlement}.String(), Why: r.Why, Rules: r.Rules, Cause: r.Cause, State: Ready, Item: d.Item, Failures: d.Fails, New: d.New,
	}
	return Intent{Seq: r.Seq, Run: r.Run, Time: r.Time, Change: c, Class: r.Class}, d.From, nil
}
