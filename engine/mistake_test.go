package engine

import (
	"errors"
	"testing"
)

func TestSuggest(t *testing.T) {
	known := []string{"wiki", "engineer", "sre", "gitea/eng", "url"}
	for name, want := range map[string]string{"enginer": "engineer", "Engineer": "engineer", "gitea/enq": "gitea/eng", "zzz": "", "sr": "sre", "x": "", "ulr": "url", "erp": ""} {
		if want != "" {
			want = `did you mean "` + want + `"?`
		}
		if got := Suggest(name, known); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestMistakesAreSortedByPlace(t *testing.T) {
	all := Mistakes{{Place{"b", 1, 1}, "three", ""}, {Place{"a", 10, 2}, "two", "do it"}, {Place{"a", 2, 9}, "one", ""}, {Place{File: "a"}, "none", ""}}
	want := "a: none\na:2:9: one\na:10:2: two (do it)\nb:1:1: three"
	if err := all.Err(); err == nil || err.Error() != want || !errors.As(err, new(Mistakes)) {
		t.Errorf("%v, want\n%s", err, want)
	}
	if Mistakes(nil).Err() != nil {
		t.Error("nothing wrong is an error")
	}
}
