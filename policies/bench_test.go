package policies

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// The company and the rule mix of the measurements that the aims refer to: 300 rules (200 of a department and 8 titles, 60 of
// a department, 40 of a group), 120 programs; 60 departments, 400 titles (Zipf), 200 groups, about 5 of them a person.
const (
	departments, titles, groups, programs = 60, 400, 200, 120
	benchPeople                           = 20000
)

func benchSchema() Schema {
	s := Schema{Sources: []RoleSource{{Name: "department"}, {Name: "title"}, {Name: "group"}},
		Attributes: []Declared{{Name: "login"}, {Name: "mail"}, {Name: "name"}, {Name: "country", Job: true}, {Name: "department", Job: true}, {Name: "title", Job: true}},
		Programs:   map[string][]string{}}
	for i := range programs {
		s.Programs[fmt.Sprintf("program%03d", i)] = nil
	}
	return s
}

// benchPolicy: conditions is no; third, on every third rule; alone, on every third rule in place of its roles; or cel, on every
// third rule and of a kind that the fast path does not know.
func benchPolicy(b testing.TB, conditions string) *Policy {
	b.Helper()
	r := rand.New(rand.NewPCG(1, 1))
	var text strings.Builder
	text.WriteString("version: 1\nrules:\n")
	for i := range 300 {
		var of []string
		for _, n := range r.Perm(programs)[:3] { // about 5 grants a person, as measured there
			of = append(of, fmt.Sprintf("program%03d", n))
		}
		roles, third := benchRoles(r, i), conditions != "no" && i%3 == 0
		fmt.Fprintf(&text, "  - name: rule%03d\n    grant: [%s]\n", i, strings.Join(of, ", "))
		if !third || conditions != "alone" {
			fmt.Fprintf(&text, "    roles: %s\n", roles)
		}
		if third && conditions == "cel" {
			fmt.Fprintf(&text, "    when: 'size(job.country) == 2 && job.title.matches(\"^title-[0-9]+$\")'\n")
		} else if third {
			fmt.Fprintf(&text, "    when: 'job.country in [\"DE\", \"FR\", \"PL\"] && job.title == \"title-%d\"'\n", i)
		}
	}
	p, err := Load(fstest.MapFS{"bench.yaml": {Data: []byte(text.String())}}, benchSchema())
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func benchRoles(r *rand.Rand, i int) string {
	switch {
	case i < 200:
		var of []string
		for _, t := range r.Perm(titles)[:8] {
			of = append(of, fmt.Sprintf("title:title-%d", t))
		}
		return fmt.Sprintf("{all: [department:department-%d], any: [%s]}", r.IntN(departments), strings.Join(of, ", "))
	case i < 260:
		return fmt.Sprintf("[department:department-%d]", i-200)
	}
	return fmt.Sprintf("[group:group-%d]", r.IntN(groups))
}

func benchCompany(n int) []engine.Person {
	r := rand.New(rand.NewPCG(2, 2))
	zipf := zipfTable(titles)
	people := make([]engine.Person, n)
	for i := range people {
		department, title := fmt.Sprintf("department-%d", r.IntN(departments)), fmt.Sprintf("title-%d", zipf(r.Float64()))
		country := []string{"DE", "FR", "PL", "US", "JP"}[r.IntN(5)]
		p := engine.Person{Key: fmt.Sprintf("%032x", i), State: engine.StateActive,
			Attributes: engine.Attributes{{Name: "login", Values: []string{fmt.Sprintf("user%d", i)}}, {Name: "mail", Values: []string{"m"}}, {Name: "name", Values: []string{"n"}}},
			Jobs: []engine.Job{{Roles: []string{"department:" + department, "title:" + title},
				Attributes: engine.Attributes{{Name: "country", Values: []string{country}}, {Name: "department", Values: []string{department}}, {Name: "title", Values: []string{title}}}}}}
		for range 3 + r.IntN(5) {
			p.Roles = append(p.Roles, fmt.Sprintf("group:group-%d", r.IntN(groups)))
		}
		slices.Sort(p.Roles)
		p.Roles = slices.Compact(p.Roles)
		people[i] = p
	}
	return people
}

// zipfTable draws ranks with weight 1/(rank+1).
func zipfTable(n int) func(u float64) int {
	sums, sum := make([]float64, n), 0.0
	for i := range sums {
		sum += 1 / float64(i+1)
		sums[i] = sum
	}
	return func(u float64) int { i, _ := slices.BinarySearch(sums, u*sum); return min(i, n-1) }
}

// rate is people a second, the best of three rounds over all of them.
func rate(people []engine.Person, decide func(p *engine.Person, out []engine.Verdict) []engine.Verdict) float64 {
	best := math.Inf(1)
	out := make([]engine.Verdict, 0, 256)
	for range 3 {
		start := time.Now()
		for i := range people {
			out = decide(&people[i], out[:0])
		}
		best = min(best, time.Since(start).Seconds())
	}
	return float64(len(people)) / best
}

// plainLoop is the same policy with every rule tried for every person, roles as numbers all the same.
func plainLoop(p *Policy) *Policy {
	loop := compile(p.defs, p.zones.company)
	clear(loop.triggers)
	loop.always, loop.byValue = nil, nil
	for i := range loop.matchers {
		loop.always = append(loop.always, int32(i))
	}
	return loop
}

// BenchmarkDecide prints people a second on one core and the ratio to a plain loop over the same rules in the same run.
func BenchmarkDecide(b *testing.B) {
	people := benchCompany(benchPeople)
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	for _, conditions := range []string{"no", "third", "alone", "cel"} {
		b.Run(fmt.Sprintf("conditions=%s", conditions), func(b *testing.B) {
			p := benchPolicy(b, conditions)
			out := make([]engine.Verdict, 0, 256)
			verdicts := 0
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				out = p.Decide(&people[i%len(people)], now, nil, out[:0])
				verdicts += len(out)
			}
			b.StopTimer()
			indexed := rate(people, func(x *engine.Person, out []engine.Verdict) []engine.Verdict { return p.Decide(x, now, nil, out) })
			loop := plainLoop(p)
			plain := rate(people[:2000], func(x *engine.Person, out []engine.Verdict) []engine.Verdict { return loop.Decide(x, now, nil, out) })
			b.ReportMetric(indexed, "people/s")
			b.ReportMetric(indexed/plain, "x-plain-loop")
			b.ReportMetric(float64(verdicts)/float64(b.N), "verdicts/person")
		})
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("under the race detector, which runs -short, pools forget at random; `make plain` runs this")
	}
	people := benchCompany(50)
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	p := benchPolicy(t, "third").WithExtras([]engine.Extra{{Person: "user7", Entitlement: "program001", Until: now}})
	out := make([]engine.Verdict, 0, 256)
	given := 0
	perRound := testing.AllocsPerRun(100, func() {
		for i := range people {
			out = p.Decide(&people[i], now, func(int32) bool { return false }, out[:0])
			given += len(out)
		}
	})
	// The pool may be emptied by a collection of garbage, so that a round may now and then make a new scratch.
	if perRound >= 5 || given == 0 {
		t.Errorf("%v allocations for 50 people, %d verdicts", perRound, given)
	}
}

// Many goroutines on one policy say the same as one.
func TestDecideConcurrently(t *testing.T) {
	people := benchCompany(300)
	p := benchPolicy(t, "third")
	now := time.Date(2027, 1, 15, 12, 0, 0, 0, time.UTC)
	want := make([][]engine.Verdict, len(people))
	for i := range people {
		want[i] = p.Decide(&people[i], now, nil, nil)
	}
	wrong := make(chan int)
	for range 4 {
		go func() {
			n := 0
			for i := range people {
				if !slices.Equal(p.Decide(&people[i], now, nil, nil), want[i]) {
					n++
				}
			}
			wrong <- n
		}()
	}
	for range 4 {
		if n := <-wrong; n > 0 {
			t.Errorf("%d people differ", n)
		}
	}
}

// BenchmarkCondition compares the fast path with CEL's own program on one condition.
func BenchmarkCondition(b *testing.B) {
	schema := benchSchema()
	l, err := newLanguage(&schema)
	if err != nil {
		b.Fatal(err)
	}
	c, wrong := l.compile(`job.country in ["DE", "FR", "PL"] && person.login != "root"`)
	if wrong != nil {
		b.Fatal(wrong)
	}
	people := benchCompany(1)
	v := testView(c, &people[0], &people[0].Jobs[0], time.Time{})
	b.Run("fast", func(b *testing.B) {
		for range b.N {
			c.fast(v)
		}
	})
	b.Run("cel", func(b *testing.B) {
		for range b.N {
			if _, err := c.slow(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
