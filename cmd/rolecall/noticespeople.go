package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// toPeople begins the keys of what those were told whose access changes; no channel's name begins so.
const toPeople = "@people/"

// tellPeople tells those whose access changed, and their managers, what is new: one mail for each receiver.
func (s *system) tellPeople(ctx context.Context, o *engine.Outlook, now time.Time) (sent int, err error) {
	facts, err := s.store.Facts(ctx, engine.FactTold)
	if err != nil {
		return 0, err
	}
	if o, err = s.cutsOf(ctx, o); err != nil {
		return 0, err
	}
	post := newPost(s, o, facts, now)
	began, err := s.tellingSince(ctx, post.told, now)
	if err != nil {
		return 0, err
	}
	all, err := s.newsOf(ctx, o, began, now)
	if err != nil {
		return 0, err
	}
	post.address(all)
	if err := errors.Join(post.remind(ctx), post.keepSalts(ctx)); err != nil {
		return 0, err
	}
	sent, err = post.send(ctx)
	return sent, errors.Join(err, post.forget(ctx))
}

// cutsOf gives what was seen, but for who is cut off by now: somebody may have been since the plan was made.
func (s *system) cutsOf(ctx context.Context, o *engine.Outlook) (*engine.Outlook, error) {
	cuts, err := s.store.Facts(ctx, engine.FactCut)
	now := *o
	now.Cuts = cuts
	return &now, err
}

// tellingSince is from when, and after which record, things are news: not what happened before people were to be told at all. A
// journal that was once written by a clock that was ahead says only by its numbers what came later.
func (s *system) tellingSince(ctx context.Context, told map[string]engine.Fact, now time.Time) (engine.Fact, error) {
	began, known := told[toPeople+"since"]
	if !known {
		last, err := s.lastRecord(ctx)
		if err != nil {
			return began, err
		}
		began = engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Key: toPeople + "since"}, Since: now.UTC(), Count: last}
		r := engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Why: []string{"from now on people are told of changes of their access"}, Set: []engine.Fact{began}}
		if err := s.store.Append(ctx, engine.Free, []engine.Record{r}); err != nil {
			return began, err
		}
	}
	if week := now.Add(-newsFor); began.Since.Before(week) {
		began.Since = week
	}
	return began, nil
}

func (s *system) lastRecord(ctx context.Context) (seq int, err error) {
	err = s.store.Records(ctx, engine.Query{Newest: true, Limit: 1}, func(r engine.Record) error {
		seq = int(r.Seq)
		return nil
	})
	return seq, err
}

// forget ends what no longer keeps anything from being told twice. Up to which record somebody was told of gains is never forgotten:
// the times of a journal that a clock was ahead in don't say how old they are.
func (p *post) forget(ctx context.Context) error {
	var over []engine.FactKey
	for _, f := range slices.Concat(slices.Collect(maps.Values(p.told)), slices.Collect(maps.Values(p.salts))) {
		if f.Count == 0 && !f.Until.IsZero() && p.now.After(f.Until) && !p.asked[f.Key] {
			over = append(over, f.FactKey)
		}
	}
	slices.SortFunc(over, func(a, b engine.FactKey) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), strings.Compare(a.Person, b.Person))
	})
	var records []engine.Record
	for part := range slices.Chunk(over, 1000) {
		records = append(records, engine.Record{Kind: engine.KindNotice, Actor: actorDaemon, Why: []string{"what people were told of their access is news no more: " + plural(len(part), "thing")}, Clear: part})
	}
	if len(records) == 0 {
		return nil
	}
	return p.store.Append(context.WithoutCancel(ctx), engine.Free, records)
}

// post is the letters of one run.
type post struct {
	*system
	o      *engine.Outlook
	told   map[string]engine.Fact
	asked  map[string]bool        // of what was told: what is still there to tell
	salts  map[string]engine.Fact // by person
	salted []string               // whose salt is new
	now    time.Time
	to     map[string]*letter // by key of the receiver
}

func newPost(s *system, o *engine.Outlook, facts []engine.Fact, now time.Time) *post {
	p := &post{system: s, o: o, told: map[string]engine.Fact{}, asked: map[string]bool{}, salts: map[string]engine.Fact{}, now: now, to: map[string]*letter{}}
	for _, f := range facts {
		switch {
		case f.Key == saltKey:
			p.salts[f.Person] = f
		case strings.HasPrefix(f.Key, toPeople):
			p.told[f.Key] = f
		}
	}
	return p
}

// letter is what one receiver is told, and how it is remembered.
type letter struct {
	notify.Letter
	key    string         // of the receiver; of whom it is about where there is none
	to     *engine.Person // nil: nobody is known who could be told
	upTo   int            // the last record of a gain that it tells of
	facts  []engine.Fact
	nobody string // why nobody is told
}

// address finds who is to be told what.
func (p *post) address(all map[string]*news) {
	managers := engine.Managers(p.o.People, persons(all), p.now)
	about := &p.cfg.Notices.People
	for key, n := range all {
		if n.of != nil {
			p.add(n.of, n, about.TellsPerson)
		}
		them, sure := p.present(managers[key])
		for _, m := range them {
			p.add(m, n, about.TellsManager)
		}
		if len(them) == 0 && sure && p.directoryRead() && (n.of == nil || !engine.ManagerUnknown(n.of, p.now)) {
			p.missed(n, about.TellsManager)
		}
	}
}

// present are those who can be told of others; sure says that nobody else will turn out to be.
func (p *post) present(keys []string) (out []*engine.Person, sure bool) {
	sure = true
	for _, key := range keys {
		switch m := p.o.Person(key); m.State {
		case engine.StateActive, engine.StateAway:
			out = append(out, m)
		case engine.StateUnknown:
			sure = false
		}
	}
	return out, sure
}

// directoryRead says whether who is not seen is not there.
func (p *post) directoryRead() bool {
	proofs := p.o.Plan.Proofs
	return len(proofs) > 0 && proofs[0].Complete()
}

// may says whether somebody is told anything: not who left, or may have left, nor who was cut off.
func (p *post) may(to *engine.Person) bool {
	return to.State != engine.StateUnknown && to.State != engine.StateLeft && !slices.ContainsFunc(p.o.Cuts, func(f engine.Fact) bool { return f.Person == to.Key })
}

func (p *post) add(to *engine.Person, n *news, tells func(string) bool) {
	if !p.may(to) {
		return
	}
	one, facts, upTo := p.fresh(to.Key, n, tells)
	if len(facts) == 0 && upTo == 0 {
		return
	}
	l := p.letterTo(to)
	l.facts, l.upTo = append(l.facts, facts...), max(l.upTo, upTo)
	if to.Key == n.key {
		l.Me = &one
		return
	}
	l.Team = append(l.Team, one)
}

func (p *post) letterTo(to *engine.Person) *letter {
	l := p.to[to.Key]
	if l == nil {
		l = &letter{key: to.Key, to: to}
		l.To, l.Page, l.Now = to.Name(), pageAddress(p.cfg), p.now.In(zone(p.cfg))
		p.to[to.Key] = l
	}
	return l
}

// missed notes what nobody is told for want of a manager: of joiners and leavers, who else would be nobody's affair.
func (p *post) missed(n *news, tells func(string) bool) {
	if n.joins == nil && len(n.taken)+len(n.open) == 0 {
		return
	}
	_, facts, _ := p.fresh("", n, func(about string) bool { return (about == "joiners" || about == "leavers") && tells(about) })
	if len(facts) > 0 {
		p.to["\n"+n.key] = &letter{key: n.key, facts: facts, nobody: "no manager of this person is known who could be told of a first day or a leave"}
	}
}

// fresh is what a receiver was not told yet, and how it is remembered; what is not remembered has come by the record upTo.
func (p *post) fresh(to string, n *news, tells func(string) bool) (out notify.News, facts []engine.Fact, upTo int) {
	out.Name = n.name
	once := func(keep time.Time, parts ...string) bool {
		key := p.itemKey(to, p.named(to, n.key, parts...)...)
		if _, known := p.told[key]; known {
			p.asked[key] = parts[0] != "open" // which is told once more after four weeks
			return false
		}
		facts = append(facts, engine.Fact{FactKey: engine.FactKey{Kind: engine.FactTold, Person: cmp.Or(to, n.key), Key: key}, Since: p.now.UTC(), Until: keep.UTC()})
		return true
	}
	if tells("gains") {
		seen := p.told[toPeople+digest(to)].Count
		for _, g := range n.gained {
			if int(g.seq) > seen {
				out.Gained, upTo = append(out.Gained, g.what), max(upTo, int(g.seq))
			}
		}
	}
	for _, l := range n.losing {
		if tells("losses") && once(laterOf(l.on, p.now).Add(4*newsFor), "loss", l.what, l.on.In(zone(p.cfg)).Format(time.DateOnly)) {
			out.Losing = append(out.Losing, notify.Loss{What: l.what, On: l.on.In(zone(p.cfg))})
		}
	}
	p.freshJoiner(&out, n, tells, to, once)
	freshLeaver(&out, n, tells, p.now, once)
	return out, facts, upTo
}

// itemKey is how it is remembered that a receiver was told of something; what it names may be personal and is not kept.
func (p *post) itemKey(to string, parts ...string) string {
	return toPeople + digest(to) + "/" + digest(strings.Join(parts, "\n"))
}

func (p *post) freshJoiner(out *notify.News, n *news, tells func(string) bool, to string, once func(time.Time, ...string) bool) {
	if n.joins == nil || !tells("joiners") {
		return
	}
	j, state := n.joins, "missing"
	day := j.began.UTC().Format(time.DateOnly)
	if j.ready {
		state = "ready"
	} else if _, was := p.told[p.itemKey(to, p.named(to, n.key, "joins", day, "ready")...)]; was {
		return
	}
	if once(p.now.Add(4*newsFor), "joins", day, state) {
		out.Joins, out.First, out.Ready, out.Has, out.Missing = true, j.first.In(zone(p.cfg)), j.ready, j.has, j.missing
	}
}

// freshLeaver tells where all stands as soon as any of it is new.
func freshLeaver(out *notify.News, n *news, tells func(string) bool, now time.Time, once func(time.Time, ...string) bool) {
	if !tells("leavers") || len(n.taken)+len(n.open) == 0 || len(n.open) > 0 && !n.urgent {
		return
	}
	fresh := false
	for _, what := range n.taken {
		fresh = once(now.Add(4*newsFor), "taken", what) || fresh
	}
	for _, what := range n.open {
		fresh = once(now.Add(4*newsFor), "open", what) || fresh
	}
	if fresh {
		out.Left, out.Taken, out.Open = true, slices.Sorted(slices.Values(n.taken)), slices.Sorted(slices.Values(n.open))
	}
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// mostNews is how many people, and how many things of each, one letter tells of.
const mostNews = 50

// short keeps a letter readable.
func (l *letter) short() {
	slices.SortFunc(l.Team, func(a, b notify.News) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), slices.Compare(a.Gained, b.Gained))
	})
	l.More = max(0, len(l.Team)-mostNews)
	l.Team = l.Team[:len(l.Team)-l.More]
	for i := range l.Team {
		cutNews(&l.Team[i])
	}
	if l.Me != nil {
		cutNews(l.Me)
	}
}

// cutNews says how many more there are as one more of each list, so that texts of one's own say it, too.
func cutNews(n *notify.News) {
	for _, list := range []*[]string{&n.Gained, &n.Has, &n.Taken, &n.Open} {
		*list = cut(*list, func(_ []string, more string) string { return more })
	}
	n.Losing = cut(n.Losing, func(rest []notify.Loss, more string) notify.Loss {
		return notify.Loss{What: more, On: slices.MinFunc(rest, func(a, b notify.Loss) int { return a.On.Compare(b.On) }).On}
	})
	n.Missing = cut(n.Missing, func(_ []notify.Missing, more string) notify.Missing {
		return notify.Missing{What: more, Reason: "not listed here"}
	})
}

func cut[T any](list []T, stands func(rest []T, more string) T) []T {
	if len(list) <= mostNews {
		return list
	}
	rest := list[mostNews:]
	return append(list[:mostNews:mostNews], stands(rest, "… +"+strconv.Itoa(len(rest))))
}
