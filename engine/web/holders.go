package web

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// HoldersOf gives what accounts of a program hold now: of so many accounts after one, in the order of their names; "" begins.
type HoldersOf func(ctx context.Context, program, after string, accounts int) ([]engine.Held, error)

const (
	shownHolders = 50 // accounts on a page
	shownWaiting = 50 // people who wait for a seat, on the page of the program
	shownAtFirst = 10 // accounts on the page of the program
	shownHistory = 20 // records on the page of the program
)

// holderRow is an account with what it holds.
type holderRow struct {
	Account, Person string
	Since           time.Time // the first of it
	Managed         bool      // some of it
	Rights          []string  // sorted
	Rules           []string  // sorted
}

type holdersView struct {
	Program string
	Holders []holderRow
	Began   bool   // not with the first
	After   string // the account behind which there are more, "" for none
	Next    string // address of these
}

// holders are those of a program, page by page.
func (s *Site) holders(ctx context.Context, r asked) (view, error) {
	name, after := r.PathValue("name"), r.FormValue("after")
	if !slices.ContainsFunc(s.Programs(), func(p Program) bool { return p.Name == name }) {
		return view{}, fmt.Errorf("%w: there is no program %q", errNotThere, name)
	}
	v := holdersView{Program: name, Began: after != ""}
	rows, all, err := s.holderRows(ctx, name, after, shownHolders)
	if v.Holders = rows; !all {
		v.After = rows[len(rows)-1].Account
		v.Next = "?" + url.Values{"after": {v.After}}.Encode()
	}
	return view{"holders", "Who has something in " + name, v}, err
}

// holderRows are so many accounts, and whether there are no more.
func (s *Site) holderRows(ctx context.Context, program, after string, most int) (out []holderRow, all bool, err error) {
	held, err := s.Holders(ctx, program, after, most+1)
	for _, h := range held {
		if len(out) == 0 || out[len(out)-1].Account != h.Account {
			out = append(out, holderRow{Account: h.Account, Person: h.Person, Since: h.From})
		}
		out[len(out)-1].add(h)
	}
	if len(out) <= most {
		return out, true, err
	}
	return out[:most], false, err
}

func (row *holderRow) add(h engine.Held) {
	if h.From.Before(row.Since) {
		row.Since = h.From
	}
	row.Managed = row.Managed || h.Managed
	if h.Entitlement != engine.Exists {
		row.Rights = append(row.Rights, rightOf(h.Program, h.Entitlement))
	}
	for _, rule := range h.Rules {
		if !slices.Contains(row.Rules, rule) {
			row.Rules = append(row.Rules, rule)
		}
	}
	slices.Sort(row.Rules)
}
