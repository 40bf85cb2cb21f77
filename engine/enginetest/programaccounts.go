package enginetest

import (
	"cmp"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// programAccount is an account of a Program.
type programAccount struct {
	info engine.AccountInfo
	has  []string // in the order of lists
}

func (a *programAccount) find(entitlement string) (at int, found bool) {
	return slices.BinarySearchFunc(a.has, entitlement, func(x, y string) int {
		return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y))
	})
}

func (a *programAccount) holds(entitlement string) bool {
	_, found := a.find(entitlement)
	return found
}

func (a *programAccount) set(entitlement string, on bool) {
	switch at, found := a.find(entitlement); {
	case on && !found:
		a.has = slices.Insert(a.has, at, entitlement)
	case !on && found:
		a.has = slices.Delete(a.has, at, at+1)
	}
}

func addAccount(id string, info engine.AccountInfo, entitlements []string) func(map[string]*programAccount) {
	return func(accounts map[string]*programAccount) {
		a := &programAccount{info: info}
		for _, e := range entitlements {
			a.set(e, true)
		}
		accounts[id] = a
	}
}

func setHolding(account, entitlement string, on bool) func(map[string]*programAccount) {
	return func(accounts map[string]*programAccount) {
		a := accounts[account]
		switch {
		case a == nil && on:
			addAccount(account, engine.AccountInfo{Name: account}, []string{entitlement})(accounts)
		case a == nil:
		case on:
			a.set(entitlement, true)
		default:
			a.set(entitlement, false)
			if entitlement == engine.Exists || len(a.has) == 0 {
				delete(accounts, account)
			}
		}
	}
}

// holdings sorts Exists before Active before rights, and puts what is known of the account on the first.
func (p *Program) holdings(accounts map[string]*programAccount) []engine.Holding {
	ids, n := make([]string, 0, len(accounts)), 0
	for id, a := range accounts {
		ids, n = append(ids, id), n+len(a.has)
	}
	slices.Sort(ids)
	out := slices.Grow([]engine.Holding(nil), n)
	for _, id := range ids {
		a, info := accounts[id], accounts[id].info
		for i, e := range a.has {
			h := engine.Holding{Account: id, Entitlement: e}
			if i == 0 {
				h.Info = &info
			}
			out = append(out, h)
		}
	}
	return out
}

func rank(entitlement string) int {
	switch entitlement {
	case engine.Exists:
		return 0
	case engine.Active:
		return 1
	}
	return 2
}
