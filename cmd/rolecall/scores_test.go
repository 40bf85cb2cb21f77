package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

var scoresFlag = flag.Bool("scores", false, "write the scores of docs/connectors.md anew")

const scoreSecret = "canary-7f3a"

// scored is a program to hold to the suite: what makes it, and gives its entry and more arguments.
type scored struct {
	shown string // in the table
	on    string // what it is tried on
	make  func(t *testing.T, dir string) (entry string, args []string)
}

// scoredPrograms are every kind of connector that makes changes itself, and the worked examples of plug-ins.
func scoredPrograms() map[string]scored {
	return map[string]scored{
		"http":     {"`http`", "RabbitMQ's management interface", onRabbit},
		"scim":     {"`scim`", "SCIMMY, a SCIM server", onSCIMMY},
		"ldap":     {"`ldap-group`", "OpenLDAP", onLDAP},
		"postgres": {"`sql`, `preset: postgres`", "PostgreSQL", onPostgres},
		"mariadb":  {"`sql`, `preset: mariadb`", "MariaDB", onMaria},
		"tables":   {"`sql`, `statements`", "SQLite", onSQLite},
		"file":     {"`file`", "a CSV file", onFile},
		"git":      {"`git`", "a repository on this machine", onGit},
		"go":       {"`plugin`, example in Go", "a JSON file", onPlugin("go")},
		"python":   {"`plugin`, example in Python", "a JSON file", onPlugin("python")},
		"rest":     {"`plugin`, example of a REST interface, in Python", "a small program, through a proxy", onBadges()},
		"shell":    {"`plugin`, example in shell", "a JSON file", onPlugin("shell")},
	}
}

// often are the programs that are tried with every full run; the others only when the table is written: their suites run elsewhere,
// and from the command line they take minutes.
func often(name string) bool {
	return name == "http" || !testing.Short() && slices.Contains([]string{"scim", "file", "ldap"}, name)
}

// Every connector passes the suite from the command line, on a real program, and the table of the page says how it did.
//
//	go test ./cmd/rolecall -run TestScores -scores
func TestScores(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	rows, programs := map[string]string{}, scoredPrograms()
	t.Run("each", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(programs)) {
			if !*scoresFlag && !often(name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				p := programs[name]
				c := scoreOf(t, name, &p)
				mu.Lock()
				defer mu.Unlock()
				rows[name] = scoreRow(&p, &c)
			})
		}
	})
	if t.Failed() {
		return
	}
	page := filepath.Join("..", "..", "docs", "connectors.md")
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- scores: written by a test -->\n", "<!-- end of scores -->\n"
	before, rest, _ := strings.Cut(string(text), begin)
	was, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("the table is not on the page")
	}
	if *scoresFlag && len(rows) == len(programs) {
		if err := os.WriteFile(page, []byte(before+begin+scoreTable(rows)+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for name, row := range rows {
		if !strings.Contains(was, row) {
			t.Errorf("%s: the page says otherwise than this; go test ./cmd/rolecall -run TestScores -scores\n%s", name, row)
		}
	}
}

func scoreTable(rows map[string]string) string {
	return "\n| connector | tried on | passed | failed | says nothing of it |\n|---|---|---|---|---|\n" + strings.Join(slices.Sorted(maps.Values(rows)), "") + "\n"
}

func scoreRow(p *scored, c *card) string {
	return fmt.Sprintf("| %s | %s | %d of %d | %d | %s |\n", p.shown, p.on, c.Passed, len(c.Checks), c.Failed, strings.Join(skippedOf(c), "; "))
}

func skippedOf(c *card) (out []string) {
	for _, l := range c.Checks {
		if l.Result == conformance.Skipped {
			out = append(out, l.Check)
		}
	}
	web := slices.DeleteFunc(slices.Clone(out), func(name string) bool { return !slices.Contains(webChecks(), name) })
	if len(web) == len(webChecks()) {
		out = append(slices.DeleteFunc(out, func(name string) bool { return slices.Contains(web, name) }), fmt.Sprintf("the %d about HTTP", len(web)))
	}
	return out
}

func scoreOf(t *testing.T, name string, p *scored) card {
	t.Helper()
	c := cardOf(t, name, p.make)
	if !c.OK {
		for _, l := range c.Checks {
			if l.Result == conformance.Wrong || l.Result == conformance.NotTried {
				t.Errorf("%s: %s %q", l.Check, l.Result, l.Details)
			}
		}
	}
	return c
}

// cardOf makes a program and tries it from the command line.
func cardOf(t *testing.T, name string, makes func(t *testing.T, dir string) (string, []string)) card {
	t.Helper()
	dir := t.TempDir()
	entry, args := makes(t, dir)
	config := "version: 1\nleavers: {unmanaged: report}\ndirectories:\n"
	if name == "ldap" {
		config += entry
	} else {
		config += "  - {name: hr, kind: csv, authority: people, path: people.csv, key: id, attributes: {login: login}}\nprograms:\n  it:\n    revoke: managed\n" + entry
	}
	for file, text := range map[string]string{"people.csv": "id,login\n1,ann\n", "rolecall.yaml": config} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), process{Args: append([]string{"connector", "test", "it", "-o", "json"}, args...), Dir: dir, Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		Now: time.Now, Actor: "tester", Env: func(name string) string {
			return map[string]string{"SECRET": scoreSecret, "RABBIT_PASSWORD": scoreSecret, "LDAP_PASSWORD": ldapPasswordIn(dir), "PATH": os.Getenv("PATH"), "HOME": dir}[name]
		}})
	var c card
	if err := json.Unmarshal(stdout.Bytes(), &c); err != nil || (code == exitDone) != c.OK {
		t.Fatalf("exit code %d, %v\n%s\n%s", code, err, stdout.String(), stderr.String())
	}
	return c
}

// onRabbit takes the example of the page, as it stands there.
func onRabbit(t *testing.T, _ string) (string, []string) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "connectors.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "```yaml\nprograms:\n  rabbit:\n")
	example, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the example is not on the page")
	}
	s := servers.RabbitMQ(t, scoreSecret)
	return "    create: '{login}'\n    scratch: {}\n" + strings.Replace(example, "https://rabbit.example.com:15671/api", s.URL, 1), nil
}

func onSCIMMY(t *testing.T, _ string) (string, []string) {
	url := servers.SCIMMY(t, filepath.Join("..", "..", "connectors", "scim", "testdata", "scimmy"), scoreSecret) + "/scim/v2"
	for _, name := range []string{"Sales", "Büro Süd", "all"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/Groups", strings.NewReader(`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"`+name+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/scim+json")
		r.Header.Set("Authorization", "Bearer "+scoreSecret)
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode != http.StatusCreated {
			t.Fatal(answer, err)
		}
		_ = answer.Body.Close()
	}
	return "    kind: scim\n    url: " + url + "\n    token: {env: SECRET}\n    page_size: 2\n    create: '{login}'\n    scratch: {attributes: {mail: new@example.com, familyName: New}}\n", nil
}

func ldapPasswordIn(dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, "password"))
	return string(text)
}

func onLDAP(t *testing.T, dir string) (string, []string) {
	ldif := people20() + "dn: cn=wiki,ou=rights,dc=example,dc=com\nobjectClass: groupOfNames\ncn: wiki\nmember: uid=u19,ou=people,dc=example,dc=com\n\n"
	s := servers.Slapd(t, servers.SlapdConfig{LDIF: ldif, Access: []string{`to dn.subtree="ou=rights,dc=example,dc=com" by dn.exact="` + readerDN + `" write by * read`}})
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(s.Reader.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	return `  - name: corp
    kind: ldap
    authority: people
    url: ` + s.URL + `
    ca: ` + s.CA.File + `
    bind: {dn: "` + readerDN + `", password: {env: LDAP_PASSWORD}}
    people: {base: "ou=people,dc=example,dc=com", filter: "(uid=*)"}
    key: uid
    attributes: {login: uid}
programs:
  it:
    revoke: managed
    kind: ldap-group
    directory: corp
    entitlements: {vpn: "cn=vpn,ou=rights,dc=example,dc=com", "Wiki Ä": "cn=wiki,ou=rights,dc=example,dc=com"}
    scratch: {accounts: [u01, u02, u03], rights: [vpn, "Wiki Ä"]}
`, nil
}

func onPostgres(t *testing.T, _ string) (string, []string) {
	s := servers.Postgres(t)
	s.Exec(t, `CREATE ROLE rolecall LOGIN CREATEROLE; GRANT pg_signal_backend TO rolecall; CREATE ROLE app_read; CREATE ROLE "app_Ä b"; CREATE ROLE old; GRANT app_read TO old`)
	return "    kind: sql\n    preset: postgres\n    url: " + strings.Replace(s.DSN, "//app@", "//rolecall@", 1) + "\n    rights: [app_*]\n    create: '{login}'\n    scratch: {}\n", []string{"--right", "app_read", "--right", "app_Ä b"}
}

func onMaria(t *testing.T, _ string) (string, []string) {
	s := servers.MariaDB(t)
	s.Exec(t, `CREATE ROLE app_read; CREATE ROLE app_write; GRANT app_read TO root@127.0.0.1 WITH ADMIN OPTION; GRANT app_write TO root@127.0.0.1 WITH ADMIN OPTION; CREATE DATABASE shop`)
	return "    kind: sql\n    preset: mariadb\n    url: \"" + s.URL("root", "") + "\"\n    rights: [app_*]\n    privileges: [SELECT on shop]\n    create: '{login}'\n    scratch: {}\n", nil
}

func onSQLite(t *testing.T, dir string) (string, []string) {
	db, err := sqlx.Open("sqlite", filepath.Join(dir, "erp.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.MustExec(`CREATE TABLE users (id integer PRIMARY KEY, login text UNIQUE NOT NULL, person text, mail text, blocked boolean NOT NULL DEFAULT false);
		CREATE TABLE rights (code text PRIMARY KEY); INSERT INTO rights VALUES ('read'), ('Write All');
		CREATE TABLE user_rights (user_id integer NOT NULL REFERENCES users (id) ON DELETE CASCADE, code text NOT NULL REFERENCES rights (code), PRIMARY KEY (user_id, code))`)
	return `    kind: sql
    url: sqlite:erp.db
    create: '{login}'
    scratch: {attributes: {mail: x@example.com}}
    statements:
      accounts: SELECT id AS account, login AS name, NOT blocked AS active, person, mail FROM users
      holdings: SELECT user_id AS account, code AS entitlement FROM user_rights
      catalogue: SELECT code AS entitlement FROM rights
      grant: INSERT INTO user_rights (user_id, code) VALUES (:account, :entitlement)
      revoke: DELETE FROM user_rights WHERE CAST(user_id AS text) = :account AND code = :entitlement
      suspend: UPDATE users SET blocked = true WHERE CAST(id AS text) = :account
      resume: UPDATE users SET blocked = false WHERE CAST(id AS text) = :account
      create: INSERT INTO users (login, person, mail) VALUES (:name, :person, :mail)
      update: UPDATE users SET login = :name, mail = :mail WHERE CAST(id AS text) = :account
      delete: DELETE FROM users WHERE CAST(id AS text) = :account
`, nil
}

const scoreList = "account,active,entitlements,person\nold,no,Write all,\n"

func onFile(t *testing.T, dir string) (string, []string) {
	if err := os.WriteFile(filepath.Join(dir, "wiki.csv"), []byte(scoreList), 0o600); err != nil {
		t.Fatal(err)
	}
	return "    kind: file\n    path: wiki.csv\n    catalogue: [read, Write all]\n    create: '{login}'\n    scratch: {rights: [read, Write all]}\n", nil
}

func onGit(t *testing.T, dir string) (string, []string) {
	work, bare := filepath.Join(dir, "work"), filepath.Join(dir, "access.git")
	if err := os.MkdirAll(work, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "infra.csv"), []byte(scoreList), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, words := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "begin"}, {"clone", "-q", "--bare", work, bare}} {
		command := exec.Command("git", append([]string{"-C", work, "-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main"}, words...)...)
		if out, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	return "    kind: git\n    repository: " + bare + "\n    branch: main\n    path: infra.csv\n    author: Rolecall <rolecall@example.com>\n    catalogue: [read, Write all]\n    create: '{login}'\n    scratch: {rights: [read, Write all]}\n", nil
}

// onPlugin takes a copy of a worked example that nobody else may change.
func onPlugin(language string) func(t *testing.T, dir string) (string, []string) {
	return func(t *testing.T, dir string) (string, []string) {
		to, examples := filepath.Join(dir, "team"), filepath.Join("..", "..", "connectors", "plugin", "examples")
		if language == "go" {
			build := exec.Command("go", "build", "-o", to, "./"+filepath.Join(examples, "go"))
			if out, err := build.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		} else {
			text, err := os.ReadFile(filepath.Join(examples, language, map[string]string{"python": "team.py", "shell": "team.sh"}[language]))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(to, text, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "team.json"), []byte(scratchTeam), 0o600); err != nil {
			t.Fatal(err)
		}
		return "    kind: plugin\n    command: [./team]\n    config: {path: team.json}\n    secrets: {token: {env: SECRET}}\n    create: '{login}'\n    scratch: {accounts: [ann, Ben Smith, Łucja], rights: [read, Write all]}\n", nil
	}
}

// webChecks are those that need HTTP.
func webChecks() (out []string) {
	for _, c := range conformance.Checks() {
		if c.Skip != nil && strings.Contains(c.Skip(&conformance.Subject{}), "HTTP") {
			out = append(out, c.Name)
		}
	}
	return out
}
