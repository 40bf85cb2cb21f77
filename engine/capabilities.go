package engine

import (
	"fmt"
	"slices"
	"time"
)

// Capabilities are what a connector can do in its program, by what it declares and implements; the plan keeps to them.
type Capabilities struct {
	ByHand      bool          `json:"by_hand"`            // people make the changes
	ReadOne     bool          `json:"read_one"`           // one account can be read singly; else the whole list is read for that
	Batch       int           `json:"batch"`              // how many changes go with one call; 0: one
	Watch       bool          `json:"watch"`              // it tells of changes by itself; none does so far: every run reads
	Create      bool          `json:"create"`             // accounts can be made
	Suspend     bool          `json:"suspend"`            // accounts can be suspended and resumed
	Rename      bool          `json:"rename"`             // names can be changed in place
	Update      bool          `json:"update"`             // attributes can
	Sessions    bool          `json:"sessions"`           // it ends what an account has open
	Secrets     bool          `json:"secrets"`            // it makes first secrets
	Invites     bool          `json:"invites"`            // it invites whom an account is made for
	Delete      bool          `json:"delete"`             // accounts can be deleted
	Destroys    string        `json:"destroys"`           // what a delete destroys for good; empty: it can be taken back, or there is none
	Keyed       bool          `json:"keyed"`              // accounts are the people's own keys
	Seats       bool          `json:"seats"`              // it counts its seats
	LastUse     *bool         `json:"last_use,omitempty"` // its last list showed when an account was last used; nil: nobody looked
	Rights      bool          `json:"rights"`             // it lists the rights that exist
	Lag         time.Duration `json:"lag"`                // by which its list may be behind
	Concurrency int           `json:"concurrency"`        // calls at once
	Identity    string        `json:"identity,omitzero"`  // of the program itself
}

// CapabilitiesOf is what a connector can, once it has described itself.
func CapabilitiesOf(c Connector, d Description) Capabilities {
	out := Capabilities{Suspend: d.Accounts, Rename: d.Rename, Update: d.Update, Sessions: d.Sessions, Secrets: d.Secrets, Invites: d.Invites, Delete: d.Lifecycle, Destroys: d.Deletes, Keyed: d.Keyed, Seats: d.Seats,
		Rights: d.Grantable != nil, Lag: d.Lag, Concurrency: max(1, d.Concurrency), Identity: d.Identity}
	_, out.ByHand = c.(ByHand)
	_, out.ReadOne = c.(Reader)
	_, makes := c.(Creator)
	out.Create = makes && d.Lifecycle
	if _, many := c.(Batcher); many {
		out.Batch = batchMost
		if d.Batch > 0 {
			out.Batch = d.Batch
		}
	}
	return out
}

// Capability is one of them in words.
type Capability struct {
	What string `json:"what"`
	Can  bool   `json:"can"`
	Says string `json:"says"`
}

// Lines are all of them for people, always in this order.
func (c Capabilities) Lines() []Capability {
	yes := func(can bool, says, otherwise string) (bool, string) {
		if can {
			return can, says
		}
		return can, otherwise
	}
	line := func(what string) func(can bool, says string) Capability {
		return func(can bool, says string) Capability { return Capability{what, can, says} }
	}
	out := []Capability{
		line("lists all accounts and what they hold")(true, "in every run"),
		line("lists the rights that exist")(yes(c.Rights, "so that policy is checked against them", "any name may exist")),
		line("reads one account")(yes(c.ReadOne, "singly", "by reading the whole list")),
		line("tells of changes by itself")(yes(c.Watch, "", "every run reads")),
		line("counts its seats")(yes(c.Seats, "how many there are and are taken", "seats are counted by its list")),
		line("makes changes by itself")(yes(!c.ByHand, "", "people make them: rolecall tasks list")),
		line("makes many changes at once")(yes(c.Batch > 0, "up to "+plural(c.Batch, "change", "changes")+" with one call", "one with each call, "+plural(c.Concurrency, "call", "calls")+" at once")),
		line("creates accounts")(yes(c.Create, "", c.uncreated())),
		line("suspends and resumes accounts")(yes(c.Suspend, "it can be taken back for as long as the account is there", "what an account holds is taken instead")),
		line("renames accounts")(yes(c.Rename, "in place", "")),
		line("changes attributes of accounts")(yes(c.Update, "in place", "they are given to new accounts only")),
		line("ends open sessions")(yes(c.Sessions, "after a suspend, a cut and what is taken from leavers", "who is in stays in until the session ends by itself")),
		line("lets people in for the first time")(yes(c.Secrets || c.Invites, c.firstLogins(), "by the company's sign-in, or by hand")),
		line("deletes accounts")(yes(c.Delete, c.deletes(), "")),
	}
	if c.LastUse != nil {
		out = slices.Insert(out, 3, line("shows when an account was last used")(yes(*c.LastUse, "by its last list", "not by its last list")))
	}
	if c.Lag > 0 {
		return append(out, line("its list is behind")(true, fmt.Sprintf("by up to %s, for which nothing is concluded from it", c.Lag)))
	}
	return append(out, line("its list is behind")(false, "it shows every change at once"))
}

func (c Capabilities) uncreated() string {
	if c.Keyed {
		return "there is nothing to create: people are known by their keys"
	}
	return "they are made by hand"
}

func (c Capabilities) firstLogins() string {
	switch {
	case c.Secrets && c.Invites:
		return "by an invitation of its own, or a one-time secret"
	case c.Secrets:
		return "by a one-time secret"
	default:
		return "by an invitation of its own"
	}
}

func (c Capabilities) deletes() string {
	if c.Destroys != "" {
		return "not to be taken back: it destroys " + c.Destroys
	}
	return "it can be taken back, as far as the connector declares"
}
