package conformance

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// mostReads is how many reads of a list are bent, one after the other, so that programs with many lists are done with in time.
const mostReads = 12

func noHTTP(u *Subject) string {
	return unless(u.HTTP != nil, "it does not speak HTTP, or nothing stands between it and its program")
}

// Answers of something else than the program: what stands before it wants a sign-in, or fails.
func checkRedirect(t T, u *Subject) {
	u.bentAnswers(t, "a redirect to sign in on another host", u.HTTP.redirect(), true)
}

func checkHTML(t T, u *Subject) {
	u.bentAnswers(t, "200 and a page for people", &page{http.StatusOK, kind("text/html; charset=utf-8"), []byte("<!DOCTYPE html><html><title>Sign in</title></html>")}, true)
}

func checkEmpty(t T, u *Subject) {
	believed := u.HTTP.foreign != "" // many programs answer so when they have made a change
	u.bentAnswers(t, "200 and nothing", &page{http.StatusOK, kind("application/json"), nil}, !believed)
}

// bentAnswers puts an answer in the place of each read of a list, of all reads of a change, and, if so said, of the change itself.
func (u *Subject) bentAnswers(t T, what string, p *page, changes bool) {
	t.Helper()
	truth, reads := u.recorded(t)
	for _, e := range reads[:min(len(reads), mostReads)] {
		u.HTTP.set(&bend{url: e.url, answer: always(p)})
		u.wholeOrNot(t, what+" in answer to "+e.path, truth)
	}
	for _, writes := range []bool{false, true} {
		if writes && !changes {
			continue
		}
		for _, c := range []engine.Call{revoke(u.Accounts[0], u.Rights[0]), grant(u.Accounts[1], u.Rights[1])} {
			u.HTTP.set(&bend{writes: writes, answer: always(p)})
			u.honest(t, what, c)
		}
	}
	same(t, "after "+what, truth, u.state(t))
}

// recorded makes a list worth reading, and gives it with the reads that it took.
func (u *Subject) recorded(t T) (truth []string, reads []exchange) {
	t.Helper()
	for _, account := range u.Accounts {
		u.want(t, grant(account, u.Rights[0]), engine.Done)
	}
	u.want(t, grant(u.Accounts[0], u.Rights[1]), engine.Done)
	u.HTTP.forget()
	truth = u.state(t)
	for _, e := range u.HTTP.seen() {
		if !slices.ContainsFunc(reads, func(r exchange) bool { return r.url == e.url }) {
			reads = append(reads, e)
		}
	}
	return truth, reads
}

// wholeOrNot reads the list under a fault: it may be whole only if nothing is missing, and nothing too much.
func (u *Subject) wholeOrNot(t T, what string, truth []string) {
	t.Helper()
	got, proof, err := u.tryList(context.Background())
	u.HTTP.Arm(NoFault)
	if err == nil && proof.Complete() {
		same(t, what+", and the list is taken for whole", truth, u.text(t, got))
	}
	u.noStrays(t, what)
}

func (u *Subject) noStrays(t T, what string) {
	t.Helper()
	for _, text := range u.HTTP.strays() {
		t.Errorf("%s: %s", what, text)
	}
}

// honest makes a change under a fault, compares what is said with what is so, and takes it back.
func (u *Subject) honest(t T, what string, c engine.Call) {
	t.Helper()
	before := u.HTTP.armed()
	u.HTTP.Arm(NoFault)
	state := u.state(t)
	u.HTTP.set(before)
	outcome, err := u.do(context.Background(), c)
	u.HTTP.Arm(NoFault)
	done := u.holds(t, c) == c.Grant
	switch good := outcome == engine.Done || outcome == engine.Already; {
	case good && done && err == nil, outcome == engine.Uncertain && err != nil:
	case (outcome == engine.Failed || outcome == engine.Refused) && err != nil && !done:
	default:
		t.Errorf("%s: %s gives %s (%v), and whether it is so is %v", what, show(c), outcome, err, done)
	}
	u.noStrays(t, what)
	u.want(t, c, engine.Done, engine.Already)
	same(t, what+", after asking again", after(state, c), u.state(t))
	u.want(t, engine.Call{Grant: !c.Grant, Account: c.Account, Entitlement: c.Entitlement}, engine.Done)
}

// One 429 is waited for, as long as it says, and some time where it does not say.
func checkThrottle(t T, u *Subject) {
	truth, reads := u.recorded(t)
	if u.HTTP.foreign != "" {
		reads = reads[:min(len(reads), 2)] // it takes the time that it takes
	}
	for _, after := range []string{strconv.Itoa(u.HTTP.busy()), ""} {
		what, least := "429 with Retry-After: "+after, time.Duration(u.HTTP.busy())*time.Second
		if after == "" {
			what, least = "429 without Retry-After", shortest
		}
		for _, e := range reads[:min(len(reads), mostReads)] {
			u.HTTP.throttleOnce(false, e.url, after, least)
			got, proof, err := u.tryList(context.Background())
			u.HTTP.Arm(NoFault)
			if err != nil || !proof.Complete() {
				t.Errorf("%s in answer to %s: the list is given up: %v %v", what, e.path, err, proof.Reasons)
			} else {
				same(t, what+" in answer to "+e.path, truth, u.text(t, got))
			}
			u.noStrays(t, what)
		}
		for _, c := range []engine.Call{revoke(u.Accounts[0], u.Rights[0]), grant(u.Accounts[1], u.Rights[1])} {
			u.HTTP.throttleOnce(true, "", after, least)
			u.honest(t, what, c)
		}
	}
}

// pagesOf are the reads of one list: one path, with different queries or addresses.
func pagesOf(reads []exchange) (lists [][]exchange) {
	at := map[string]int{}
	for _, e := range reads {
		i, ok := at[e.path]
		if !ok {
			i = len(lists)
			at[e.path], lists = i, append(lists, nil)
		}
		lists[i] = append(lists[i], e)
	}
	return lists
}

func noPages(u *Subject) string {
	if why := noHTTP(u); why != "" {
		return why
	}
	u.HTTP.forget()
	if _, proof, err := u.tryList(context.Background()); err != nil || !proof.Complete() {
		return "" // the check says so
	}
	lists := pagesOf(u.HTTP.seen())
	return unless(slices.ContainsFunc(lists, func(l []exchange) bool { return len(l) > 1 || counted(l) }),
		"each list comes in one page here, and nothing in it says how many there are, so nothing can be told from it")
}

// A page that comes twice, or without what is on it, is noticed, where the program's own words make that possible.
func checkPages(t T, u *Subject) {
	truth, reads := u.recorded(t)
	lists := pagesOf(reads)
	for _, list := range lists[:min(len(lists), mostReads)] {
		for i := 1; i < len(list); i++ {
			u.HTTP.set(&bend{url: list[i].url, answer: always(list[i-1].page)})
			u.wholeOrNot(t, "a page of "+list[i].path+" comes twice", truth)
		}
		if !counted(list) {
			continue
		}
		for _, e := range list {
			for _, less := range e.page.shortened() {
				u.HTTP.set(&bend{url: e.url, answer: always(less)})
				u.wholeOrNot(t, "a page of "+e.path+" comes without all that is on it, and the program says how many there are", truth)
			}
		}
	}
}

// counted says whether the pages of a list tell how many items there are in all.
func counted(list []exchange) bool {
	items, said := 0, map[string]int{}
	for _, e := range list {
		v, ok := e.page.object()
		if !ok {
			return false
		}
		_, its := itemsIn(v)
		items += len(its)
		for _, n := range numbersIn(v) {
			said[n]++
		}
	}
	text, _ := json.Marshal(items)
	return items > 0 && said[string(text)] >= len(list)
}

func (p *page) object() (map[string]any, bool) {
	d := json.NewDecoder(strings.NewReader(string(p.body)))
	d.UseNumber()
	var v map[string]any
	return v, d.Decode(&v) == nil && v != nil
}

// shortened are the page with nothing in its list, and with the last item missing; none if there is no list.
func (p *page) shortened() (out []*page) {
	for _, keep := range []func(items int) int{func(int) int { return 0 }, func(items int) int { return items - 1 }} {
		v, _ := p.object()
		set, items := itemsIn(v)
		if len(items) == 0 {
			return nil
		}
		set(items[:keep(len(items))])
		body, err := json.Marshal(v)
		if err != nil {
			return nil
		}
		out = append(out, &page{p.status, p.header, body})
	}
	return out
}

// itemsIn finds the longest list in an object, outside of other lists, and what puts another in its place.
func itemsIn(v map[string]any) (set func(items []any), items []any) {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch x := v[name].(type) {
		case []any:
			if len(x) > len(items) {
				set, items = func(items []any) { v[name] = items }, x
			}
		case map[string]any:
			if s, in := itemsIn(x); len(in) > len(items) {
				set, items = s, in
			}
		}
	}
	return set, items
}

// numbersIn are those of an object, outside of lists, each once.
func numbersIn(v map[string]any) (out []string) {
	for _, value := range v {
		switch x := value.(type) {
		case json.Number:
			out = append(out, x.String())
		case map[string]any:
			out = append(out, numbersIn(x)...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Reads that do not show a change yet lead to nothing worse than doubt: it is not made twice, and not said to have failed where
// the connector declares that lists lag.
func checkBehind(t T, u *Subject) {
	truth, _ := u.recorded(t)
	for _, c := range []engine.Call{revoke(u.Accounts[0], u.Rights[0]), grant(u.Accounts[1], u.Rights[1])} {
		u.HTTP.forget()
		same(t, "before", truth, u.state(t))
		u.HTTP.behind()
		outcome, err := u.do(context.Background(), c)
		u.HTTP.Arm(NoFault)
		lags := outcome == engine.Failed && u.lag == 0 // it says that lists show everything at once
		if good := outcome == engine.Done; good != (err == nil) || !good && outcome != engine.Uncertain && !lags {
			t.Errorf("reads are behind: %s gives %s (%v)", show(c), outcome, err)
		}
		same(t, "when reads have caught up", after(truth, c), u.state(t))
		u.want(t, c, engine.Already)
		u.want(t, engine.Call{Grant: !c.Grant, Account: c.Account, Entitlement: c.Entitlement}, engine.Done)
	}
	if u.creates() {
		u.createBehind(t, truth)
	}
}

// createBehind makes an account that is not shown yet, and asks for it again: there is one.
func (u *Subject) createBehind(t T, truth []string) {
	t.Helper()
	u.needNames(t)
	account := u.New
	account.Name, account.Person = u.NewNames[0], "key-1"
	maker := u.Connector.(engine.Creator)
	u.HTTP.forget()
	same(t, "before", truth, u.state(t))
	u.note()
	u.HTTP.behind()
	_, outcome, err := maker.Create(context.Background(), account)
	u.HTTP.Arm(NoFault)
	u.hear(err)
	if good := outcome == engine.Done; good != (err == nil) || !good && outcome != engine.Uncertain && (outcome != engine.Failed || u.lag > 0) {
		t.Errorf("reads are behind: create %q gives %s (%v)", account.Name, outcome, err)
	}
	if _, again, err := maker.Create(context.Background(), account); again != engine.Already && again != engine.Refused {
		t.Errorf("reads have caught up: create %q again gives %s (%v)", account.Name, again, err)
	}
	made := map[string]bool{}
	for _, h := range u.list(t) {
		if !u.there[h.Account] {
			made[h.Account] = true
		}
	}
	if len(made) != 1 {
		t.Errorf("of one account, asked for twice, there are %d", len(made))
	}
}
