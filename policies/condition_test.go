package policies

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

func TestCompileCondition(t *testing.T) {
	s := testSchema()
	s.Attributes = append(s.Attributes, Declared{Name: "country"}, Declared{Name: "cost-centre"}, Declared{Name: "now"})
	person := &engine.Person{Key: "k", Zone: "Pacific/Auckland", Attributes: engine.Attributes{{Name: "country", Values: []string{"NZ"}},
		{Name: "login", Values: []string{"alice"}}, {Name: "tags", Unknown: true}}}
	job := &engine.Job{Attributes: engine.Attributes{{Name: "country", Values: []string{"DE"}}, {Name: "title", Values: []string{"Dev"}}}}
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]engine.Tri{
		`login == "alice"`:                         engine.Yes,
		`login != "alice"`:                         engine.No,
		`country == "NZ"`:                          engine.Yes, // the person's goes before the job's
		`job.country == "DE" && title == "Dev"`:    engine.Yes,
		`person.country == job.country`:            engine.No,
		`"x" in tags`:                              engine.Unknown,
		`"x" in tags && login == "bob"`:            engine.No,
		`"x" in tags || login == "alice"`:          engine.Yes,
		`tags[7] == "x"`:                           engine.Unknown,
		`skills[0] == "x"`:                         engine.Unknown, // out of range
		`skills[0] == "x" || true`:                 engine.Yes,
		`hired == "" && size(skills) == 0`:         engine.Yes,
		`today == "2027-01-16"`:                    engine.Yes, // in the person's zone
		`now == timestamp("2027-01-15T12:00:00Z")`: engine.Yes,
		`1 / 0 == 1`:                               engine.Unknown,
	} {
		c, err := CompileCondition(text, s)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := c(person, job, now); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	c, err := CompileCondition(`title == ""`, s)
	if err != nil || c(person, nil, now) != engine.Yes {
		t.Errorf("without a job its attributes are absent: %v", err)
	}
}

func TestCompileConditionMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`statu == "x"`:           `condition:1:1: unknown attribute "statu" (did you mean "status"?)`,
		"status ==\n  stats":     `condition:2:3: unknown attribute "stats" (did you mean "status"?)`,
		`status`:                 `condition:1:1: the condition gives a string, not true or false (compare it with something)`,
		`status == 1`:            `condition:1:8: the condition is wrong: found no matching overload for '_==_' applied to '(string, int)'`,
		`status.matches("(a+")`:  `condition:1:16: the condition is wrong: invalid matches argument`,
		`timestamp("x") == now`:  `condition:1:11: the condition is wrong: invalid timestamp argument`,
		strings.Repeat("a", 5e3): `condition:1:1: the condition is wrong: expression code point size exceeds limit: size: 5000, limit 4000`,
	} {
		_, err := CompileCondition(text, Schema{Attributes: []Declared{{Name: "status"}}})
		if err == nil || !errors.As(err, new(engine.Mistakes)) || err.Error() != want {
			t.Errorf("%.40s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// What costs too much is unknown, and soon.
func TestCostLimit(t *testing.T) {
	s := Schema{Attributes: []Declared{{Name: "tags", Multi: true}}}
	c, err := CompileCondition(`tags.all(a, tags.all(b, a + b == ""))`, s)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]string, 20000)
	start := time.Now()
	got := c(&engine.Person{Attributes: engine.Attributes{{Name: "tags", Values: many}}}, nil, start)
	if took := time.Since(start); got != engine.Unknown || took > time.Minute {
		t.Errorf("%v after %v", got, took)
	}
}

func TestGlob(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{{"*", "", true}, {"*", "a/b", true}, {"a*c", "abbc", true}, {"a*c", "abcd", false}, {"*b*", "abc", true}, {"", "", true},
		{"", "a", false}, {"a", "a", true}, {"a", "ab", false}, {"a**", "a", true}, {"*aab", "aaaab", true}, {"a*b*c", "a-b-b-c", true}, {"?", "a", false}} {
		if glob(c.pattern, c.text) != c.want {
			t.Errorf("glob(%q, %q) is not %v", c.pattern, c.text, c.want)
		}
	}
	long := strings.Repeat("a", 5000)
	if glob(strings.Repeat("a*", 200)+"b", long) {
		t.Error("matches")
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"7d": 168 * time.Hour, "1w": 168 * time.Hour, "1d12h": 36 * time.Hour, "30m": 30 * time.Minute,
		"0d": 0, "": 0, "d": 0, "7": 0, "-7d": 0, "7y": 0, "7 d": 0, "99999999d": 0, "9999999w": 0, "1.5d": 0} {
		got, ok := parseDuration(text)
		if ok != (want > 0) || ok && got != want {
			t.Errorf("%q: %v, %v", text, got, ok)
		}
	}
}
