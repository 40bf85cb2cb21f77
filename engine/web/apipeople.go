package web

import (
	"time"

	"github.com/rolecall/rolecall/engine"
)

// peopleList is whom a search found.
type peopleList struct {
	States []stateJSON `json:"states"`         // how many people there are of each state
	People []personRow `json:"people"`         // that were found, sorted by name
	More   bool        `json:"more"`           // there are more
	Next   string      `json:"next,omitempty"` // the address of the next ones; absent: these are the last
}

// stateJSON counts the people of a state.
type stateJSON struct {
	State string `json:"state"` // unknown, upcoming, active, away or left
	Count int    `json:"count"`
}

// personRow is somebody in a list.
type personRow struct {
	Key        string `json:"key"` // never reused
	Name       string `json:"name"`
	Login      string `json:"login,omitempty"`
	State      string `json:"state"`                // unknown, upcoming, active, away or left
	Title      string `json:"title,omitempty"`      // of the first job
	Department string `json:"department,omitempty"` // of the first job
}

func peopleOf(v *peopleView) (out peopleList, err error) {
	if v.Seen == nil {
		return out, errUnread()
	}
	states := each(v.States, func(s *stateCount) stateJSON { return stateJSON{s.State, s.N} })
	out = peopleList{States: states, People: each(v.Found, personRowOf), More: v.More != ""}
	if out.More {
		out.Next = apiBase + v.More
	}
	return out, nil
}

func personRowOf(at **engine.Person) personRow {
	p := *at
	r := personRow{Key: p.Key, Name: p.Name(), Login: p.Login(), State: p.State.String()}
	if len(p.Jobs) > 0 {
		r.Title, r.Department = p.Jobs[0].Attributes.First("title"), p.Jobs[0].Attributes.First("department")
	}
	return r
}

// accessJSON is what somebody has and why, and what changes: what they and their manager see.
type accessJSON struct {
	Key      string          `json:"key"` // never reused
	Name     string          `json:"name"`
	State    string          `json:"state,omitempty"`    // unknown, upcoming, active, away or left; absent: not in the directory, as far as the last run saw
	Roles    []string        `json:"roles"`              // also those of single jobs
	On       string          `json:"on,omitempty"`       // the day at whose end has is true; absent: now
	CutSince time.Time       `json:"cut_since,omitzero"` // they are cut off
	Has      []heldJSON      `json:"has"`
	Extras   []factJSON      `json:"extras"`  // that they were given, and that are not over
	Changes  []engine.Change `json:"changes"` // about to be made
}

// personWhole is somebody: who they are, what they have and why, what changes, what was.
type personWhole struct {
	accessJSON
	Cut       *factJSON        `json:"cut,omitempty"`     // they are cut off, and why
	Blanked   *blankedJSON     `json:"blanked,omitempty"` // their records were blanked, and the key is the number that these show
	Entry     *entryJSON       `json:"entry,omitempty"`   // absent: not in the directory, as far as the last run saw
	History   []recordJSON     `json:"history"`           // the last records; all of them are in the audit log
	Pruned    string           `json:"pruned,omitempty"`  // what is not there any more, where the history is all that is left
	Asked     string           `json:"asked,omitempty"`   // the entitlement of which it was asked why, or why not
	Answer    []engine.Finding `json:"answer,omitzero"`   // of the policy; empty: no rule gives it to anybody
	CanBeHeld []string         `json:"can_be_held"`       // entitlements that can be asked about, and given
}

// entryJSON is what the directory says of somebody.
type entryJSON struct {
	State      string          `json:"state"`     // unknown, upcoming, active, away or left
	StateWhy   string          `json:"state_why"` // what decided the state
	Source     string          `json:"source"`    // the directory that decides that the person exists
	Entry      string          `json:"entry"`     // where it is: a DN, or a file and line
	Attributes []attributeJSON `json:"attributes"`
	Roles      []string        `json:"roles"`   // held in every job
	Missing    []string        `json:"missing"` // roles that the source could not show
	Jobs       []jobJSON       `json:"jobs"`
}

// attributeJSON is one attribute.
type attributeJSON struct {
	Name    string   `json:"name"`
	Values  []string `json:"values"`
	Unknown bool     `json:"unknown,omitempty"` // the source could not show it
}

// jobJSON is one employment.
type jobJSON struct {
	Attributes []attributeJSON `json:"attributes"`
	Roles      []string        `json:"roles"`
	Start      time.Time       `json:"start,omitzero"` // from when on the job counts
	End        time.Time       `json:"end,omitzero"`   // from when on it does not any more
}

// heldJSON is something that somebody has, and why.
type heldJSON struct {
	Program     string           `json:"program"`
	Account     string           `json:"account"`
	Entitlement string           `json:"entitlement"` // program or program/name
	Since       time.Time        `json:"since"`
	Managed     bool             `json:"managed"`        // granted or adopted by Rolecall
	Rules       []string         `json:"rules"`          // that gave it
	Record      int64            `json:"record"`         // that began it
	Why         []engine.Finding `json:"why"`            // what policy says of it now; of another day nothing
	Until       time.Time        `json:"until,omitzero"` // the last day of the extra that it is, given or of the policy's files; absent: no end is set
	Origin      engine.Origin    `json:"origin"`         // by what role, job and entry it was given, and by whose decision
}

func accessOf(v *personView) (accessJSON, error) {
	out := accessJSON{Key: v.Key, Name: v.Name, Roles: []string{}, On: v.Day, Has: each(v.Held, heldOf), Extras: each(v.Extras, factOf), Changes: each(v.Changes, changeOf)}
	if v.Cut != nil {
		out.CutSince = v.Cut.Since.UTC()
	}
	if v.Person != nil {
		out.State = v.Person.State.String()
		out.Roles = append(out.Roles, v.Person.Roles...)
		for i := range v.Person.Jobs {
			out.Roles = append(out.Roles, v.Person.Jobs[i].Roles...)
		}
	}
	return out, nil
}

func personOf(v *personView) (out personWhole, err error) {
	out = personWhole{Blanked: maybe(v.Blanked, blankedOf), Cut: maybe(v.Cut, factOf), Entry: maybe(v.Person, entryOf), History: each(v.History, recordOf), Pruned: v.Pruned, Asked: v.Ask, CanBeHeld: each(v.Known, func(e *engine.Entitlement) string { return e.String() })}
	if v.Ask != "" && v.Person != nil {
		out.Answer = each(v.Answer, same)
	}
	out.accessJSON, err = accessOf(v)
	return out, err
}

func heldOf(h *heldRow) heldJSON {
	return heldJSON{h.Program, h.Account, engine.Entitlement{Program: h.Program, Name: h.Entitlement}.String(), h.From.UTC(), h.Managed, each(h.Rules, same), h.Record, each(h.Why, same), h.Until.UTC(), h.Origin}
}

func entryOf(p *engine.Person) entryJSON {
	return entryJSON{p.State.String(), p.StateWhy, p.Source, p.Entry, each(p.Attributes, attributeOf), each(p.Roles, same), each(p.Missing, same),
		each(p.Jobs, func(j *engine.Job) jobJSON {
			return jobJSON{each(j.Attributes, attributeOf), each(j.Roles, same), j.Start.UTC(), j.End.UTC()}
		})}
}

func attributeOf(a *engine.Attribute) attributeJSON {
	return attributeJSON{a.Name, each(a.Values, same), a.Unknown}
}

// mineJSON is what everybody sees who is signed in.
type mineJSON struct {
	Me       *accessJSON  `json:"me,omitempty"`      // absent: the directory knows nobody by what was signed in with
	Team     []personRow  `json:"team,omitzero"`     // of a manager; absent before people were read
	Programs []programRow `json:"programs,omitzero"` // of an owner; absent before programs were read
}

func mineOf(v *mineView) (out mineJSON, err error) {
	if v.Me != nil {
		me, err := accessOf(v.Me)
		if err != nil {
			return out, err
		}
		out.Me = &me
	}
	if v.Seen != nil {
		out.Team, out.Programs = each(v.Team, personRowOf), each(v.Programs, programRowOf)
	}
	return out, nil
}

// cutPreview is what cutting somebody off would do.
type cutPreview struct {
	Person  string          `json:"person"` // key
	Name    string          `json:"name"`
	Cut     *factJSON       `json:"cut,omitempty"`    // they are already
	Changes []engine.Change `json:"changes,omitzero"` // absent: it can't be told now
}

func cutOf(v *cutView) (cutPreview, error) {
	out := cutPreview{Person: v.Key, Name: v.Name, Cut: maybe(v.Cut, factOf)}
	if !v.Unknown {
		out.Changes = each(v.Changes, changeOf)
	}
	return out, nil
}
