package engine

import (
	"slices"
	"strings"
	"time"
)

// Managers are the keys of those who manage each of these, by key, sorted: in the jobs that count, or, of whoever has left, in those that
// ended last. A name that more than one person is called by is nobody's, and nobody manages themselves.
func Managers(people []Person, of []*Person, now time.Time) map[string][]string {
	names, wanted := map[string][]string{}, map[string]bool{}
	for _, p := range of {
		names[p.Key] = values(managing(p, now))
		for _, name := range names[p.Key] {
			wanted[strings.ToLower(name)] = true
		}
	}
	who, out := nameAll(people, wanted), map[string][]string{}
	for key, all := range names {
		for _, name := range all {
			if manager := who.only(name); manager != "" && manager != key {
				out[key] = append(out[key], manager)
			}
		}
		slices.Sort(out[key])
		out[key] = slices.Compact(out[key])
	}
	return out
}

// ManagerUnknown says whether the directory could not say who manages somebody in one of these jobs: then nobody is there for certain.
func ManagerUnknown(p *Person, now time.Time) bool {
	return slices.ContainsFunc(managing(p, now), func(a Attribute) bool { return a.Unknown })
}

// managing are the attributes that say who manages somebody, or managed whoever has left.
func managing(p *Person, now time.Time) []Attribute {
	all := managingNow(p, now)
	if p.State == StateLeft && len(values(all)) == 0 {
		all = append(all, managingLast(p, now)...)
	}
	return all
}

// managingLast are those of the jobs that ended last: whoever has left has none that counts.
func managingLast(p *Person, now time.Time) (out []Attribute) {
	var last time.Time
	for i := range p.Jobs {
		if end := p.Jobs[i].End; end.After(last) && !end.After(now) {
			last = end
		}
	}
	for i := range p.Jobs {
		if !last.IsZero() && p.Jobs[i].End.Equal(last) {
			out = append(out, p.Jobs[i].Attributes.Get("manager"))
		}
	}
	return out
}

func values(all []Attribute) (out []string) {
	for _, a := range all {
		out = append(out, a.Values...)
	}
	return out
}
