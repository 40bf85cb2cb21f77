package directory

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine"
)

const oneRow = "id,login,name,mail,title,start,end,status,skills,site\nE1,ada,Ada,,Engineer,,,,,\n"

// readWith writes a file of an hour ago and a done-file of half an hour ago, and gives the codes and texts of its proof.
func readWith(t *testing.T, text, done string, change func(*CSVConfig)) string {
	t.Helper()
	dir := t.TempDir()
	cfg := CSVConfig{Config: hr(), File: File{Path: filepath.Join(dir, "hr.csv")}}
	write := func(path, text string, age time.Duration) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, noon(), noon().Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	write(cfg.Path, text, time.Hour)
	if done != "" {
		cfg.Done = filepath.Join(dir, "done")
		write(cfg.Done, done, time.Hour/2)
	}
	if change != nil {
		change(&cfg)
	}
	d, err := CSV(cfg)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := d.People(t.Context(), func(engine.Person) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range append(proof.Reasons, proof.Notices...) {
		out = append(out, r.Code+": "+strings.ReplaceAll(r.Detail, dir+"/", ""))
	}
	return strings.Join(out, "\n")
}

func TestEvidence(t *testing.T) {
	sum := fmt.Sprintf("%x  hr.csv\n", sha256.Sum256([]byte(oneRow)))
	for _, c := range []struct {
		name, text, done string
		change           func(*CSVConfig)
		want             string // "": complete
	}{
		{"nothing declared", oneRow, "", nil, "no-end: hr.csv says nothing about where it ends"},
		{"done", oneRow, "\n", nil, ""},
		{"done with words", oneRow, "finished at noon", nil, ""},
		{"done with its sum", oneRow, sum, nil, ""},
		{"done with another sum", oneRow, strings.Repeat("0", 64), nil, "no-end: hr.csv is not what its done-file has the SHA-256 of"},
		{"done with its count", oneRow, "1", nil, ""},
		{"done with another count", oneRow, "2", nil, "no-end: hr.csv has 1 record, its done-file says 2"},
		{"done before the file", oneRow, "\n", func(c *CSVConfig) { age(t, c.Done, 2*time.Hour) }, "no-end: hr.csv is newer than its done-file"},
		{"not done", oneRow, "\n", func(c *CSVConfig) { c.Done += "x" }, "no-end: hr.csv has no done-file yet"},
		{"two counts", "rows,1\n" + oneRow + "rows,2\n", "", func(c *CSVConfig) { c.Count = "rows" }, "no-end: hr.csv declares its number of records more than once"},
		{"both hold", oneRow + "EOF\n", "\n", func(c *CSVConfig) { c.End = "EOF" }, ""},
		{"one of both does not", oneRow, "\n", func(c *CSVConfig) { c.End = "EOF" }, "no-end: hr.csv does not end with its end mark"},
		{"fresh", oneRow, "\n", func(c *CSVConfig) { c.MaxAge = time.Hour }, ""},
		{"stale", oneRow, "\n", func(c *CSVConfig) { c.MaxAge = time.Hour - 1 }, "stale: hr.csv is from 2027-03-15T11:00:00Z, older"},
		{"from the future", oneRow, "", func(c *CSVConfig) { c.MaxAge, c.Count = time.Hour, "rows"; age(t, c.Path, -time.Hour) }, "is yet to come"},
		{"changed while it was read", oneRow, "\n", func(c *CSVConfig) {
			c.Now = func() time.Time { age(t, c.Path, 50*time.Minute); return noon() }
		}, "partial: hr.csv changed while it was read"},
		{"replaced while it was read", oneRow, "\n", func(c *CSVConfig) {
			c.Now = func() time.Time {
				if err := os.Remove(c.Path); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				return noon()
			}
		}, "partial: hr.csv changed while it was read"},
		{"a quote that is never closed", oneRow + `E2,"` + strings.Repeat("x", 2*maxRow), "\n", nil, "a row of more than 4194304 bytes"},
		{"a zone of the machine", strings.Replace(oneRow, ",,,,,\n", ",,,,,Local\n", 1), "\n", nil, `malformed: hr.csv:2: "Local" is no time zone`},
	} {
		got := readWith(t, c.text, c.done, c.change)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func age(t *testing.T, path string, d time.Duration) {
	t.Helper()
	if err := os.Chtimes(path, noon(), noon().Add(-d)); err != nil {
		t.Error(err)
	}
}

func TestCaps(t *testing.T) {
	if _, problem := (raw{values: make([]string, maxValues+1)}).canonical(false); !strings.Contains(problem, "1001 values") {
		t.Error(problem)
	}
	if _, problem := (raw{values: []string{strings.Repeat("x", maxValue+1)}}).canonical(true); !strings.Contains(problem, "65537 bytes") {
		t.Error(problem)
	}
	if v, problem := (raw{values: []string{strings.Repeat("x", maxValue)}}).canonical(true); len(v) != 1 || problem != "" {
		t.Error(problem)
	}
}

// Where everything is odd, the first hundred are named and the rest is counted.
func TestReasonsAreCapped(t *testing.T) {
	got := readWith(t, oneRow+strings.Repeat("E2\n", 250)+"rows,251\n", "", func(c *CSVConfig) { c.Count = "rows" })
	if n := strings.Count(got, "\n"); n != maxTold || !strings.Contains(got, "and 150 more like these") {
		t.Errorf("%d reasons:\n%s", n, got)
	}
}
