package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest"
)

const hostileConfig = `version: 1
store: sqlite:rolecall.db
policies: policies
directories:
  - {name: hr, kind: csv, authority: people, path: people.csv, complete: {count: rows}, key: id, attributes: {login: login, name: name, title: title, mail: mail},
     roles: [{attribute: title}]}
programs:
  wiki: {kind: file, path: wiki.csv, create: "{login}", revoke: managed, attributes: {mail: "{mail}"}}
leavers: {unmanaged: approve, wait: 30d}
limits:
  revoke: {people: {floor: 2000, percent: 100, cap: 2000, window: 24h}, holdings: {floor: 6000, percent: 100, cap: 6000, window: 24h}}
  leavers: {floor: 2000, percent: 100, cap: 2000, window: 24h}
  grant: {floor: 9000, percent: 100, cap: 9000, window: 24h}
`

// hostileCompany is a company of people with hostile names, logins, titles and addresses, on whom every command that shows
// people works: each format has as many lines and cells as there are records, and nothing that a terminal obeys.
func hostileCompany(t *testing.T, texts []enginetest.HostileText) (taken int) {
	u := newTerminal(t)
	u.types(exitDone, "init", ".")
	u.write("rolecall.yaml", hostileConfig)
	u.write("policies/company.yaml", "version: 1\nrules:\n  - {name: all, when: 'true', grant: [wiki, wiki/read], reason: everybody}\n")
	u.write("wiki.csv", "account,active,entitlements,person,mail\n=by-hand\u202e,yes,read,,\n")
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"id", "login", "name", "title", "mail"})
	for i, h := range texts {
		_ = w.Write([]string{fmt.Sprint("k", i), h.Text + fmt.Sprint(i), h.Text, h.Text, h.Text})
	}
	_ = w.Write([]string{"rows", fmt.Sprint(len(texts))})
	w.Flush()
	u.write("people.csv", b.String())
	u.shows(exitDone, "plan")
	u.shows(exitDone, "apply")
	u.shows(exitPartly, "plan") // a login that begins with new: makes an account that can't be told from one that is only proposed
	for _, args := range [][]string{{"audit", "list", "--limit", "0"}, {"audit", "asof", "2027-01-05"}, {"adopt", "wiki"}, {"approvals", "list"}, {"tasks", "list"}} {
		u.shows(exitDone, args...)
	}
	u.shows(exitPartly, "report", "service")
	u.shows(exitFailed, "check")
	for i := 0; i < len(texts); i += 100 {
		u.shows(exitDone, "why", fmt.Sprint("k", i))
	}
	u.shows(exitDone, "audit", "export")
	u.types(exitDone, "audit", "verify")
	rows, err := csv.NewReader(strings.NewReader(u.read("wiki.csv"))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[2:] {
		if row[1] != "yes" || row[2] != "read" {
			t.Errorf("an account is %q", row)
		}
	}
	return len(rows) - 2
}

// shows runs a command in every format that it has, demands an exit code, and looks at the shape of each.
func (u *terminal) shows(want int, args ...string) {
	for _, format := range []string{"json", "table", "csv", "markdown"} {
		if args[0] == "apply" && format != "table" {
			continue
		}
		what := fmt.Sprint("rolecall ", args, " as ", format)
		var out, said bytes.Buffer
		p := u.process(&out, append([]string{"-o", format}, args...))
		p.Stderr = &said
		if code := run(u.t.Context(), p); code != want {
			u.t.Errorf("%s: exit code %d instead of %d: %.300q %.300q", what, code, want, out.String(), said.String())
		}
		obedient(u.t, what+": errors", said.String())
		text := out.String()
		switch {
		case format == "csv":
			if _, err := csv.NewReader(strings.NewReader(text)).ReadAll(); err != nil && !strings.HasPrefix(text, "rolecall:") {
				u.t.Errorf("%s: %v: %.300q", what, err, text)
			}
			text = strings.NewReplacer("\r", "", "\t", "").Replace(text)
		case format == "markdown" && strings.HasPrefix(text, "|"):
			cells := map[int]int{}
			for line := range strings.Lines(text) {
				cells[strings.Count(strings.NewReplacer(`\\`, "", `\|`, "").Replace(line), "|")]++
			}
			if len(cells) != 1 {
				u.t.Errorf("%s: lines with this many cells: %v", what, cells)
			}
		case format == "json" && args[len(args)-1] == "export":
			for line := range strings.Lines(text) {
				if !json.Valid([]byte(line)) {
					u.t.Errorf("%s: %q", what, line)
				}
			}
		case format == "json" && strings.HasPrefix(text, "{"):
			if !json.Valid(out.Bytes()) {
				u.t.Errorf("%s is no JSON: %.300q", what, text)
			}
		}
		obedient(u.t, what, text)
	}
}
