package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// directory is the model as the engine sees it: people from "corp", and roles "h:…" from its partner "hr".
type directory model

// read is one answer of the directory, with what may be believed of it.
type read struct {
	fault   string
	at      time.Time
	whole   bool                      // absence from it means something
	sure    bool                      // and needs no approval to do so
	entries bool                      // what is shown of each entry is all there is of it, and not older than what was acted on
	marks   bool                      // a mark that it shows is one
	people  map[string]*engine.Person // as may be believed: roles that were not shown are missing
	count   int
	holders map[string]int
	counts  map[string]int // by part of the tree and by attribute; nil where the model itself is read
	thin    bool           // too few show some attribute
	mark    int64
	partner bool // hr answered
	ldap    *ldapSide
}

// replica is the directory of some time ago.
type replica struct {
	version int64
	people  []*person
}

// People implements engine.Directory. What goes wrong was drawn when the step began to read, by goWrong.
func (d *directory) People(ctx context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	m := (*model)(d)
	fault, hidden := m.goWrong()
	r, people := m.begin(fault)
	proof := engine.Proof{Source: "corp", Mark: fmt.Sprintf("usn:dc1:%d", r.mark)}
	status := 0
	for _, p := range people {
		if !p.there || hidden[p.Key] || fault == "empty" {
			continue
		}
		shown := r.show(p, fault)
		if m.ldap != nil {
			m.ldap.count(r, shown)
		} else if err := yield(*shown); err != nil {
			return proof, err
		}
		if r.count++; fault != "attribute gone" {
			status++
		}
	}
	proof.Count = r.count
	r.prove(&proof, status)
	if m.ldap != nil {
		defer m.believe(r)
		over, err := m.ldap.readLDAP(ctx, r, people, hidden, yield)
		if err == nil {
			over.Partners = proof.Partners
		}
		return over, err
	}
	m.believe(r)
	switch fault {
	case "unreachable", "breaks":
		return engine.Proof{Source: "corp"}, errors.New("no route")
	case "panics":
		panic("the directory's library panics")
	}
	return proof, nil
}

// begin is what a read may come to show, and whom.
func (m *model) begin(fault string) (*read, []*person) {
	r := &read{fault: fault, at: m.now, people: map[string]*engine.Person{}, holders: map[string]int{}, counts: map[string]int{}, mark: m.version, partner: fault != "partner down", ldap: m.ldap}
	m.cur.seen.read, m.cur.seen.control = r, m.check.control
	people := m.people
	switch fault {
	case "stale":
		if r.mark = m.replica.version; m.ldap == nil || m.ldap.lagging != "groups" {
			people = m.replica.people
		}
	case "no mark":
		r.mark = 0
	}
	return r, people
}

// show is somebody's entry as this read shows it.
func (r *read) show(p *person, fault string) *engine.Person {
	shown := p.Person
	if fault == "roles gone" || fault == "partner down" {
		gone := map[string]string{"roles gone": "r:", "partner down": "h:"}[fault]
		shown.Roles = slices.DeleteFunc(slices.Clone(p.Roles), func(role string) bool { return role[:2] == gone })
	}
	if fault == "attribute gone" && shown.State != engine.StateActive { // what says that somebody has left
		shown.State, shown.Marked, shown.StateWhy = engine.StateActive, false, ""
	}
	if r.ldap != nil {
		r.ldap.adjust(&shown, fault)
	}
	for _, role := range shown.Roles {
		r.holders[role]++
	}
	r.people[p.Key] = &shown
	return &shown
}

// prove says what the source itself says of the read.
func (r *read) prove(proof *engine.Proof, status int) {
	proof.Counts = []engine.Count{{Name: engine.AttributeCount("status"), N: status}}
	for _, role := range []string{"r:a", "r:b"} {
		proof.Roles = append(proof.Roles, engine.RoleProof{Role: role, Holders: r.holders[role]})
	}
	hr := engine.Proof{Source: "hr", Count: 1, Tells: []string{"h:*"}, Roles: []engine.RoleProof{{Role: "h:c", Holders: r.holders["h:c"]}}}
	switch r.fault {
	case "partial":
		proof.Add(engine.ReasonPartial, "ended early")
	case "refused":
		proof.Add(engine.ReasonRefused, "not all may be seen")
	case "canary":
		proof.Add(engine.ReasonCanary, "the canary lacks its value")
	case "partner down":
		hr.Add(engine.ReasonUnreachable, "no route")
		hr.Count, hr.Roles = 0, nil
	}
	proof.Partners = []engine.Proof{hr}
}

// believe says what may be concluded, from what was accepted before and from what the model knows to be wrong.
func (m *model) believe(r *read) {
	t, k := m.cur.engine.Settings.Tolerance, m.check
	excused := m.now.Before(k.baselineUntil) // somebody approved a smaller read
	r.sure = r.fault == "" || r.fault == "partner down" || r.fault == "no mark"
	r.whole = r.sure || excused && (r.fault == "half" || r.fault == "roles gone" || r.fault == "attribute gone")
	r.marks = r.fault != "stale" && r.fault != "unreachable" && r.fault != "breaks" && r.fault != "panics"
	r.entries = r.marks && r.fault != "canary" && (r.fault != "attribute gone" || excused)
	r.whole = r.whole || r.fault == "roles gone" // only the roles are in doubt
	if k.accepted != nil && !excused && lost(t, r.count, k.accepted.count, t.People) {
		r.whole = false // a mass departure, which looks like a broken read
	}
	doubted := map[string]bool{"h:c": !r.partner}
	if k.accepted != nil && !excused {
		for role, before := range k.accepted.holders {
			doubted[role] = doubted[role] || r.fault != "partial" && lost(t, r.holders[role], before, t.Holders)
		}
	}
	if m.ldap != nil {
		m.ldap.believe(r, excused, doubted)
	}
	roles := slices.Sorted(maps.Keys(doubted))
	for _, p := range r.people {
		for _, role := range roles {
			if doubted[role] && !slices.Contains(p.Roles, role) {
				p.Miss(role)
			}
		}
	}
}

func lost(t engine.Tolerance, now, before int, ratio float64) bool {
	return before-now > t.Small && float64(now) < ratio*float64(before)
}

// goWrong draws how a read of the directory fails, and whom it hides. Lies that no rule could tell from the truth are not
// told: a loss within the tolerance is believed by design.
func (m *model) goWrong() (fault string, hidden map[string]bool) {
	if m.ldap != nil && m.ldap.refusesStill() {
		m.fault("directory: wrong password, not sent again", "the password was refused a short time ago")
		return "wrong password, not sent again", nil
	}
	if m.quiet || m.faults.IntN(4) > 0 {
		return "", nil
	}
	all := []string{"unreachable", "breaks", "partial", "refused", "empty", "half", "roles gone", "attribute gone", "stale", "partner down", "canary", "panics"}
	if m.ldap != nil {
		all = m.ldap.kinds()
	}
	fault = all[m.faults.IntN(len(all))]
	switch fault {
	case "breaks", "partial", "refused", "half", "panics":
		hidden = map[string]bool{}
		for _, p := range m.people {
			hidden[p.Key] = m.faults.IntN(3) > 0
		}
	}
	if m.ldap != nil && hidden == nil {
		hidden = m.ldap.hide(fault)
	}
	if !m.plausible(fault, hidden) || m.ldap != nil && !m.ldap.plausible(fault) {
		return "", nil
	}
	m.fault("directory: "+fault, "the directory's read goes wrong: %s", fault)
	return fault, hidden
}

// plausible: what was accepted before lets the engine notice the lie.
func (m *model) plausible(fault string, hidden map[string]bool) bool {
	a, t := m.check.accepted, m.cur.engine.Settings.Tolerance
	there := 0
	for _, p := range m.people {
		if p.there && !hidden[p.Key] {
			there++
		}
	}
	switch fault {
	case "half":
		return a != nil && lost(t, there, a.count, t.People)
	case "roles gone":
		return a != nil && (a.holders["r:a"] == 0 || lost(t, 0, a.holders["r:a"], t.Holders)) && (a.holders["r:b"] == 0 || lost(t, 0, a.holders["r:b"], t.Holders))
	case "attribute gone":
		return a != nil && lost(t, 0, a.count, t.Attributes)
	case "stale":
		return a != nil && m.replica != nil && m.replica.version < a.mark
	}
	return true
}
