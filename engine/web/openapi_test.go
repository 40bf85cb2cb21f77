package web

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write openapi.json anew")
	m.Run()
}

// operation is what openapi.json says of one address.
type operation struct {
	pattern string // with apiBase
	summary string
	says    string
	query   []parameter
	takes   any // the zero value of the body's type
	gives   any
	kinds   []string // of the answer, other than JSON
}

type parameter struct{ name, says string }

func auditFilter() []parameter {
	return []parameter{{"q", "words that must all occur in the record"}, {"person", "key"}, {"program", ""}, {"entitlement", "program or program/name"}, {"account", ""}, {"run", ""}, {"rule", "one of those that give it, by name"},
		{"actor", "who decided"}, {"kind", ""}, {"op", "operation"}, {"outcome", ""}, {"from", "the first day, 2027-01-31, in the company's zone"}, {"to", "the last day"}}
}

// operations describe the API to those who write programs for it.
func operations() []operation {
	before := parameter{"before", "go on behind this one: a number that the part before gave"}
	asOf := []parameter{{"on", "as of the end of this day, 2027-01-31"}}
	return []operation{
		{pattern: "GET /api/openapi.json", summary: "This document", gives: map[string]any{}},
		{pattern: "GET /api/v1/me", summary: "Who asks, and what they may do", gives: meJSON{}},
		{pattern: "GET /api/v1/mine", summary: "What whoever asks has and why, their team and their programs", query: asOf, gives: mineJSON{}},
		{pattern: "GET /api/v1/mine/people/{key}", summary: "What somebody of the own team has and why", query: asOf, gives: accessJSON{}},
		{pattern: "GET /api/v1/mine/programs/{name}", summary: "A program of whoever owns it", gives: ownedJSON{}},
		{pattern: "GET /api/v1/now", summary: "Whether everybody has what they should, and what is about to change", gives: nowJSON{}},
		{pattern: "GET /api/v1/people", summary: "People in the order of their names, up to 50", query: []parameter{{"q", "words that must all occur in name, login, mail or key"}, {"state", "unknown, upcoming, active, away or left"}, {"after", "go on behind this name"}, {"key", "and this key of somebody who has it"}}, gives: peopleList{}},
		{pattern: "GET /api/v1/people/{key}", summary: "Somebody: who they are, what they have and why, what changes, what was",
			query: append(asOf, parameter{"why", "explain this entitlement, program or program/name"}), gives: personWhole{}},
		{pattern: "GET /api/v1/people/{key}/cut", summary: "What cutting somebody off would do", gives: cutPreview{}},
		{pattern: "POST /api/v1/people/{key}/cut", summary: "Cut somebody off now", says: "Suspends every linked account at once, managed or not; no limit stands in the way. It stays until an admin lifts it.", takes: reasonBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/people/{key}/lift", summary: "Lift a cut", takes: reasonBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/people/{key}/give", summary: "Give somebody an extra until a day", takes: giveBody{}, gives: doneJSON{}},
		{pattern: "GET /api/v1/programs", summary: "All programs, their seats and their cost", gives: programList{}},
		{pattern: "GET /api/v1/programs/{name}", summary: "One program, what changes there and what nobody manages", gives: programWhole{}},
		{pattern: "GET /api/v1/programs/{name}/holders", summary: "Who has what in a program now, up to 50 accounts", query: []parameter{{"after", "goes on behind this account"}}, gives: holderList{}},
		{pattern: "GET /api/v1/asof", summary: "Who had what at the end of a day, up to 25 accounts", says: "Managed or not, with the reason as it was recorded and whose decision it was.",
			query: append(asOf, parameter{"program", ""}, parameter{"entitlement", "program or program/name"}, parameter{"after", "goes on behind this account, PROGRAM/ACCOUNT"}), gives: asOfList{}},
		{pattern: "GET /api/v1/changes", summary: "What the last run saw is to be changed, up to 100", query: []parameter{{"program", ""}, {"state", "ready, needs-approval, blocked or scheduled"}, {"after", "go on behind this one: what the part before gave"}, {"key", "the same"}}, gives: changeList{}},
		{pattern: "GET /api/v1/waiting", summary: "What waits for a decision, what can't be done yet, what comes later, what is to be done by hand", query: []parameter{{"after", "go on with items behind this one: what the part before gave"}, {"key", "the same"}}, gives: waitingList{}},
		{pattern: "POST /api/v1/waiting", summary: "Approve or reject items", says: "Nobody decides on their own access. An approval counts once, within 24 hours, and is checked again against what is then. All items are decided, or none.",
			takes: decideBody{}, gives: doneJSON{}},
		{pattern: "GET /api/v1/runs", summary: "Runs, newest first", query: []parameter{before}, gives: runList{}},
		{pattern: "GET /api/v1/runs/{run}", summary: "One run: what it saw, what it did, what became of that", query: []parameter{{"after", "go on with changes behind this record"}}, gives: runWhole{}},
		{pattern: "GET /api/v1/runs/{run}/undo", summary: "What undoing a run would bring back or take away, and what it can't", gives: undoPreview{}},
		{pattern: "POST /api/v1/runs/{run}/undo", summary: "Undo a run with the next one", takes: reasonBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/pause", summary: "Pause a program, or everything", takes: pauseBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/resume", summary: "End a pause", takes: resumeBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/tasks/done", summary: "Tick off what was done by hand", takes: taskBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/release", summary: "Let go of what undos and disputes hold back", takes: reasonBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/delegations", summary: "Let somebody decide in the place of whoever asks", takes: delegateBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/delegations/end", summary: "End a delegation", takes: endDelegationBody{}, gives: doneJSON{}},
		{pattern: "GET /api/v1/reviews", summary: "Reviews of access, newest first, and how far they are", says: "Who does not see everything sees those under way in which they are asked.", gives: reviewList{}},
		{pattern: "GET /api/v1/reviews/{name}", summary: "One review and its lines, up to 50", says: "Who does not see everything sees the lines for which they are asked.",
			query: []parameter{{"q", "words that must all occur in name, login, account or right"}, {"state", "open or decided"}, {"whose", "mine: for whoever asks to decide"}, {"sort", "right, since or peers; by person unless said"}, {"from", "go on with this line: a number that the part before gave"}}, gives: reviewWhole{}},
		{pattern: "POST /api/v1/reviews", summary: "Begin a review of access", takes: startReviewBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/reviews/{name}", summary: "Keep or revoke lines of a review", says: "Whoever is asked decides, and whoever has the permission reviewer; a token needs the permission. Nobody decides on their own access. All lines are decided, or none.",
			takes: decideReviewBody{}, gives: doneJSON{}},
		{pattern: "POST /api/v1/reviews/{name}/close", summary: "Close a review; what nobody decided stays as it is", takes: reasonBody{}, gives: doneJSON{}},
		{pattern: "GET /api/v1/reports", summary: "The reports there are", gives: reportList{}},
		{pattern: "GET /api/v1/reports/{report}", summary: "One report: seats, days, cost, forecast, unmanaged, leavers, levels, dormant or service", says: "It may be ten minutes old. While what it tells of is being read, 503 says so.",
			query: []parameter{{"since", "of days: the first day, 2027-01-31"}, {"by", "of cost: the attribute to sum by"}, {"from", "of leavers: the first day, 2027-01-31; of levels: a day of the first month"}, {"days", "of dormant: 30, 60, 90, 180 or 365"}}, gives: reportJSON{}},
		{pattern: "GET /api/v1/reports/{report}/csv", summary: "The lines of a report for spreadsheets", says: "While what it tells of is being read, 503 says so.",
			query: []parameter{{"since", "as for the report"}, {"by", ""}, {"from", ""}, {"days", ""}, {"q", "words that must all occur in a line"}, {"sort", "a column"}}, gives: map[string]any{}, kinds: []string{"text/csv"}},
		{pattern: "GET /api/v1/audit", summary: "The journal, newest first, up to 100 records", says: "All filters count together.", query: append(auditFilter(), before), gives: recordList{}},
		{pattern: "GET /api/v1/audit/export", summary: "All records that the filters let through, oldest first", says: "However many there are, as `rolecall audit export` writes them. The connection breaks off where it can't be ended.",
			query: append(auditFilter(), parameter{"format", "jsonl, csv, ocsf, syslog or cef"}), gives: map[string]any{}, kinds: []string{"application/jsonl", "text/csv", "text/plain"}},
		{pattern: "GET /api/v1/audit/{seq}", summary: "One record of the journal", gives: recordWhole{}},
	}
}

// The document is made from the types and their comments, and from the table above:
//
//	go test ./engine/web -run TestOpenAPI -update
func TestOpenAPI(t *testing.T) {
	g := newSchemas(t)
	paths := map[string]any{}
	s, _ := site(t, records("x"), outlook("x"))
	calls := s.calls()
	for _, o := range operations() {
		i := slices.IndexFunc(calls, func(c call) bool { return c.pattern == o.pattern })
		if i < 0 {
			t.Errorf("%s is described, and not there", o.pattern)
			continue
		}
		method, path, _ := strings.Cut(o.pattern, " ")
		if paths[path] == nil {
			paths[path] = map[string]any{}
		}
		paths[path].(map[string]any)[strings.ToLower(method)] = g.operation(o, calls[i].needs)
		calls = slices.Delete(calls, i, i+1)
	}
	for _, c := range calls {
		if !strings.HasSuffix(c.pattern, " /api/") {
			t.Errorf("%s is not described", c.pattern)
		}
	}
	for _, missing := range g.undocumented {
		t.Errorf("%s has no comment", missing)
	}
	document := map[string]any{"openapi": "3.1.0", "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema", "paths": paths,
		"info": map[string]any{"title": "Rolecall", "version": "1", "license": map[string]any{"name": "Apache 2.0", "identifier": "Apache-2.0"},
			"description": "All that the page does, for programs. Fields and words are only ever added within /api/v1: a program passes over what it does not know. " +
				"Times are UTC, durations nanoseconds. What is not known is absent, never zero or empty. Errors are problem details (RFC 9457)."},
		"security": []any{map[string]any{"token": []any{}}, map[string]any{"session": []any{}}},
		"components": map[string]any{"schemas": g.schemas, "securitySchemes": map[string]any{
			"token":   map[string]any{"type": "http", "scheme": "bearer", "description": "What `rolecall token create` printed, where `login: {tokens: true}` is configured."},
			"session": map[string]any{"type": "apiKey", "in": "cookie", "name": "__Host-rolecall", "description": "Of whoever is signed in to the page; `rolecall` where the page is not https."}}}}
	text, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	upToDate(t, "assets/openapi.json", append(text, '\n'))
}

func upToDate(t *testing.T, path string, want []byte) {
	t.Helper()
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, want, 0o644); err != nil { // #nosec G306 -- documentation
			t.Fatal(err)
		}
		return
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is out of date (%v); run: go test ./engine/web -run TestOpenAPI -update\n%s", path, err, cmp.Diff(string(got), string(want)))
	}
}

// docs/api.md names every address, and none that is not there.
func TestAPIPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for _, part := range regexp.MustCompile(`/api/[a-z0-9/{}.]+`).FindAllString(string(page), -1) {
		if !slices.ContainsFunc(operations(), func(o operation) bool { return strings.HasSuffix(o.pattern, " "+part) }) && part != "/api/v1" {
			t.Errorf("docs/api.md names %s, which is not there", part)
		}
		named = append(named, part)
	}
	for _, o := range operations() {
		if _, path, _ := strings.Cut(o.pattern, " "); !slices.Contains(named, path) {
			t.Errorf("docs/api.md does not name %s", path)
		}
	}
}
