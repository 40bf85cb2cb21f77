package main

import (
	"context"
	"embed"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
)

//go:embed all:example
var example embed.FS

func (a *app) initCommand() *cobra.Command {
	var f fromFlags
	c := &cobra.Command{
		Use: "init DIR", Short: "Write a commented configuration with policies, for an example or for your directory", Args: args(cobra.ExactArgs(1)),
		Long: "Writes rolecall.yaml, policies and a directory of ten people with two programs, all as files. With --from it looks at an LDAP\n" +
			"server instead, with searches only, and fills in profile, key, people, attributes and groups for you to review. Nothing that\n" +
			"exists is overwritten.",
		Example: "  rolecall init company && cd company && rolecall plan\n" +
			"  rolecall init company --from ldaps://ldap.example.com --bind-dn cn=rolecall,dc=example,dc=com --password-env LDAP_PASSWORD",
		RunE: func(c *cobra.Command, given []string) error {
			if f.url == "" {
				return a.init(given[0])
			}
			return a.initFrom(c.Context(), given[0], &f)
		},
	}
	c.Flags().StringVar(&f.url, "from", "", "look at the LDAP server at `URL`")
	c.Flags().StringVar(&f.dn, "bind-dn", "", "sign in as `DN`; anonymously without it")
	c.Flags().StringVar(&f.passwordEnv, "password-env", "", "the password is in the environment variable `NAME`")
	c.Flags().StringVar(&f.passwordFile, "password-file", "", "the password is in `FILE`")
	c.Flags().StringVar(&f.ca, "ca", "", "trust the certificates in `FILE` instead of the system's")
	c.Flags().BoolVar(&f.startTLS, "start-tls", false, "begin TLS on an ldap:// connection")
	c.Flags().BoolVar(&f.plain, "plain", false, "allow a password without TLS, for a server on this machine")
	return c
}

func (a *app) init(dir string) error {
	from, err := fs.Sub(example, "example")
	if err != nil {
		return err
	}
	files := map[string]string{}
	err = fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, name)
		files[name] = string(data)
		return err
	})
	if err != nil {
		return err
	}
	return a.layOut(dir, files)
}

func (a *app) initFrom(ctx context.Context, dir string, f *fromFlags) error {
	found, err := a.look(ctx, f)
	if err != nil {
		return err
	}
	if f.ca != "" || f.passwordFile != "" { // written paths start at the new folder
		f.ca, f.passwordFile = absoluteOrEmpty(a, f.ca), absoluteOrEmpty(a, f.passwordFile)
	}
	return a.layOut(dir, startingFrom(f, &found))
}

func absoluteOrEmpty(a *app, path string) string {
	if path == "" {
		return ""
	}
	abs, err := filepath.Abs(a.path(path))
	if err != nil {
		return path
	}
	return abs
}

// layOut writes files, by name, unless one of them is there.
func (a *app) layOut(dir string, files map[string]string) error {
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		if _, err := os.Lstat(a.path(filepath.Join(dir, name))); !errors.Is(err, fs.ErrNotExist) {
			return usage("choose another folder", "%s is there already; nothing was written", filepath.Join(dir, name))
		}
	}
	out := a.out()
	for _, name := range names {
		if err := writeNew(a.path(filepath.Join(dir, name)), files[name]); err != nil {
			return failed("", "%w", err)
		}
		out.Line("%s", filepath.Join(dir, name))
	}
	out.Line("Next: cd %s && rolecall check && rolecall plan", dir)
	return nil
}

func writeNew(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
