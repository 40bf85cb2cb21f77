package main

import (
	"cmp"
	"context"
	"embed"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

//go:embed all:example
var example embed.FS

func (a *app) initCommand() *cobra.Command {
	var from from
	c := &cobra.Command{
		Use: "init DIR", Short: "Write a commented configuration with policies, from a look at your directory or with a small example", Args: args(cobra.ExactArgs(1)),
		Long: "Writes rolecall.yaml, policies and a directory of ten people with two programs, all as files. With --from it looks at an\n" +
			"LDAP server instead, with searches only, and fills in its profile, key, people, attributes and groups; the rules that it\n" +
			"begins with only observe. Nothing that exists is overwritten.",
		Example: "  rolecall init company\n  cd company && rolecall plan\n" +
			"  rolecall init company --from ldaps://ldap.example.com --bind-dn cn=rolecall,dc=example,dc=com --password-env LDAP_PASSWORD",
		RunE: func(c *cobra.Command, given []string) error { return a.init(c.Context(), given[0], &from) },
	}
	f := c.Flags()
	f.StringSliceVar(&from.urls, "from", nil, "look at the LDAP server at this `URL`; several, parted by commas, are tried in turn")
	f.StringVar(&from.dn, "bind-dn", "", "sign in as this `DN`")
	f.StringVar(&from.env, "password-env", "", "the password is in the environment variable `NAME`")
	f.StringVar(&from.file, "password-file", "", "the password is in this `FILE`")
	f.StringVar(&from.ca, "ca", "", "trust the certificates in this `FILE` instead of the system's")
	f.BoolVar(&from.startTLS, "start-tls", false, "begin TLS on a plain connection")
	return c
}

// newFile is a file to be written below the folder of init.
type newFile struct {
	name string
	data []byte
}

func (a *app) init(ctx context.Context, dir string, from *from) (err error) {
	if err := from.check(); err != nil {
		return err
	}
	var files []newFile
	if len(from.urls) == 0 {
		files, err = embedded(example, "example")
	} else if err = a.free(dir, "rolecall.yaml"); err == nil { // before anybody waits for a server
		files, err = a.lookAt(ctx, from)
	}
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := a.free(dir, f.name); err != nil {
			return err
		}
	}
	for _, f := range files {
		if err := writeNew(f.data, a.path(filepath.Join(dir, f.name))); err != nil {
			return failed("", "%w", err)
		}
	}
	out := a.out()
	for _, f := range files {
		out.Line("%s", filepath.Join(dir, f.name))
	}
	out.Line("Next: cd %s && rolecall plan", dir)
	return nil
}

// free refuses a name that is taken.
func (a *app) free(dir, name string) error {
	if _, err := os.Lstat(a.path(filepath.Join(dir, name))); !errors.Is(err, fs.ErrNotExist) {
		return usage("choose another folder", "%s is there already; nothing was written", filepath.Join(dir, name))
	}
	return nil
}

// embedded gives the files below a folder, sorted by name.
func embedded(all embed.FS, below string) (files []newFile, err error) {
	sub, err := fs.Sub(all, below)
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(sub, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(sub, name)
		files = append(files, newFile{name, data})
		return err
	})
	return files, err
}

func writeNew(data []byte, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return cmp.Or(err, f.Close())
}
