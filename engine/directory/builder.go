package directory

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// builder makes people of entries. Entries are added one by one; finish decides what needs all of them.
type builder struct {
	cfg    *Config
	now    time.Time
	rows   bool // a further entry with a known key is a further job, not a duplicate
	tree   bool // entries have DNs, and Entry of a person is one
	people []*engine.Person
	block  []engine.Person   // where the next ones go: growing one slice would copy them all again and again
	byKey  map[string]int32  // canonical key → index in people
	more   map[int32][]row   // further entries of the same key
	twice  map[string]string // key that is not one person's → where else it is
	told   map[string]int    // reasons ("!code") and notices so far, by code
	proof  engine.Proof
	lost   map[string][]engine.Reason // attribute → why the source shows it of nobody
	zones  map[string]*time.Location  // nil: no such zone
	sites  map[string]string
	jobOf  map[string]bool // attribute → belongs to the job
	groups []*groups       // one for each role source that is a group
	attrs  arena[engine.Attribute]
	values arena[string]
	jobs   arena[engine.Job]
	texts  interner
}

func newBuilder(cfg *Config) *builder {
	b := &builder{cfg: cfg, now: cfg.now(), byKey: map[string]int32{},
		more: map[int32][]row{}, twice: map[string]string{}, told: map[string]int{}, lost: map[string][]engine.Reason{},
		zones: map[string]*time.Location{}, sites: map[string]string{}, jobOf: map[string]bool{}}
	b.proof = engine.Proof{Source: cfg.Name, Started: b.now}
	for site, zone := range cfg.Zone.Sites {
		if f, err := folded(site); err == nil {
			b.sites[f] = zone
		}
	}
	for _, a := range cfg.Attributes {
		b.jobOf[a.Name] = a.Job
	}
	for i := range cfg.Roles {
		if g := cfg.Roles[i].Group; g != nil {
			b.groups = append(b.groups, newGroups(&cfg.Roles[i]))
		}
	}
	return b
}

func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}

func (b *builder) isJob(name string) bool { return b.jobOf[name] }

// maxTold caps the reasons and notices of one code: where everything is odd, a hundred examples and a number say so.
const maxTold = 100

// against names one more reason why the read is not complete; at least one of each code is always kept.
func (b *builder) against(code, detail string) {
	if b.told["!"+code]++; b.told["!"+code] <= maxTold {
		b.proof.Add(code, detail)
	}
}

// notice names something that leaves the read complete.
func (b *builder) notice(code, detail string) {
	if b.told[code]++; b.told[code] <= maxTold {
		b.proof.Notices = append(b.proof.Notices, engine.Reason{Code: code, Detail: detail})
	}
}

// tell sorts reasons and notices and says how many were left out.
func (b *builder) tell() {
	for key, n := range b.told {
		if n <= maxTold {
			continue
		}
		more := fmt.Sprintf("and %d more like these", n-maxTold)
		if code, ok := strings.CutPrefix(key, "!"); ok {
			b.proof.Add(code, more)
		} else {
			b.proof.Notices = append(b.proof.Notices, engine.Reason{Code: key, Detail: more})
		}
	}
	slices.SortFunc(b.proof.Reasons, compareReasons)
	slices.SortFunc(b.proof.Notices, compareReasons)
}

func compareReasons(x, y engine.Reason) int {
	return cmp.Or(strings.Compare(x.Code, y.Code), strings.Compare(x.Detail, y.Detail))
}

// person adds one entry as a person. What else comes with the same key waits until all is there.
// An entry without a readable key is a reason against the whole read: nobody's absence can be told any more.
func (b *builder) person(e *entry) {
	key, problem := b.key(e)
	if problem != "" {
		b.against(engine.ReasonMalformed, e.place+": the key "+b.cfg.Key+" "+problem)
		return
	}
	own, job := b.read(e)
	if at, seen := b.byKey[key]; seen {
		b.more[at] = append(b.more[at], row{own, job, e.place})
		return
	}
	key = strings.Clone(key) // it may be part of a page of the server's
	b.byKey[key] = int32(len(b.people))
	if len(b.block) == 0 {
		b.block = make([]engine.Person, min(max(smallestBlock, len(b.people)), largestBlock)/4)
	}
	p := &b.block[0]
	b.block = b.block[1:]
	*p = engine.Person{Key: key, Source: b.cfg.Name, Entry: e.place, Attributes: own, Jobs: b.jobs.copy([]engine.Job{job})}
	b.people = append(b.people, p)
	if b.cfg.Progress != nil {
		b.cfg.Progress(len(b.people))
	}
}

func (b *builder) key(e *entry) (key, problem string) {
	r := e.get(b.cfg.Key)
	values, problem := r.canonical(!b.cfg.ExactKey)
	switch {
	case problem != "":
		return "", "can't be used: " + problem
	case len(values) == 0:
		return "", "is missing; give the entry one or narrow the filter"
	case len(values) > 1:
		return "", "has " + strconv.Itoa(len(values)) + " values; choose an attribute with one"
	}
	return values[0], ""
}

// read brings the declared attributes of an entry into canonical form, those of the person and those of the job.
// Attributes without a value are left out: they are known to be absent.
func (b *builder) read(e *entry) (own engine.Attributes, job engine.Job) {
	var mine, jobs [64]engine.Attribute
	a, j := mine[:0], jobs[:0]
	for i := range b.cfg.Attributes {
		d := &b.cfg.Attributes[i]
		v := b.attribute(e, d)
		switch {
		case !v.Unknown && len(v.Values) == 0:
		case d.Job:
			j = append(j, v)
		default:
			a = append(a, v)
		}
	}
	return b.sorted(a), engine.Job{Attributes: b.sorted(j)}
}

func (b *builder) sorted(a []engine.Attribute) engine.Attributes {
	slices.SortFunc(a, func(x, y engine.Attribute) int { return strings.Compare(x.Name, y.Name) })
	return b.attrs.copy(a)
}

func (b *builder) attribute(e *entry, d *Attribute) engine.Attribute {
	if len(b.lost[d.Name]) > 0 {
		return engine.Attribute{Name: d.Name, Unknown: true}
	}
	values, problem := e.get(d.Source).canonical(d.folds())
	if problem == "" && !d.Multi && len(values) > 1 {
		problem = fmt.Sprintf("%d values; declare it with `multi: true` or choose another", len(values))
	}
	if problem != "" {
		b.notice(engine.ReasonMalformed, e.place+": "+d.Source+": "+problem)
		return engine.Attribute{Name: d.Name, Unknown: true}
	}
	if len(values) == 1 {
		return engine.Attribute{Name: d.Name, Values: b.texts.one(values[0], &b.values)}
	}
	slices.Sort(values)
	for i, v := range values {
		values[i] = b.texts.of(v)
	}
	return engine.Attribute{Name: d.Name, Values: b.values.copy(values)}
}
