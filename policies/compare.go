package policies

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Difference is one entitlement that one person gains or loses by a change of policy.
type Difference struct {
	Person, Login string
	Entitlement   engine.Entitlement
	Gains         bool   // else the person loses it
	Rule          string // that gives it now, or gave it; "" if none is named
	Uncertain     bool   // one of the two sides could not be decided
}

// Compare evaluates both policies on the same people at the same time and lists who gains and loses what, in the order of
// the people, then by entitlement. Nobody is taken to hold anything, so keep: existing counts as keep: first. The people
// are read once and not kept.
func Compare(before, after engine.Policy, people iter.Seq[*engine.Person], now time.Time) []Difference {
	var out []Difference
	var a, b []engine.Verdict
	for person := range people {
		a = before.Decide(person, now, nil, a[:0])
		b = after.Decide(person, now, nil, b[:0])
		out = comparePerson(out, person, standing(before, a), standing(after, b))
	}
	return out
}

// stands is what one policy gives, or may give, to one person.
type stands struct {
	entitlement engine.Entitlement
	rule        string
	certain     bool
}

func standing(p engine.Policy, verdicts []engine.Verdict) []stands {
	var out []stands
	for _, v := range verdicts {
		s := stands{entitlement: p.Entitlements()[v.Entitlement], certain: v.Say != engine.Undecided}
		if v.Rule >= 0 {
			s.rule = p.Rules()[v.Rule].Name
		}
		if v.Say == engine.Desired || v.Say == engine.Undecided || v.Say == engine.Recorded && v.Rule >= 0 {
			out = append(out, s)
		}
	}
	return out
}

func comparePerson(out []Difference, person *engine.Person, a, b []stands) []Difference {
	note := func(s stands, gains, uncertain bool) {
		out = append(out, Difference{Person: person.Key, Login: person.Login(), Entitlement: s.entitlement, Gains: gains, Rule: s.rule, Uncertain: uncertain})
	}
	for len(a) > 0 || len(b) > 0 {
		order := 0
		switch {
		case len(a) == 0:
			order = 1
		case len(b) == 0:
			order = -1
		default:
			order = compareEntitlements(a[0].entitlement, b[0].entitlement)
		}
		switch {
		case order < 0:
			note(a[0], false, !a[0].certain)
			a = a[1:]
		case order > 0:
			note(b[0], true, !b[0].certain)
			b = b[1:]
		default:
			if a[0].certain != b[0].certain {
				note(b[0], b[0].certain, true)
			}
			a, b = a[1:], b[1:]
		}
	}
	return out
}

// Summarize counts the differences per entitlement, sorted by it.
func Summarize(differences []Difference) []Count {
	at := map[string]*Count{}
	for _, d := range differences {
		name := d.Entitlement.String()
		c := at[name]
		if c == nil {
			c = &Count{Entitlement: name}
			at[name] = c
		}
		if d.Gains {
			c.Gain++
		} else {
			c.Lose++
		}
	}
	var out []Count
	for _, c := range at {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int { return strings.Compare(a.Entitlement, b.Entitlement) })
	return out
}

// Count is how many people gain and lose one entitlement.
type Count struct {
	Entitlement string
	Gain, Lose  int
}
