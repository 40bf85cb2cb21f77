package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/render"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
)

// fromFlags say which server to look at and how to sign in; the password is a reference, as in the configuration.
type fromFlags struct {
	url, ca, dn, passwordEnv, passwordFile string
	startTLS, plain                        bool
}

func (f *fromFlags) source() *config.LDAPSource {
	return &config.LDAPSource{URL: []string{f.url}, CA: f.ca, StartTLS: f.startTLS, Plain: f.plain,
		Bind: config.Bind{DN: f.dn, Password: engine.Secret{Env: f.passwordEnv, File: f.passwordFile}}}
}

// look asks a server what it is; nothing is written there.
func (a *app) look(ctx context.Context, f *fromFlags) (directory.Found, error) {
	if f.dn != "" && f.passwordEnv == "" && f.passwordFile == "" {
		return directory.Found{}, usage("--password-env NAME or --password-file PATH", "--bind-dn needs a password")
	}
	client, err := a.ldap(&config.File{Dir: a.path(".")}, &config.Directory{Name: "corp", LDAP: f.source()})
	if err != nil {
		return directory.Found{}, usage("", "%w", err)
	}
	found, err := directory.Look(ctx, client)
	if err != nil {
		return found, failed("check --from, --bind-dn and the certificate; --ca FILE trusts another authority", "%w", err)
	}
	return found, nil
}

// startingFrom is the files of a first configuration for what was found. Everything from the server is quoted.
func startingFrom(f *fromFlags, found *directory.Found) map[string]string {
	return map[string]string{
		"rolecall.yaml": fmt.Sprintf(configFrom, render.Clean(found.Context), found.Count, more(found.More), source(f), quoted(found.Profile),
			quoted(found.People.Base), quoted(found.People.Filter), quoted(found.Key), keySeen(found.KeySeen), attributes(found.Attributes), groups(found.Groups)),
		"policies/first.yaml":  policyFrom(found.Roles),
		"programs/example.csv": "account,active,entitlements,person,name,mail\n",
	}
}

const configFrom = `# Configuration of Rolecall, begun by a look at the directory. Review every line; docs/configuration.md describes each key.
version: 1
store: sqlite:rolecall.db
policies: policies
schedule: "*/15 * * * *"
zone: UTC
health: 127.0.0.1:8485

directories:
  # Found below %s: %d people%s.
  - name: corp
    kind: ldap
    authority: people
%s    profile: %s
    people: {base: %s, filter: %s}
    key: %s # %s
    attributes:
%s    # Who matches none of these is active. Find out how your directory marks people who left or are away:
    # state: {left: 'status == "terminated"', away: 'status == "leave"'}
%s    # Entries that are always there: a read without them is not complete.
    # canaries: ["…"]

programs:
  # Begin with what you want to look at: revoke: never, and no create:, change nothing.
  example: {kind: file, path: programs/example.csv, revoke: never}

leavers: {unmanaged: approve, wait: 30d}
`

func quoted(text string) string {
	out, err := json.Marshal(text) // a JSON string is a YAML string (YAML 1.2.2, 1.3)
	if err != nil {
		return `""`
	}
	return string(out)
}

func more(more bool) string {
	if more {
		return " and more"
	}
	return ""
}

func keySeen(seen bool) string {
	if seen {
		return "seen on every entry"
	}
	return "NOT seen on every entry: these people can't be managed; look at the rights of the account that reads"
}

func source(f *fromFlags) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, "    "+format+"\n", args...) }
	line("url: %s", quoted(f.url))
	if f.startTLS {
		line("start_tls: true")
	}
	if f.plain {
		line("plain: true # no TLS: only for a server on this machine")
	}
	if f.ca != "" {
		line("ca: %s", quoted(f.ca))
	}
	switch {
	case f.passwordEnv != "":
		line("bind: {dn: %s, password: {env: %s}}", quoted(f.dn), quoted(f.passwordEnv))
	case f.passwordFile != "":
		line("bind: {dn: %s, password: {file: %s}}", quoted(f.dn), quoted(f.passwordFile))
	}
	return b.String()
}

func attributes(list []directory.Attribute) string {
	var b strings.Builder
	for _, at := range list {
		if at.Multi {
			fmt.Fprintf(&b, "      %s: {from: %s, multi: true}\n", quoted(at.Name), quoted(at.Source))
			continue
		}
		fmt.Fprintf(&b, "      %s: %s\n", quoted(at.Name), quoted(at.Source))
	}
	return b.String()
}

func groups(g directory.Groups) string {
	if g.Base == "" && g.Filter == "" {
		return "    # No groups were seen; roles may also come from an attribute: roles: [{attribute: title}]\n"
	}
	var parts []string
	for _, p := range [][2]string{{"base", g.Base}, {"filter", g.Filter}, {"name", g.Name}, {"member", g.Member}, {"by", g.By}} {
		if p[1] != "" {
			parts = append(parts, p[0]+": "+quoted(p[1]))
		}
	}
	if g.Nested {
		parts = append(parts, "nested: true")
	}
	if g.MemberOf {
		parts = append(parts, "member_of: true")
	}
	return "    roles:\n      - {group: {" + strings.Join(parts, ", ") + "}}\n"
}

func policyFrom(roles []directory.FoundRole) string {
	var b strings.Builder
	b.WriteString("# Who should have what. mode: observe shows what a rule would give, and gives nothing.\nversion: 1\nrules:\n")
	if len(roles) == 0 {
		b.WriteString("  - {name: everybody, when: 'true', grant: [example], mode: observe, reason: an example}\n")
		return b.String()
	}
	fmt.Fprintf(&b, "  - {name: first, roles: {any: [%s]}, grant: [example], mode: observe, reason: an example}\n", quoted("group:"+roles[0].Name))
	b.WriteString("\n# The biggest groups, with the number of members they list:\n")
	for _, r := range roles[:min(20, len(roles))] {
		fmt.Fprintf(&b, "#   %s  %d\n", render.Clean("group:"+r.Name), r.Members)
	}
	return b.String()
}
