package config

import (
	"slices"
	"testing"
)

func TestColonsInListsOfMappings(t *testing.T) {
	var into struct {
		Plain []string `yaml:"plain"`
		Deep  struct {
			In []string `yaml:"in"`
		} `yaml:"deep"`
		Roles []Role `yaml:"roles"`
	}
	d := newDecoder("f")
	decodeInto(d, "plain: [svc:x, b]\ndeep: {in: [ldaps://a:636, x:y:z, été:7, \"q:r\", two words]}\nroles: [attribute: title]\n", &into)
	if err := d.mistakes.Err(); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(into.Plain, []string{"svc:x", "b"}) || !slices.Equal(into.Deep.In, []string{"ldaps://a:636", "x:y:z", "été:7", "q:r", "two words"}) {
		t.Errorf("read %q, %q", into.Plain, into.Deep.In)
	}
	if len(into.Roles) != 1 || into.Roles[0].Attribute != "title" {
		t.Errorf("a mapping became a text: %+v", into.Roles)
	}
}
