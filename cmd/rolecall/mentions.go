package main

import (
	"fmt"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/policies"
)

// mentions are the people that policy and configuration name, and the directory does not know, or knows twice. Where not
// everybody was seen, nobody is called unknown.
func (s *system) mentions(people []engine.Person, complete bool) (out []finding) {
	keys := map[string]map[string]bool{} // key or login → keys of the people called so
	add := func(name, key string) {
		if name == "" {
			return
		}
		if keys[name] == nil {
			keys[name] = map[string]bool{}
		}
		keys[name][key] = true
	}
	for i := range people {
		add(people[i].Key, people[i].Key)
		add(people[i].NewKey, people[i].Key)
		add(people[i].Login(), people[i].Key)
	}
	named := s.policy.Mentions()
	for i := range named {
		named[i].Place = s.cfg.Policies + "/" + named[i].Place
	}
	for _, p := range s.policy.Protected().People {
		named = append(named, policies.Mention{Person: p, Place: s.cfg.Policies + ", protected"})
	}
	for _, p := range s.cfg.Protected {
		named = append(named, policies.Mention{Person: p, Place: s.cfg.Path + ", protected"})
	}
	for _, m := range named {
		switch n := len(keys[m.Person]); {
		case n > 1:
			out = append(out, finding{Part: "person", Name: m.Person, Text: fmt.Sprintf("%s: %d people are called so; write the key", m.Place, n)})
		case n == 0 && complete:
			out = append(out, finding{Part: "person", Name: m.Person, OK: true, Note: true, Text: m.Place + ": nobody in the directory has this key or login; a slip, or somebody who left"})
		}
	}
	return out
}
