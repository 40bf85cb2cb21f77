package enginetest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// AsOf implements engine.AsOf.
func (j *Journal) AsOf(ctx context.Context, at time.Time, person, program, account string) ([]engine.Held, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	last := j.lastAt(at)
	owner := owners(j.records[:last])
	all := slices.Clone(j.tenures.Closed)
	for _, t := range j.tenures.Open {
		all = append(all, t)
	}
	var out []engine.Held
	for _, t := range all {
		if t.Record > last || t.Ended != 0 && t.Ended <= last {
			continue
		}
		h := engine.Held{Program: t.Program, Account: t.Account, Entitlement: t.Entitlement, From: t.From, Until: t.Until,
			Person: owner[[2]string{t.Program, t.Account}], Managed: t.Managed, Rules: t.Rules, Record: t.Record}
		if (person == "" || person == h.Person) && (program == "" || program == h.Program) && (account == "" || account == h.Account) {
			out = append(out, h)
		}
	}
	slices.SortFunc(out, func(a, b engine.Held) int {
		return cmp.Or(strings.Compare(a.Program, b.Program), strings.Compare(a.Account, b.Account), strings.Compare(a.Entitlement, b.Entitlement))
	})
	return out, ctx.Err()
}

// lastAt is the last record that is not after at, 0 if there is none.
func (j *Journal) lastAt(at time.Time) int64 {
	n, _ := slices.BinarySearchFunc(j.records, at, func(r engine.Record, at time.Time) int {
		if r.Time.After(at) {
			return 1
		}
		return -1
	})
	return int64(n)
}

// owners is who each (program, account) was linked to after the records; the newest link counts.
func owners(records []engine.Record) map[[2]string]string {
	f, since := engine.NewFold(), map[engine.LinkKey]int64{}
	for _, r := range records {
		if f.Apply(r) != nil {
			return nil
		}
		for _, k := range f.Touched().Links {
			since[k] = r.Seq
		}
	}
	out, newest := map[[2]string]string{}, map[[2]string]int64{}
	for key, seq := range since {
		l, _ := f.Link(key)
		at := [2]string{key.Program, l.Account}
		if seq > newest[at] {
			out[at], newest[at] = key.Person, seq
		}
	}
	return out
}
