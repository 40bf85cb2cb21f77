package directory

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// fixed is a directory of given people.
type fixed struct {
	people []engine.Person
	proof  engine.Proof
	err    error
}

func (f *fixed) People(_ context.Context, yield func(engine.Person) error) (engine.Proof, error) {
	for _, p := range f.people {
		if err := yield(p); err != nil {
			return f.proof, err
		}
	}
	return f.proof, f.err
}

func person(key, login string, more ...engine.Attribute) engine.Person {
	p := engine.Person{Key: key, Entry: key, State: engine.StateActive, Jobs: []engine.Job{{}}}
	p.Attributes = p.Attributes.With(engine.Attribute{Name: "login", Values: []string{login}})
	for _, a := range more {
		p.Attributes = p.Attributes.With(a)
	}
	return p
}

func badge(v string) engine.Attribute { return engine.Attribute{Name: "badge", Values: []string{v}} }

// joinTest joins ada, bob and cyd with a partner that contributes badge and roles site:….
func joinTest(t *testing.T, partner *fixed) (map[string]engine.Person, engine.Proof) {
	t.Helper()
	corp := &Config{Name: "corp", Key: "id", Attributes: []Attribute{{Name: "login", Source: "uid"}}}
	doors := &Config{Name: "doors", Key: "id", Attributes: []Attribute{{Name: "login", Source: "user"}, {Name: "badge", Source: "badge"}}, Roles: []RoleSource{{Attribute: "badge", As: "site"}}}
	authority := &fixed{people: []engine.Person{person("1", "ada"), person("2", "bob"), person("3", "cyd")}}
	d, err := Join(Part{Config: corp, Directory: authority}, Part{Config: doors, Directory: partner, On: "login", Theirs: "login"})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]engine.Person{}
	proof, err := d.People(t.Context(), func(p engine.Person) error { out[p.Login()] = p; return nil })
	if err != nil {
		t.Fatal(err)
	}
	return out, proof
}

func TestJoin(t *testing.T) {
	ada, bob := person("x", "ADA", badge("7")), person("y", "bob", badge("8"))
	ada.Roles = []string{"site:hall"}
	bob.State, bob.Marked, bob.StateWhy = engine.StateLeft, true, "gone"
	people, proof := joinTest(t, &fixed{people: []engine.Person{ada, bob, person("z", "zoe")}})
	if p := people["ada"]; p.Attributes.First("badge") != "7" || !slices.Equal(p.Roles, []string{"site:hall"}) || p.Changed == "" {
		t.Errorf("%+v", p)
	}
	if p := people["bob"]; p.State != engine.StateLeft || !p.Marked || p.StateWhy != "doors: gone" {
		t.Errorf("a leaver's mark in a partner must count: %+v", p)
	}
	if p := people["cyd"]; p.Attributes.Get("badge").Unknown || p.HasRole(nil, "site:hall") != engine.No || p.State != engine.StateActive {
		t.Errorf("not in a complete partner: %+v", p)
	}
	if len(people) != 3 || !proof.Complete() || len(proof.Partners) != 1 || !slices.Equal(proof.Partners[0].Tells, []string{"person.badge", "site:*"}) {
		t.Errorf("%d people, %+v", len(people), proof)
	}
}

// A partner that fails in any way takes nothing away but what it would have said.
func TestSilentPartner(t *testing.T) {
	ada := person("x", "ada", badge("7"))
	for name, partner := range map[string]*fixed{
		"unreachable": {people: []engine.Person{ada}, err: errors.New("no answer")},
		"partial":     {people: []engine.Person{ada}, proof: engine.Proof{Reasons: []engine.Reason{{Code: engine.ReasonPartial}}}},
	} {
		people, proof := joinTest(t, partner)
		if p := people["bob"]; !p.Attributes.Get("badge").Unknown || p.HasRole(nil, "site:hall") != engine.Unknown || p.State != engine.StateActive || p.Changed != "" {
			t.Errorf("%s: %+v", name, p)
		}
		if p := people["ada"]; p.Attributes.Get("badge").Unknown != (name == "unreachable") {
			t.Errorf("%s: what an entry shows is known, what came before an error is not: %+v", name, p)
		}
		if !proof.Complete() || proof.Partners[0].Complete() {
			t.Errorf("%s: %+v", name, proof)
		}
	}
}

func TestMixedUpPartner(t *testing.T) {
	people, proof := joinTest(t, &fixed{people: []engine.Person{person("x", "ada", badge("7")), person("y", "ada", badge("8"))}})
	if p := people["ada"]; !p.Attributes.Get("badge").Unknown || len(proof.Partners[0].Notices) != 1 {
		t.Errorf("%+v %+v", p, proof.Partners)
	}
}

func TestJoinRefuses(t *testing.T) {
	a := Part{Config: &Config{Name: "a", Attributes: []Attribute{{Name: "mail"}}, Roles: []RoleSource{{Group: &Groups{}}}}}
	for want, b := range map[string]Part{
		"attribute mail":           {Config: &Config{Name: "b", Attributes: []Attribute{{Name: "mail"}}}},
		"roles called group":       {Config: &Config{Name: "b", Roles: []RoleSource{{Group: &Groups{}}}}},
		"attributes that are not ": {Config: &Config{Name: "b"}, On: "x"},
	} {
		if _, err := Join(a, b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
