package login

import (
	"errors"
	"testing"
	"time"
)

// A program brings its token each time: it is let in as long as the token is good, and recorded once for as long as it goes on.
func TestPrograms(t *testing.T) {
	g := newGate(t, true)
	ask := func(header string) (bool, error) {
		r := request("/api/v1/now")
		r.Header.Set("Authorization", header)
		who, in, err := g.Who(r)
		if in && who.Subject != "ann" {
			t.Errorf("%s is %+v", header, who)
		}
		return in, err
	}
	for range 3 {
		if in, err := ask("bearer  right"); !in || err != nil {
			t.Fatal(in, err)
		}
	}
	if len(g.events) != 1 || g.events[0].Refused || g.events[0].Who.Subject != "ann" {
		t.Fatalf("recorded %+v", g.events)
	}
	if g.now = g.now.Add(g.Idle); true {
		if in, err := ask("Bearer right"); !in || err != nil || len(g.events) != 2 {
			t.Errorf("after a pause: %v %v, recorded %+v", in, err, g.events)
		}
	}
	var refused Refusal
	for _, wrong := range []string{"Bearer wrong", "Bearer ", "Bearer"} {
		if in, err := ask(wrong); in || !errors.As(err, &refused) {
			t.Errorf("%q: %v %v", wrong, in, err)
		}
	}
	if last := g.events[len(g.events)-1]; !last.Refused || len(g.events) != 5 {
		t.Errorf("recorded %+v", g.events)
	}
	if in, err := ask("Basic cmlnaHQ6cmlnaHQ="); in || err != nil {
		t.Errorf("what a proxy asks for is no token: %v %v", in, err)
	}
	g.why = "you have left"
	if in, err := ask("Bearer right"); in || !errors.As(err, &refused) {
		t.Errorf("somebody who may not come in did: %v %v", in, err)
	}
}

// No record, no answer; and no tokens where the configuration has none. A session does not help who brings a wrong token.
func TestProgramsAreRecordedFirst(t *testing.T) {
	g := newGate(t, false)
	session := g.enter()
	r := request("/api/v1/now", session)
	r.Header.Set("Authorization", "Bearer wrong")
	if _, in, err := g.Who(r); in || err == nil {
		t.Error("a session stands in for a wrong token")
	}
	r.Header.Set("Authorization", "Bearer right")
	g.recorded = errors.New("the disk is full")
	if _, in, err := g.Who(r); in || err == nil {
		t.Error(in, err)
	}
	g.recorded, g.Token = nil, nil
	if _, in, err := g.Who(r); in || !errors.As(err, new(Refusal)) {
		t.Error("a token where there are none:", in, err)
	}
	c := callers{}
	if c.used("x", g.now); c.fresh("x", g.now.Add(time.Minute), time.Hour) || !c.fresh("y", g.now, time.Hour) {
		t.Error("who was seen is not remembered")
	}
}
