//go:build failpoint

package migrations

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing/fstest"
)

// further adds the migration in the file ROLECALL_TEST_MIGRATION, so that a test which built the program with the tag failpoint
// has a schema that is older than the program.
func further(own fs.FS) fs.FS {
	file := os.Getenv("ROLECALL_TEST_MIGRATION")
	if file == "" {
		return own
	}
	all := fstest.MapFS{}
	entries, err := fs.ReadDir(own, ".")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		data, err := fs.ReadFile(own, e.Name())
		if err != nil {
			panic(err)
		}
		all[e.Name()] = &fstest.MapFile{Data: data, Mode: 0o444}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	all[filepath.Base(file)] = &fstest.MapFile{Data: data, Mode: 0o444}
	return all
}
