package main

import (
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
	return &cobra.Command{
		Use: "init DIR", Short: "Write a commented configuration with policies and a small example to try them on", Args: args(cobra.ExactArgs(1)),
		Long:    "Writes rolecall.yaml, policies and a directory of ten people with two programs, all as files. Nothing that exists is overwritten.",
		Example: "  rolecall init company\n  cd company && rolecall plan",
		RunE:    func(_ *cobra.Command, given []string) error { return a.init(given[0]) },
	}
}

func (a *app) init(dir string) error {
	files, err := fs.Sub(example, "example")
	if err != nil {
		return err
	}
	var names []string
	err = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		names = append(names, name)
		if _, err := os.Lstat(a.path(filepath.Join(dir, name))); !errors.Is(err, fs.ErrNotExist) {
			return usage("choose another folder", "%s is there already; nothing was written", filepath.Join(dir, name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := writeNew(files, name, a.path(filepath.Join(dir, name))); err != nil {
			return failed("", "%w", err)
		}
	}
	out := a.out()
	for _, name := range names {
		out.Line("%s", filepath.Join(dir, name))
	}
	out.Line("Next: cd %s && rolecall plan", dir)
	return nil
}

func writeNew(from fs.FS, name, to string) error {
	data, err := fs.ReadFile(from, name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		return err
	}
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
