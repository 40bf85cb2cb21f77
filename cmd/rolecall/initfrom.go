package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	texts "text/template"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

//go:embed all:found
var foundFiles embed.FS

// from is what `init --from` was told about a server.
type from struct {
	urls          []string
	dn, env, file string
	ca            string
	startTLS      bool
}

func (f *from) check() error {
	signIn := f.env != "" || f.file != ""
	switch {
	case len(f.urls) == 0 && (signIn || f.dn != "" || f.ca != "" || f.startTLS):
		return usage("add --from ldaps://HOST", "there is no server to sign in to")
	case f.env != "" && f.file != "":
		return usage("give one of them", "the password is said to be in two places")
	case f.dn != "" && !signIn:
		return usage("add --password-env NAME or --password-file FILE; a password is never given on the command line", "--bind-dn has no password")
	case f.dn == "" && signIn:
		return usage("add --bind-dn DN", "there is a password, but nobody to sign in as")
	}
	return nil
}

// password is the reference that the configuration will hold. Paths are made absolute, since the configuration lies elsewhere.
func (f *from) password() engine.Secret {
	return engine.Secret{Env: f.env, File: f.file}
}

func (f *from) client(a *app) (*ldapconn.Client, error) {
	for _, path := range []*string{&f.file, &f.ca} {
		if *path == "" {
			continue
		}
		absolute, err := filepath.Abs(a.path(*path))
		if err != nil {
			return nil, err
		}
		*path = absolute
	}
	c := ldapconn.Config{URLs: f.urls, StartTLS: f.startTLS, CAFile: f.ca, Bind: ldapconn.Bind{Method: ldapconn.Anonymous}, Timeout: lookTimeout, Retries: -1}
	if f.dn != "" {
		resolve := a.secrets(a.Dir)
		c.Bind = ldapconn.Bind{Method: ldapconn.Simple, DN: f.dn, Password: func() (string, error) { return resolve(f.password()) }}
	}
	return ldapconn.New(c)
}

// lookTimeout is shorter than that of a run: somebody waits.
const lookTimeout = 10 * time.Second

// lookAt looks at a server and gives the files of a configuration for it.
func (a *app) lookAt(ctx context.Context, f *from) ([]newFile, error) {
	client, err := f.client(a)
	if err != nil {
		return nil, usage("--from ldaps://ldap.example.com --ca FILE", "%w", err)
	}
	seen, err := directory.Look(ctx, client)
	if err != nil {
		return nil, lookFailed(err)
	}
	a.tellFound(&seen)
	files, err := embedded(foundFiles, "found")
	if err != nil {
		return nil, err
	}
	fill := filling{Found: seen, URLs: f.urls, StartTLS: f.startTLS, CA: f.ca, DN: f.dn, PasswordKey: "env", PasswordRef: f.env}
	if f.file != "" {
		fill.PasswordKey, fill.PasswordRef = "file", f.file
	}
	fill.rules()
	for i := range files {
		if filepath.Ext(files[i].name) != ".yaml" {
			continue
		}
		if files[i].data, err = fill.in(files[i]); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// lookFailed says what is the matter with a server in the words of whoever typed its address.
func lookFailed(err error) error {
	var incomplete *ldapconn.Incomplete
	if !errors.As(err, &incomplete) {
		return failed("", "%w; nothing was written", err)
	}
	hint := ""
	for _, h := range []struct {
		code ldapconn.Code
		hint string
	}{
		{ldapconn.BindRefused, "look at --bind-dn and the password; nothing else was tried, so that no account is locked"},
		{ldapconn.TLSRefused, "name the file with the directory's own CA with --ca"},
		{ldapconn.Unreachable, "look at host, port and firewall: 636 for ldaps://, 389 for ldap:// with --start-tls"},
		{ldapconn.NoBase, "sign in with --bind-dn and --password-env or --password-file: most servers show nothing to somebody unknown"},
		{ldapconn.Refused, "sign in with --bind-dn and --password-env or --password-file: most servers show nothing to somebody unknown"},
		{ldapconn.Malformed, "is it an LDAP port?"},
		{ldapconn.Cut, "does that port expect TLS (ldaps://), or none (ldap://)?"},
		{ldapconn.NoAnswer, "does that port expect TLS (ldaps://), or none (ldap://)?"},
	} {
		if incomplete.Has(h.code) {
			hint = h.hint
			break
		}
	}
	var details []string
	for _, r := range incomplete.Reasons {
		details = append(details, r.Detail)
	}
	return failed(hint, "the directory can't be looked at: %s; nothing was written", strings.Join(details, "; "))
}

func (a *app) tellFound(f *directory.Found) {
	count := strconv.Itoa(f.Count)
	if f.More {
		count += " or more"
	}
	out := a.out()
	out.Line("%s (%s): %s people below %s", f.Server, f.Profile, count, f.People.Base)
	if !f.KeySeen {
		out.Line("warning: %s, which identifies people, was not shown on every entry; give the account the right to read it", f.Key)
	}
	if len(f.Roles) == 0 {
		out.Line("no groups were found below %s", f.Context)
		return
	}
	out.Line("groups below %s, the biggest: %s", f.Groups.Base, f.Roles[0].Name)
}

// filling is what the files of found are templates of.
type filling struct {
	directory.Found
	URLs                     []string
	StartTLS                 bool
	CA, DN                   string
	PasswordKey, PasswordRef string
	Rules                    []foundRule
	Others                   []directory.FoundRole
}

type foundRule struct {
	Name, Role, Grant, Reason string
	Members                   int
}

// Has says whether an attribute was found.
func (f *filling) Has(name string) bool {
	return slices.ContainsFunc(f.Attributes, func(at directory.Attribute) bool { return at.Name == name })
}

// starters is how many of the biggest groups get a rule to begin with.
const starters = 3

func (f *filling) rules() {
	for i, r := range f.Roles {
		if i >= starters {
			f.Others = f.Roles[i:]
			return
		}
		f.Rules = append(f.Rules, foundRule{Name: fmt.Sprintf("group-%d", i+1), Role: "group:" + r.Name, Grant: fmt.Sprintf("wiki/group-%d", i+1),
			Reason: "to be written: what " + r.Name + " needs", Members: r.Members})
	}
}

// in fills a template. What a directory says goes in quotes: it must stay data.
func (f *filling) in(file newFile) ([]byte, error) {
	t, err := texts.New(file.name).Funcs(texts.FuncMap{"q": strconv.Quote}).Parse(string(file.data))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, f)
	return out.Bytes(), err
}
