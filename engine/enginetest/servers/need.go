package servers

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// findPrograms returns the full path of each named program, or an error that
// names the ones that are missing and the Debian packages that bring them.
// Besides PATH it looks in dirs.
func findPrograms(packages string, dirs []string, names ...string) (map[string]string, error) {
	found := make(map[string]string, len(names))
	var missing []string
	for _, name := range names {
		if path := findProgram(name, dirs); path != "" {
			found[name] = path
		} else {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s not found; install with: apt-get install -y %s", strings.Join(missing, ", "), packages)
	}
	return found, nil
}

func findProgram(name string, dirs []string) string {
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// mustHave says whether a missing server is a failure rather than a skip.
func mustHave(ci string, uid int) bool {
	return ci == "true" || uid == 0
}

// Need ends the test if a program is not there: as a failure where setup has installed it, as a skip elsewhere.
func Need(t testing.TB, packages string, names ...string) {
	t.Helper()
	if _, err := findPrograms(packages, nil, names...); err != nil {
		lacking(t, err)
	}
}

// lacking ends the test: as a failure where the server must be there, as a
// skip elsewhere.
func lacking(t testing.TB, err error) {
	t.Helper()
	if mustHave(os.Getenv("CI"), os.Getuid()) {
		t.Fatal(err)
	}
	t.Skip(err)
}
