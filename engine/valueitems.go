package engine

import "slices"

// An approval of a change in place has values of somebody in it, the old ones and the new. It stands in records about that person
// alone, which are blanked with them; a note about many people never is.

// hasValues says that an item is one of those.
func (c *Change) hasValues() bool { return (c.Op == OpUpdate || c.Op == OpRename) && c.Person != "" }

// about is the beginning of a record about whose change it is.
func (c *Change) about() Record {
	return Record{Kind: KindNote, Person: c.Person, Program: c.Program, Account: c.Account}
}

// repeats says that a fact has the words of a program about one account, which repeats values that it does not like.
func (f *Fact) repeats() bool {
	return f.Text != "" && (f.Kind == FactFailing || f.Kind == FactSessions || f.Kind == FactSecret)
}

// valueRecords takes such items, and what repeats values, out of the facts that are written in notes, and gives each a record of its own.
// item is what is known of one so far.
func valueRecords(sets []Fact, clears []FactKey, item func(FactKey) Item) ([]Fact, []FactKey, []Record) {
	var out []Record
	sets = slices.DeleteFunc(sets, func(f Fact) bool {
		if f.repeats() {
			out = append(out, Record{Kind: KindNote, Person: f.Person, Program: f.Program, Account: f.Account, Set: []Fact{f}})
			return true
		}
		if f.Kind != FactItem {
			return false
		}
		i := item(f.FactKey)
		if i.Change.Op == "" { // a new one
			i = itemOf(&f)
		}
		if i.Change.hasValues() {
			r := i.Change.about()
			r.Set = []Fact{f}
			out = append(out, r)
		}
		return i.Change.hasValues()
	})
	clears = slices.DeleteFunc(clears, func(k FactKey) bool {
		if k.Kind != FactItem {
			return false
		}
		i := item(k)
		if i.Change.hasValues() {
			r := i.Change.about()
			r.Clear = []FactKey{k}
			out = append(out, r)
		}
		return i.Change.hasValues()
	})
	return sets, clears, out
}

// itemsIn are those of a list of facts.
func itemsIn(facts map[FactKey]*Fact) func(FactKey) Item {
	return func(k FactKey) (i Item) {
		if f, ok := facts[k]; ok {
			i = itemOf(f)
		}
		return i
	}
}

// withoutValues is a change as an item keeps it: what a new account is to be given is worked out anew when it is made.
func (c Change) withoutValues() Change {
	if c.New != nil && !c.hasValues() {
		c.New = &NewAccount{Name: c.New.Name, Person: c.New.Person}
	}
	return c
}
