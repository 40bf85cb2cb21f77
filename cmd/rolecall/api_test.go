package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/audit"
	"github.com/rolecall/rolecall/engine/enginetest/openapi"
	"github.com/rolecall/rolecall/engine/journal"
)

// caller is a program that asks a running daemon, and holds every answer against the document that the daemon gives.
type caller struct {
	t           *testing.T
	home, token string
	doc         *openapi.Document
}

func (c *caller) send(method, path, body string, headers ...string) (status int, answer []byte) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, c.home+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	headers = append([]string{"Content-Type", "application/json", "Authorization", "Bearer " + c.token}, headers...)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	got, err := client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer got.Body.Close()
	if answer, err = io.ReadAll(got.Body); err != nil {
		c.t.Fatal(err)
	}
	if c.doc != nil {
		if err := c.doc.Answer(method, path, got.StatusCode, got.Header.Get("Content-Type"), answer); err != nil {
			c.t.Error(err)
		}
	}
	return got.StatusCode, answer
}

// ask decodes a good answer.
func (c *caller) ask(path string, into any) {
	c.t.Helper()
	status, answer := c.send(http.MethodGet, path, "")
	if err := json.Unmarshal(answer, into); status != http.StatusOK || err != nil {
		c.t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
}

// until asks until what is asked for was read.
func (c *caller) until(path string, into any) {
	c.t.Helper()
	status, answer := c.send(http.MethodGet, path, "")
	for status == http.StatusServiceUnavailable { // each answer waits for a second
		status, answer = c.send(http.MethodGet, path, "")
	}
	if err := json.Unmarshal(answer, into); status != http.StatusOK || err != nil {
		c.t.Fatalf("%s: %d %s %v", path, status, answer, err)
	}
}

// do sends what is to be done.
func (c *caller) do(path, body string, want int) string {
	c.t.Helper()
	status, answer := c.send(http.MethodPost, path, body)
	if status != want {
		c.t.Errorf("%s %s: %d %s", path, body, status, answer)
	}
	return string(answer)
}

// programmed is the example company whose wiki is taken from everybody by a change of policy, and a token for each name.
func programmed(t *testing.T, names map[string]string) (p process, callers map[string]*caller) {
	t.Helper()
	dir := company(t)
	file := filepath.Join(dir, "rolecall.yaml")
	text, _ := os.ReadFile(file)
	if err := os.WriteFile(file, append(text, "\nlogin: {tokens: true}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	p = process{Dir: dir, Env: func(string) string { return "" }, Now: time.Now}
	d := startDaemonAs(t, p)
	t.Cleanup(d.ended)
	home := "http://" + d.wait("page, with login")["address"].(string)
	d.wait("run ended")
	d.wait("worked")
	d.wait("worked")
	callers = map[string]*caller{}
	until := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	var doc *openapi.Document
	for name, permission := range names {
		c := &caller{t: t, home: home, token: strings.TrimSpace(told(t, p, "token", "create", name, "--permission", permission, "--person", name, "--until", until, "--reason", "a program"))}
		if doc == nil {
			_, text := c.send(http.MethodGet, "/api/openapi.json", "")
			var err error
			if doc, err = openapi.Parse(text); err != nil {
				t.Fatal(err)
			}
		}
		c.doc, callers[name] = doc, c
	}
	return p, callers
}

// A program does all that the page does, with a token; each answer is as the document says, and all of it is in the journal.
func TestAPI(t *testing.T) {
	p, callers := programmed(t, map[string]string{"alice": "admin", "bob": "viewer"})
	alice, bob := callers["alice"], callers["bob"]
	replace(t, filepath.Join(p.Dir, "policies", "company.yaml"), "when: 'true'\n    grant: [wiki]", "when: 'job.country == \"XX\"'\n    grant: [wiki]")
	apply := p
	apply.Args, apply.Stdout, apply.Stderr, apply.Random, apply.Actor = []string{"apply"}, io.Discard, os.Stderr, rand1(), "root"
	if code := run(t.Context(), apply); code != exitApproval {
		t.Fatalf("apply: exit code %d", code)
	}
	var waiting struct {
		Items []struct {
			ID     string
			Own    bool
			Change struct{ Person string }
		}
	}
	alice.ask("/api/v1/waiting", &waiting)
	var own, other []string
	person := ""
	for _, i := range waiting.Items {
		if i.Own {
			own = append(own, i.ID)
			continue
		}
		other, person = append(other, i.ID), i.Change.Person
	}
	if len(own) != 1 || len(other) < 2 {
		t.Fatalf("waiting: %+v", waiting)
	}
	items := func(ids ...string) string {
		text, _ := json.Marshal(map[string]any{"decision": "approve", "items": ids, "reason": "agreed with HR"})
		return string(text)
	}
	contains(t, bob.do("/api/v1/waiting", items(other[0]), http.StatusForbidden), "This is for approvers")
	contains(t, alice.do("/api/v1/waiting", items(own...), http.StatusForbidden), "nobody decides on their own access")
	contains(t, alice.do("/api/v1/waiting", items(other[0]), http.StatusOK), `"count":1`)
	contains(t, alice.do("/api/v1/waiting", items(other[0]), http.StatusConflict), `"status":409`)
	alice.everything(person)
	contains(t, told(t, p, "audit", "list", "--actor", "token:alice", "-o", "csv"), "approve", "agreed with HR", "pause", "cut", "a program signed in with a token")
	contains(t, told(t, p, "audit", "list", "--kind", "refusal", "-o", "csv"), "token:bob", "POST /api/v1/waiting is for approvers", "nobody decides on their own access")
	if n := strings.Count(told(t, p, "audit", "list", "--kind", "login", "--actor", "token:alice", "-o", "csv"), "\n"); n != 2 { // and the header
		t.Errorf("%d sign-ins of one program are recorded", n-1)
	}
	bob.exported(p)
	bob.proven(2)
	var leavers struct {
		Data struct{ Leavers []engine.Departure }
	}
	bob.ask("/api/v1/reports", &struct{}{})
	bob.ask("/api/v1/programs/wiki/holders", &struct{}{})
	bob.ask("/api/v1/changes?program=wiki", &struct{}{})
	bob.had()
	if bob.until("/api/v1/reports/leavers", &leavers); len(leavers.Data.Leavers) == 0 {
		t.Error("who was cut off is in no report")
	}
	if status, table := bob.send(http.MethodGet, "/api/v1/reports/leavers/csv", ""); status != http.StatusOK || !strings.Contains(string(table), ",") {
		t.Errorf("%d %s", status, table)
	}
	if left := alice.doc.Unanswered(); strings.Join(left, " ") != "GET /api/v1/mine/people/{key} GET /api/v1/mine/programs/{name} POST /api/v1/delegations POST /api/v1/delegations/end POST /api/v1/tasks/done" { // she leads nobody, owns nothing, nothing is to be done by hand, and a token lets nobody decide in its place
		t.Errorf("nothing was asked of %v", left)
	}
	told(t, p, "token", "revoke", "bob")
	if status, answer := bob.send(http.MethodGet, "/api/v1/me", ""); status != http.StatusUnauthorized {
		t.Errorf("with a token that was taken back: %d %s", status, answer)
	}
}

// everything asks for the rest that there is.
func (c *caller) everything(person string) {
	c.t.Helper()
	var audit struct {
		Records []struct{ Seq int64 }
		More    string
	}
	var runs struct{ Runs []struct{ Run string } }
	c.ask("/api/v1/runs", &runs)
	c.ask("/api/v1/audit?q=wiki&from=2020-01-01", &audit)
	run, key := "/api/v1/runs/"+runs.Runs[len(runs.Runs)-1].Run, "/api/v1/people/"+url.PathEscape(person)
	for _, path := range []string{"openapi.json", "v1/me", "v1/mine", "v1/now", "v1/people?q=a", "v1/programs", "v1/programs/wiki", "v1/audit?kind=outcome&outcome=done", "v1/audit/1"} {
		c.ask("/api/"+path, &struct{}{})
	}
	for _, path := range []string{run, run + "/undo", key, key + "?on=2026-01-01&why=wiki", key + "/cut"} {
		c.ask(path, &struct{}{})
	}
	c.do("/api/v1/pause", `{"program":"wiki","reason":"trouble"}`, http.StatusOK)
	c.do("/api/v1/resume", `{"program":"wiki"}`, http.StatusOK)
	c.do(key+"/give", `{"entitlement":"wiki","until":"`+time.Now().AddDate(0, 1, 0).Format(time.DateOnly)+`","reason":"trade fair"}`, http.StatusOK)
	c.do(key+"/cut", `{"reason":"laptop stolen"}`, http.StatusOK)
	c.do(key+"/lift", `{"reason":"found again"}`, http.StatusOK)
	c.do(run+"/undo", `{"reason":"a mistake"}`, http.StatusOK)
	c.do("/api/v1/release", `{"reason":"settled"}`, http.StatusOK)
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	c.reviewed(day(9))
	contains(c.t, c.do("/api/v1/delegations", `{"to":"bob","from":"`+day(1)+`","until":"`+day(9)+`","reason":"holiday"}`, http.StatusForbidden), "With a token nobody lets others decide")
}

// reviewed begins a review, decides on a line of it, and closes it.
func (c *caller) reviewed(due string) {
	c.t.Helper()
	start := func(name, scope string) string {
		return `{"name":"` + name + `","scope":["` + scope + `"],"reviewers":"owners","due":"` + due + `","reason":"yearly"}`
	}
	c.do("/api/v1/reviews", start("q1", "program:nothing"), http.StatusBadRequest)
	contains(c.t, c.do("/api/v1/reviews", start("q1", "program:gitea"), http.StatusOK), `"done":"begun"`, `"see":"/api/v1/reviews/q1"`)
	contains(c.t, c.do("/api/v1/reviews", start("q1", "program:gitea"), http.StatusBadRequest), "choose another name")
	var all struct{ Reviews []struct{ Name, Due string } }
	if c.ask("/api/v1/reviews", &all); len(all.Reviews) != 1 || all.Reviews[0].Name != "q1" || all.Reviews[0].Due != due {
		c.t.Errorf("%+v", all)
	}
	var one struct {
		Lines []struct {
			Line string
			May  bool
			Own  bool
		}
	}
	c.ask("/api/v1/reviews/q1?state=open", &one)
	decide := func(line string) string {
		return `{"decision":"keep","lines":["` + line + `"],"reason":"still needed"}`
	}
	own, others := 0, 0
	for _, l := range one.Lines {
		switch {
		case l.Own:
			own++
			c.do("/api/v1/reviews/q1", decide(l.Line), http.StatusForbidden)
		case l.May && others == 0:
			others++
			contains(c.t, c.do("/api/v1/reviews/q1", decide(l.Line), http.StatusOK), `"done":"keep","count":1`)
			c.do("/api/v1/reviews/q1", decide(l.Line), http.StatusConflict)
		}
	}
	if own == 0 || others == 0 {
		c.t.Errorf("lines: %+v", one)
	}
	contains(c.t, c.do("/api/v1/reviews/q1/close", `{"reason":"signed"}`, http.StatusOK), `"done":"closed"`)
	c.do("/api/v1/reviews/q1", decide(one.Lines[0].Line), http.StatusConflict)
}

// exported holds what is exported here against what the command exports, in every form.
// had is who had what now, with how it came to be.
func (c *caller) had() {
	c.t.Helper()
	type line struct {
		Managed bool
		Origin  engine.Origin
	}
	var list struct{ Had []line }
	c.ask("/api/v1/asof?program=gitea", &list)
	if !slices.ContainsFunc(list.Had, func(h line) bool {
		return h.Managed && h.Origin.Record > 0 && strings.Contains(strings.Join(h.Origin.Why, " "), "entry people.csv:")
	}) {
		c.t.Errorf("%+v", list)
	}
}

func (c *caller) exported(p process) {
	c.t.Helper()
	for form, args := range map[string][]string{"jsonl": nil, "csv": {"-o", "csv"}, "ocsf": {"--format", "ocsf"}, "syslog": {"--format", "syslog"}, "cef": {"--format", "cef"}} {
		want := told(c.t, p, append([]string{"audit", "export", "--kind", "outcome", "--program", "wiki"}, args...)...)
		status, got := c.send(http.MethodGet, "/api/v1/audit/export?kind=outcome&program=wiki&format="+form, "")
		if status != http.StatusOK || string(got) != want || want == "" {
			c.t.Errorf("exported as %s: %d %s, not %s", form, status, got, want)
		}
	}
}

// proven checks a record's proof with nothing but the answer.
func (c *caller) proven(seq int64) {
	c.t.Helper()
	var got struct {
		Record struct{ Hash string }
		Proof  struct {
			Size   int64
			Root   string
			Path   []string
			Leads  bool
			Stored journal.Stored
		}
	}
	c.ask("/api/v1/audit/"+strconv.FormatInt(seq, 10), &got)
	hash := func(text string) (h audit.Hash) {
		if n, err := base64.StdEncoding.Decode(h[:], []byte(text)); n != len(h) || err != nil {
			c.t.Fatalf("%q is no hash: %v", text, err)
		}
		return h
	}
	path := make([]audit.Hash, len(got.Proof.Path))
	for i := range path {
		path[i] = hash(got.Proof.Path[i])
	}
	d, err := got.Proof.Stored.Decode()
	if err != nil {
		c.t.Fatal(err)
	}
	leaf, err := d.Proven.LeafOf()
	if err != nil || leaf != hash(got.Record.Hash) || !got.Proof.Leads {
		c.t.Errorf("%+v: %v", got, err)
	}
	if err := audit.CheckInclusion(path, audit.Head{Size: got.Proof.Size, Root: hash(got.Proof.Root)}, seq, leaf); err != nil {
		c.t.Error(err)
	}
}

// What somebody changed in the store does not lead to the root, nor does a checkpoint of another one.
func TestLeads(t *testing.T) {
	leaf := func(public string) (journal.Stored, audit.Hash) {
		st := journal.Stored{Public: public, Salt: base64.StdEncoding.EncodeToString(make([]byte, audit.SaltSize)), Personal: "{}"}
		return st, audit.Leaf([]byte(public), [audit.SaltSize]byte{}, []byte("{}"))
	}
	stored, hash := leaf(`{"seq":1,"kind":"note"}`)
	other, _ := leaf(`{"seq":1,"kind":"run"}`)
	alone := journal.Inclusion{Head: audit.Head{Size: 1, Root: hash}}
	sealed := alone
	text, err := audit.Checkpoint{Origin: "rolecall", Head: alone.Head}.Text()
	if err != nil {
		t.Fatal(err)
	}
	sealed.Checkpoint = text + "\n— rolecall sig\n"
	if !leads(1, stored, alone) || !leads(1, stored, sealed) {
		t.Error("what was not changed does not lead to the root")
	}
	if leads(1, other, alone) || leads(1, journal.Stored{Public: "{", Salt: "!"}, alone) {
		t.Error("what was changed leads to the root")
	}
	sealed.Checkpoint = strings.Replace(sealed.Checkpoint, "\n1\n", "\n2\n", 1)
	if leads(1, stored, sealed) {
		t.Error("a checkpoint of other records is taken for theirs")
	}
}
