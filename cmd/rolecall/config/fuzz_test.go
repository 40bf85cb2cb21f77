package config

import (
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// FuzzTemplate: a template is refused, or a name is filled in as it is: what it holds is never read as a template again.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{"{login}", "cn={name},ou=people", "{{{login}}}", "{", "}", "{}", "{a b}", "{login}{key}", "{login", "{{login}}", "\x00{login}\n"} {
		f.Add(s, "ada")
		f.Add(s, "{key}")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		tpl, err := ParseTemplate(text)
		if err != nil {
			return
		}
		p := engine.Person{Key: value}
		for _, n := range tpl.Names() {
			p.Attributes = p.Attributes.With(engine.Attribute{Name: n, Values: []string{value}})
		}
		got, missing := tpl.Fill(&p)
		if value == "" && len(tpl.Names()) > 0 {
			if missing == "" || got != "" {
				t.Fatalf("%q without values gives %q", text, got)
			}
			return
		}
		literal := ""
		for _, part := range tpl.parts {
			literal += part.text
		}
		if missing != "" || len(got) != len(literal)+len(value)*len(tpl.Names()) || strings.Count(got, value) < len(tpl.Names()) && value != "" {
			t.Fatalf("%q with %q gives %q, missing %q", text, value, got, missing)
		}
	})
}

// FuzzDuration: spans are never negative, and are shown as what reads back the same; a date is a day of the calendar.
func FuzzDuration(f *testing.F) {
	for _, s := range []string{"30d", "1d12h", "2w", "0", "90s", "1h30m", "", "-1h", "1e9h", "99999999999w", "15250w1d", "1d-1h", "0d", "00d0s", "2027-03-31", "2027-02-29", "1µs", "0.5h", "0x1d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseDuration(text); err == nil {
			if d < 0 {
				t.Fatalf("%q is %s", text, d)
			}
			if back, err := ParseDuration(FormatDuration(d)); err != nil || back != d {
				t.Fatalf("%q is %s, shown as %s, which is %s, %v", text, d, FormatDuration(d), back, err)
			}
		}
		if day, err := ParseDate(text); err == nil && (day.Format("2006-01-02") != text || !day.Equal(day.Truncate(24*3600e9))) {
			t.Fatalf("%q is %s", text, day)
		}
	})
}
