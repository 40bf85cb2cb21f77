package bundle

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// FuzzVerify: whatever takes the place of a file of a bundle, checking it does not panic, and says that something is wrong.
func FuzzVerify(f *testing.F) {
	l := story(f)
	folder := l.bundle()
	whole := files(f, folder)
	names := slices.Sorted(maps.Keys(whole))
	for n, name := range names {
		f.Add(uint(n), whole[name])
		f.Add(uint(n), whole[name][:len(whole[name])/2])
		f.Add(uint(n), bytes.Replace(whole[name], []byte("2027"), []byte("2026"), 1))
		f.Add(uint(n), bytes.Replace(whole[name], []byte(":"), []byte(": "), 1)) // the same to many a reader
		f.Add(uint(n), append(bytes.Clone(whole[name]), '\n'))
	}
	for _, text := range []string{"", "{}", "null", "[", "\x00", `{"version":1,"records":9223372036854775807}`, `{"seq":-1}`} {
		f.Add(uint(slices.Index(names, ManifestFile)), []byte(text))
	}
	f.Fuzz(func(t *testing.T, n uint, text []byte) {
		name := names[n%uint(len(names))]
		here := t.TempDir()
		if err := os.CopyFS(here, os.DirFS(folder)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(here, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
		if wrong := wrongs(t, here, Given{Verifier: l.verifier}); (wrong == "") != bytes.Equal(text, whole[name]) {
			t.Fatalf("%s is %.300q: %q", name, text, wrong)
		}
	})
}
