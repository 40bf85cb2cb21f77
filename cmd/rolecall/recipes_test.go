package main

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	httpconn "github.com/rolecall/rolecall/connectors/http"
)

// linksNobody says why no account of a recipe has the person's key where match: looks for it, or why another's might.
func linksNobody(p *config.Program) string {
	web := struct {
		Users httpconn.Users `yaml:"users"`
	}{}
	_ = p.Settings.Decode(&web) // the other keys of the kind are no mistake here
	pick, picked := web.Users.Attributes[p.Match]
	template, filled := p.Attributes[p.Match]
	address := regexp.MustCompile(`(?i)mail|userprincipalname|user_?name|login`)
	switch {
	case p.Match == "":
		return ""
	case address.MatchString(p.Match) || address.MatchString(pick) || address.MatchString(p.MatchWith):
		return "is an address or a name, which is no person's key and can be given to somebody else"
	case filled && template != cmp.Or(p.MatchWith, "{key}"):
		return "is filled with " + template + " in new accounts, which is not what it is compared with"
	case p.Kind == "http" && !picked:
		return "is none of the attributes that users: picks"
	case p.Kind == "scim" && p.Match != "externalId":
		return "is not where scim puts the person's key"
	}
	return ""
}

// Every recipe is a configuration that check takes, stands in the table, and says whether it was tried.
func TestRecipesAreRead(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "recipes.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for _, row := range regexp.MustCompile(`(?m)^\| \[.*\]\(([^)]*)\) \| (.*)$`).FindAllStringSubmatch(string(text), -1) {
		rows[row[1]] = row[2]
	}
	if intro, _, _ := strings.Cut(string(text), "\n| program"); !strings.Contains(intro, "`rolecall adopt PROGRAM`") {
		t.Error("the page does not say how accounts that are there are linked")
	}
	sections := strings.Split(string(text), "\n## ")[1:]
	for _, section := range sections {
		title, _, _ := strings.Cut(section, "\n")
		anchor := "#" + strings.ReplaceAll(strings.ToLower(strings.ReplaceAll(title, ",", "")), " ", "-")
		t.Run(title, func(t *testing.T) {
			_, rest, _ := strings.Cut(section, "```yaml\n")
			entry, says, found := strings.Cut(rest, "```")
			if row := rows[anchor]; !found || !strings.Contains(row, "| untried |") {
				t.Fatalf("%s: the table says %q", anchor, row)
			}
			if len(says) < 100 {
				t.Error("it does not say what it needs, and what is not possible")
			}
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "policies"), 0o700); err != nil {
				t.Fatal(err)
			}
			program, _, _ := strings.Cut(strings.TrimPrefix(entry, "programs:\n  "), ":")
			for name, text := range map[string]string{
				"policies/all.yaml": "version: 1\nrules:\n  - {name: all, when: 'true', grant: [" + program + "], reason: everybody}\n",
				"people.csv":        "id,login,mail,name\n1,ann,ann@example.com,Ann\n",
				"rolecall.yaml":     "version: 1\npolicies: policies\nleavers: {unmanaged: report}\ndirectories:\n  - {name: hr, kind: csv, authority: people, path: people.csv, key: id, attributes: {login: login, mail: mail, name: name}}\n" + entry,
			} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if out := typed(t, dir, exitDone, nil, "check", "--offline"); strings.Contains(out, "rror") {
				t.Error(out)
			}
			cfg, err := config.Load(dir, "rolecall.yaml")
			if err != nil || len(cfg.Programs) != 1 {
				t.Fatal(cfg, err)
			}
			for _, p := range cfg.Programs {
				if !strings.HasPrefix(rows[anchor], "`"+p.Kind+"` |") {
					t.Errorf("the kind is %s, and the table says %s", p.Kind, rows[anchor])
				}
				if why := linksNobody(p); why != "" {
					t.Errorf("match: %s %s", p.Match, why)
				}
			}
		})
	}
	if tried := strings.Count(string(text), "| tried"); len(sections) < 20 || tried < 5 {
		t.Errorf("%d recipes, and %d that were tried elsewhere", len(sections), tried)
	}
}
