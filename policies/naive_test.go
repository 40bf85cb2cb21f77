package policies

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// naive is the policy without indexes: every rule is looked at for every person and job, conditions run in CEL itself.
func naive(p *Policy, person *engine.Person, now time.Time) []engine.Verdict {
	best := make([]saying, len(p.entitlements))
	for i := range p.matchers {
		m := &p.matchers[i]
		r := nothing
		switch naiveRule(m.def, person, now) {
		case engine.Yes:
			r = m.rank
		case engine.Unknown:
			if m.rank != observed {
				r = undecided
			}
		}
		for _, e := range m.gives {
			if r > best[e].rank {
				best[e] = saying{rank: r, rule: m.rule}
			}
		}
	}
	var out []engine.Verdict
	for e, b := range best {
		if b.rank > nothing {
			out = append(out, b.verdict(int32(e)))
		}
	}
	return out
}

func naiveRule(r *rule, person *engine.Person, now time.Time) engine.Tri {
	result := engine.No
	for i := range person.Jobs {
		j := &person.Jobs[i]
		if inForce(j, now) {
			result = or(result, naiveJob(r, person, j, now))
		}
	}
	return result
}

func naiveJob(r *rule, person *engine.Person, j *engine.Job, now time.Time) engine.Tri {
	result := engine.Yes
	if len(r.any) > 0 {
		one := engine.No
		for _, role := range r.any {
			one = or(one, person.HasRole(j, role))
		}
		result = and(result, one)
	}
	for _, role := range r.all {
		result = and(result, person.HasRole(j, role))
	}
	for _, role := range r.none {
		result = and(result, not(person.HasRole(j, role)))
	}
	if r.when != nil && result != engine.No {
		answer, _ := r.when.slow(testView(r.when, person, j, now))
		result = and(result, answer)
	}
	return result
}

func testView(c *condition, person *engine.Person, j *engine.Job, now time.Time) *view {
	v := newView(c.language.slots())
	v.person, v.job, v.now, v.zone = person, j, now, time.UTC
	return &v
}

func and(a, b engine.Tri) engine.Tri {
	switch {
	case a == engine.No || b == engine.No:
		return engine.No
	case a == engine.Yes && b == engine.Yes:
		return engine.Yes
	}
	return engine.Unknown
}

func not(a engine.Tri) engine.Tri {
	return [...]engine.Tri{engine.No: engine.Yes, engine.Yes: engine.No, engine.Unknown: engine.Unknown}[a]
}

func or(a, b engine.Tri) engine.Tri { return not(and(not(a), not(b))) }

// Random small policies and people: indexes and fast paths must say what the plain loop says.
func TestIndexAgreesWithPlainLoop(t *testing.T) {
	decided := [5]int{}
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		p := mustLoad(t, randomPolicy(r))
		for range 40 {
			person := randomPerson(r)
			now := time.Unix(int64(r.IntN(100)), 0)
			got, want := p.Decide(&person, now, nil, nil), naive(p, &person, now)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d\n%+v\ngot  %v\nwant %v\nrules %+v", seed, person, got, want, p.Rules())
			}
			for _, v := range got {
				decided[v.Say]++
			}
		}
	}
	for _, say := range []engine.Say{engine.Desired, engine.Observed, engine.Undecided} {
		if decided[say] < 1000 {
			t.Errorf("only %d verdicts of kind %d: the test sees too little", decided[say], say)
		}
	}
}

var someRoles = []string{"group:engineer", "group:sre", "group:staff", "group:boss", "title:dev", "title:boss"}

func randomPolicy(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("version: 1\nrules:\n")
	grants := []string{"wiki", "crm", "vpn", "gitea/eng", "gitea/ops"}
	for i := range 1 + r.IntN(8) {
		fmt.Fprintf(&b, "  - name: r%d\n    mode: %s\n    grant: [%s]\n", i, pick(r, []string{"enforce", "enforce", "observe", "additive"}), strings.Join(some(r, grants, 2), ", "))
		var clauses []string
		for _, clause := range some(r, []string{"any", "all", "none"}, 2) {
			clauses = append(clauses, clause+": ["+strings.Join(some(r, someRoles, 3), ", ")+"]")
		}
		shape := r.IntN(5)
		if shape > 0 {
			fmt.Fprintf(&b, "    roles: {%s}\n", strings.Join(clauses, ", "))
		}
		if shape < 2 {
			fmt.Fprintf(&b, "    when: '%s'\n", randomCondition(r, 3))
		}
	}
	return b.String()
}

func pick(r *rand.Rand, of []string) string { return of[r.IntN(len(of))] }

// some picks between one and most, without repeating.
func some(r *rand.Rand, of []string, most int) []string {
	of = slices.Clone(of)
	r.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:1+r.IntN(most)]
}

// none may be empty, unlike some.
func maybe(r *rand.Rand, of []string, most int) []string {
	if r.IntN(3) == 0 {
		return nil
	}
	return some(r, of, most)
}

func randomPerson(r *rand.Rand) engine.Person {
	p := engine.Person{Key: "k", State: engine.StateActive, Roles: maybe(r, someRoles, 2)}
	p.Missing = maybe(r, append([]string{"group:*", "title:*", "other:*"}, someRoles...), 2)
	slices.Sort(p.Roles)
	slices.Sort(p.Missing)
	p.Attributes = randomAttributes(r, "hired", "login", "tags")
	for range 1 + r.IntN(2) {
		j := engine.Job{Roles: maybe(r, someRoles, 2), Attributes: randomAttributes(r, "country", "department", "skills", "title")}
		slices.Sort(j.Roles)
		if r.IntN(3) == 0 {
			j.Start, j.End = time.Unix(int64(r.IntN(50)), 0), time.Unix(int64(50+r.IntN(50)), 0)
		}
		p.Jobs = append(p.Jobs, j)
	}
	return p
}

func randomAttributes(r *rand.Rand, names ...string) (out engine.Attributes) {
	for _, name := range names {
		switch r.IntN(4) {
		case 0:
			out = out.With(engine.Attribute{Name: name, Unknown: true, Values: maybe(r, someValues, 1)})
		case 1, 2:
			out = out.With(engine.Attribute{Name: name, Values: some(r, someValues, 2)})
		}
	}
	return out
}

var someValues = []string{"", "a", "b", "DE", "ab", "é"}

// randomCondition writes shapes of the fast path, and now and then one that only CEL can run.
func randomCondition(r *rand.Rand, depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		left, right := randomCondition(r, depth-1), randomCondition(r, depth-1)
		return pick(r, []string{"(" + left + " && " + right + ")", "(" + left + " || " + right + ")", "!(" + left + ")"})
	}
	one := func() string {
		return pick(r, []string{"person.login", "person.hired", "job.country", "job.title", "job.department", quoted(r), quoted(r)})
	}
	listed := pick(r, []string{"person.tags", "job.skills", "[" + quoted(r) + "," + quoted(r) + "]", "[]"})
	return pick(r, []string{
		one() + pick(r, []string{" == ", " != ", " < ", " <= ", " > ", " >= "}) + one(),
		one() + " in " + listed,
		one() + pick(r, []string{".startsWith(", ".endsWith(", ".contains("}) + one() + ")",
		pick(r, []string{"true", "false"}),
		pick(r, []string{"size(job.skills) > 0", `job.skills[0] == "a"`, `person.tags.exists(t, t == "a")`, `(job.country == "DE" ? person.login : job.title) == "a"`}),
	})
}

func quoted(r *rand.Rand) string { return `"` + pick(r, someValues) + `"` }

// The fast path and CEL must agree on every answer, also where attributes are unknown.
func TestFastPathAgreesWithCEL(t *testing.T) {
	schema := testSchema()
	l, err := newLanguage(&schema)
	if err != nil {
		t.Fatal(err)
	}
	fast, answers := 0, [3]int{}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 2))
		text := randomCondition(r, 4)
		c, wrong := l.compile(text)
		if wrong != nil {
			t.Fatalf("%s: %v", text, wrong)
		}
		if c.fast == nil {
			continue
		}
		fast++
		for range 10 {
			agree(t, c, randomPerson(r), &answers)
		}
	}
	if fast < 1000 || slices.Min(answers[:]) < 1000 {
		t.Errorf("%d fast conditions, answers %v: the test sees too little", fast, answers)
	}
}

func agree(t *testing.T, c *condition, person engine.Person, answers *[3]int) {
	t.Helper()
	v := testView(c, &person, &person.Jobs[0], time.Time{})
	want, err := c.slow(v)
	if got := c.fast(v); got != want || err != nil {
		t.Fatalf("%s\n%+v\nfast %v, CEL %v, %v", c.text, person, got, want, err)
	}
	answers[want]++
}
