package main

import (
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Who is cut off after the plan was made is told nothing of what it gave, and nobody is told of them.
func TestNobodyIsToldOfACutAfterThePlan(t *testing.T) {
	for _, cut := range []bool{false, true} {
		c := newStaff(t, "")
		c.run(0)
		rows := staffRows()
		rows["judy"] = strings.Replace(rows["judy"], "Writer", "Engineer", 1)
		c.write(rows)
		c.now = c.now.Add(day)
		if _, _, err := c.s.applyAs(t.Context(), engine.ApplyOptions{Actor: "tester"}); err != nil {
			t.Fatal(err)
		}
		if cut {
			told(t, process{Dir: c.dir, Env: func(string) string { return "" }, Now: func() time.Time { return c.now }}, "cut", "judy", "--reason", "lost laptop")
		}
		if _, err := c.s.tellPeople(t.Context(), c.out, c.now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, text := c.bag.take(); strings.Contains(text, "Judy") == cut {
			t.Errorf("cut off %t, told: %s", cut, text)
		}
	}
}
