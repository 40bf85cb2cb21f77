package main

import (
	"slices"
	"testing"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/login"
)

func peopleSeen(complete bool, people ...engine.Person) *engine.Outlook {
	var proof engine.Proof
	if !complete {
		proof.Add(engine.ReasonUnreachable, "cut off")
	}
	return &engine.Outlook{People: people, Plan: &engine.Plan{Proofs: []engine.Proof{proof}}}
}

func somebody(key, login, mail string, state engine.State) engine.Person {
	return engine.Person{Key: key, State: state, Attributes: engine.Attributes{{Name: "login", Values: []string{login}}, {Name: "mail", Values: []string{mail}}}}
}

func TestWhoSignsInIsOnePerson(t *testing.T) {
	ann, bob := somebody("1", "ann", "Ann@Example.com", engine.StateActive), somebody("2", "bob", "bob@example.com", engine.StateActive)
	again := somebody("3", "ann2", "ann@example.com", engine.StateLeft)
	ann.NewKey = "new-1"
	for name, c := range map[string]struct {
		o      *engine.Outlook
		called string
		keys   string
		left   bool
		unsure bool
	}{
		"by mail":                    {peopleSeen(true, ann, bob), "ann@example.com", "1", false, false},
		"by the new key":             {peopleSeen(true, ann, bob), "new-1", "1", false, false},
		"nobody":                     {peopleSeen(true, ann, bob), "carl", "", false, false},
		"nobody says":                {nil, "", "", false, false},
		"nobody, as far as was seen": {peopleSeen(false, bob), "ann@example.com", "", false, true},
		"before the first look":      {nil, "ann", "", false, true},
		"a directory that is down":   {peopleSeen(false), "ann", "", false, true},
		"two, of whom one came back": {peopleSeen(true, ann, bob, again), "ann@example.com", "13", false, true},
		"somebody who has left":      {peopleSeen(true, bob, again), "ann@example.com", "3", true, false},
	} {
		var m matching
		got := m.of(c.o, c.called)
		keys := ""
		for _, key := range got.keys {
			keys += key
		}
		if keys != c.keys || got.left != c.left || (got.unsure(login.Identity{Person: c.called}) != "") != c.unsure || (got.one() != "") != (len(c.keys) == 1) {
			t.Errorf("%s: %+v, unsure: %q", name, got, got.unsure(login.Identity{}))
		}
	}
}

// What was found stays found while people are missing from a read that is not complete, and ends with one that is.
func TestWhoWasFoundStays(t *testing.T) {
	ann, bob := somebody("1", "ann", "ann@example.com", engine.StateActive), somebody("2", "bob", "bob@example.com", engine.StateActive)
	var m matching
	for i, c := range []struct {
		o    *engine.Outlook
		want string
	}{
		{peopleSeen(true, ann, bob), "1"}, {peopleSeen(false), "1"}, {peopleSeen(false, bob), "1"}, {nil, "1"}, {peopleSeen(true, bob), ""},
	} {
		if got := m.of(c.o, "ann"); got.one() != c.want {
			t.Errorf("%d: %+v", i, got)
		}
	}
	got := m.of(peopleSeen(true, ann), "ann")
	if !slices.Contains(got.words, "ann@example.com") {
		t.Errorf("%q", got.words)
	}
}

// Several ask for the same people at the same time, and none writes into what the others read.
func TestWhoIsAskedForIsNobodyElses(t *testing.T) {
	m := matched{keys: append(make([]string, 0, 4), "1", "2")}
	first, second := m.or("Ann"), m.or("ann")
	if !slices.Equal(first, []string{"1", "2", "Ann"}) || !slices.Equal(second, []string{"1", "2", "ann"}) || len(m.or("")) != 2 {
		t.Errorf("%q, %q", first, second)
	}
}
