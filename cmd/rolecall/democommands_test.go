package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// tried is one command on the company that the demo leaves, and what it must say.
type tried struct {
	args string // {found} is what an earlier command showed, {soon} a day of next week
	want string // pattern
	code int
	keep string    // pattern: its first group is what {found} stands for from now on
	edit [3]string // before it: file, old text, new text
}

// onTheDemosCompany tries every command that testdata/script/demo.txtar does not.
var onTheDemosCompany = []tried{
	{args: "report dormant", want: "last used"},
	{args: "report levels", want: "crm"},
	{args: "connector list", want: "scim"},
	{args: "connector test wiki", code: exitUsage, want: "nobody said that it may"},
	{args: "token create door --person ada --until {soon} --reason x", want: "rct_door"},
	{args: "token list", want: "door"},
	{args: "token revoke door", want: "door is taken back"},
	{args: "person hold greta --reason case", want: "legal hold"},
	{args: "person holds", want: "case"},
	{args: "person blank greta --reason request", code: exitFailed, want: "is in the directory"},
	{args: "person blanked", want: "Nobody was blanked"},
	{args: "person export greta", want: `"version": 1`},
	{args: "audit show 1", want: `"kind": "link"`},
	{args: "audit bundle --from 2026-01-01 --to 2099-12-31 evidence", want: "verify-bundle"},
	{args: "audit verify-bundle evidence", want: "SHA-256 of manifest.json"},
	{args: "audit sample evidence --seed 7 --size 2", want: "result:"},
	{args: "audit key example.com/journal --out journal.key", want: `example.com/journal\+`},
	{args: "audit accept", want: "nothing to accept"},
	{args: "audit prune --before 2026-01-01", code: exitFailed, want: "nothing was pruned"},
	{args: "review start q1 --reviewers owners --due 2099-01-01 --scope program:crm --reason x", want: "24 lines"},
	{args: "review list", want: "q1"},
	{args: "review show q1 -o csv", keep: `(?m)^([0-9a-f]{16})`, want: "crm"},
	{args: "review decide q1 revoke {found} --reason moved", want: "a block, to be looked at again"},
	{args: "review close q1 --reason x", want: "closed"},
	{args: "approvals delegate ada greta --until {soon} --reason holidays", want: "greta stands in for ada"},
	{args: "approvals delegates", want: "holidays"},
	{args: "apply", want: "kept as they are: revoke: never", edit: [3]string{"rolecall.yaml", `create: "{mail}", revoke: managed`, `create: "{mail}", revoke: never`}},
	{args: "review blocks", want: "moved"},
	{args: "review unblock amir crm/contacts --reason x", want: "amir"},
	{args: "tasks list -o csv", want: "crm", keep: `(?m)^([0-9a-f]{8,16}),`},
	{args: "tasks done {found} --note x", want: "Noted"},
	{args: "apply", code: exitApproval, want: "needs approval", edit: [3]string{"policies/company.yaml", `roles: {any: ["group:finance"]}, grant: [erp/ledger]`, `roles: {any: ["group:people-team"]}, grant: [erp/ledger]`}},
	{args: "approvals list -o csv", keep: `(?m)^([0-9a-f]{16}),waiting`, want: "waiting"},
	{args: "approvals reject {found} --reason x", want: "rejected"},
	{args: "approvals approve all --reason x", want: "approved"},
	{args: "apply", want: "done"},
	{args: "backup copy.db", want: "found whole"},
	{args: "restore copy.db", want: "audit accept"},
	{args: "audit accept --reason tried", want: "Accepted. Acting goes on"},
	{args: "apply", want: "nothing to do"},
	{args: "man pages", want: ""},
	{args: "init other", want: "rolecall.yaml"},
	{args: "work", code: exitUsage, want: "need a PostgreSQL store"},
}

// triedElsewhere are the commands that other tests try on it, or that need no company.
var triedElsewhere = map[string]string{
	"serve": "TestPagesInABrowser plays the daemon on it, and looks at every page",
	"demo":  "it makes the company",
}

// Whoever has seen the demo may try any command on what it leaves.
func TestEveryCommandWorksOnTheDemosCompany(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "acme")
	if code := run(t.Context(), testProcess(t.TempDir(), io.Discard, io.Discard, "demo", "--keep", dir)); code != exitDone {
		t.Fatal(code)
	}
	found := ""
	for _, one := range onTheDemosCompany {
		if one.edit[0] != "" {
			replace(t, filepath.Join(dir, one.edit[0]), one.edit[1], one.edit[2])
		}
		soon := time.Now().AddDate(0, 0, 7).Format(time.DateOnly)
		said, code := rolecallIn(t, dir, strings.Fields(strings.NewReplacer("{found}", found, "{soon}", soon).Replace(one.args))...)
		if code != one.code || !regexp.MustCompile(one.want).MatchString(said) {
			t.Errorf("rolecall %s: exit code %d, not %d with %q:\n%.900s", one.args, code, one.code, one.want, said)
		}
		if one.keep != "" {
			if found = firstGroup(one.keep, said); found == "" {
				t.Fatalf("rolecall %s shows nothing like %q:\n%s", one.args, one.keep, said)
			}
		}
	}
	for _, leaf := range leaves((&app{process: process{Env: os.Getenv, Now: time.Now}}).root(), "") {
		if triedElsewhere[leaf] == "" && !triedOnTheDemo(t, leaf) {
			t.Errorf("rolecall %s is tried nowhere on the company of the demo", leaf)
		}
	}
}

func firstGroup(pattern, text string) string {
	if m := regexp.MustCompile(pattern).FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// triedOnTheDemo: the list above, or the script of the demo, has the command.
func triedOnTheDemo(t *testing.T, leaf string) bool {
	t.Helper()
	script, err := os.ReadFile("testdata/script/demo.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range onTheDemosCompany {
		if one.args == leaf || strings.HasPrefix(one.args, leaf+" ") {
			return true
		}
	}
	return regexp.MustCompile(`(?m)^rolecall --config acme/rolecall.yaml ` + regexp.QuoteMeta(leaf) + `\b`).Match(script)
}
