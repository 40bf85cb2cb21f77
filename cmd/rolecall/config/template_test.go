package config

import (
	"testing"

	"github.com/rolecall/rolecall/engine"
)

func TestTemplate(t *testing.T) {
	p := &engine.Person{Key: "7", Attributes: engine.Attributes{{Name: "login", Values: []string{"ann"}}, {Name: "mail", Unknown: true}},
		Jobs: []engine.Job{{}, {Attributes: engine.Attributes{{Name: "title", Values: []string{"chef"}}}}}}
	for _, c := range []struct{ template, text, missing string }{
		{"{login}", "ann", ""}, {"u-{key}-{{x}}", "u-7-{x}", ""}, {"{title}", "chef", ""}, {"{login}@{mail}", "", "mail"}, {"", "", ""},
	} {
		tm, err := ParseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		if text, missing := tm.Fill(p); text != c.text || missing != c.missing {
			t.Errorf("%q gives %q, missing %q", c.template, text, missing)
		}
	}
	for _, bad := range []string{"{", "}", "{}", "{a b}", "{a{b}", "x{a"} {
		if _, err := ParseTemplate(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
