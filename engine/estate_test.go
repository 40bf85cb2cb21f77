package engine

import (
	"testing"
	"time"
)

// Whose an account is says its newest link alone; what is not known is nobody's and holds nothing.
func TestEstate(t *testing.T) {
	link := func(day int, person, account, kind string) Link {
		return Link{Person: person, Account: account, Kind: kind, Since: time.Date(2027, 1, day, 0, 0, 0, 0, time.UTC)}
	}
	p := &programEstate{numbered([]string{"one", "two", "three", "four"}), numbered([]string{"x", "y"}), map[uint32]Link{}, map[string]uint32{}, Set{}}
	p.follow([]Link{link(3, "zoe", "one", PersonalAccount), link(1, "bob", "one", PersonalAccount), link(2, "bob", "two", PersonalAccount),
		link(1, "eve", "three", PersonalAccount), link(2, "kim", "three", PersonalAccount), link(1, "ann", "four", PersonalAccount), link(2, "ann", "four", AdminAccount)}, nil)
	for n := range uint32(4) {
		p.held.Add(0, n) // all hold x
	}
	e := &estate{of: map[string]*programEstate{"wiki": p}}
	for _, c := range []struct{ person, account, kind string }{{"zoe", "one", PersonalAccount}, {"bob", "one", ""}, {"bob", "two", PersonalAccount}, {"eve", "three", ""},
		{"kim", "three", PersonalAccount}, {"ann", "four", AdminAccount}, {"zoe", "nowhere", ""}, {"", "nowhere", ""}} {
		if got := e.kindOf(c.person, "wiki", c.account); got != c.kind {
			t.Errorf("%s of %s is %q, not %q", c.account, c.person, got, c.kind)
		}
	}
	for _, c := range []struct {
		person, right string
		holds         bool
	}{{"zoe", "x", true}, {"bob", "x", true}, {"bob", "y", false}, {"bob", "unheard", false}, {"eve", "x", false}, {"ann", "x", false}, {"nobody", "x", false}} {
		if e.holds(c.person, Entitlement{"wiki", c.right}) != c.holds {
			t.Errorf("%s holds %s: %v", c.person, c.right, !c.holds)
		}
	}
	for _, c := range []struct {
		account, right string
		there          bool
	}{{"one", "x", true}, {"one", "y", false}, {"one", "unheard", false}, {"nowhere", "x", false}} {
		if e.there("wiki", c.account, c.right) != c.there {
			t.Errorf("%s has %s: %v", c.account, c.right, !c.there)
		}
	}
}
