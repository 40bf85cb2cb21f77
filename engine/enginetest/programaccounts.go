package enginetest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// programAccount is an account of a Program.
type programAccount struct {
	info engine.AccountInfo
	has  map[string]bool
}

func addAccount(id string, info engine.AccountInfo, entitlements []string) func(map[string]*programAccount) {
	return func(accounts map[string]*programAccount) {
		a := &programAccount{info: info, has: map[string]bool{}}
		for _, e := range entitlements {
			a.has[e] = true
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
			a.has[entitlement] = true
		default:
			delete(a.has, entitlement)
			if entitlement == engine.Exists || len(a.has) == 0 {
				delete(accounts, account)
			}
		}
	}
}

// holdings sorts Exists before Active before rights, and puts what is known of the account on the first.
func (p *Program) holdings(accounts map[string]*programAccount) []engine.Holding {
	var out []engine.Holding
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		a, info := accounts[id], accounts[id].info
		names := slices.SortedFunc(maps.Keys(a.has), func(x, y string) int {
			return cmp.Or(cmp.Compare(rank(x), rank(y)), cmp.Compare(x, y))
		})
		for i, e := range names {
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
