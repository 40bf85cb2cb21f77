package sql

import (
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// From PostgreSQL 16 on a REVOKE may change nothing and say nothing; here the answers of the catalogue are made up.
func TestVerify(t *testing.T) {
	is := func(name string, login bool, memberOf ...string) roles {
		r := &role{oid: 7, name: name, login: login, memberOf: map[string]bool{}}
		for _, m := range memberOf {
			r.memberOf[m] = true
		}
		return roles{byID: map[uint32]*role{7: r}, byName: map[string]*role{name: r}}
	}
	none := roles{byID: map[uint32]*role{}, byName: map[string]*role{}}
	for name, tc := range map[string]struct {
		want, got roles
		good      bool
	}{
		"as wanted":          {is("ann", true, "a"), is("ann", true, "a"), true},
		"gone as wanted":     {none, none, true},
		"still a member":     {is("ann", true), is("ann", true, "a"), false},
		"no member":          {is("ann", true, "a"), is("ann", true), false},
		"may still sign in":  {is("ann", false), is("ann", true), false},
		"renamed meanwhile":  {is("ann", true), is("bob", true), false},
		"dropped meanwhile":  {is("ann", true), none, false},
		"not dropped at all": {none, is("ann", true), false},
	} {
		b := &batch{now: is("ann", true), want: tc.want}
		err := b.verify(tc.got)
		if (err == nil) != tc.good || err != nil && outcomeOf(err) != engine.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}
