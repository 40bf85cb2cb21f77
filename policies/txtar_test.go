package policies

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// archive is a txtar file: a comment, then files after lines "-- name --"
// (format of golang.org/x/tools/txtar, of which only this much is needed).
type archive struct {
	comment string
	files   []archived
}

type archived struct {
	name string
	data []byte
}

func readArchive(t *testing.T, path string) *archive {
	t.Helper()
	src, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	a := &archive{}
	for line := range bytes.Lines(src) {
		name, isName := strings.CutPrefix(strings.TrimSuffix(string(line), " --\n"), "-- ")
		switch {
		case isName && bytes.HasSuffix(line, []byte(" --\n")):
			a.files = append(a.files, archived{name: name})
		case len(a.files) == 0:
			a.comment += string(line)
		default:
			last := &a.files[len(a.files)-1]
			last.data = append(last.data, line...)
		}
	}
	return a
}

func (a *archive) write(t *testing.T, path string) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(a.comment)
	for _, f := range a.files {
		b.WriteString("-- " + f.name + " --\n")
		b.Write(f.data)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}
