package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine/conformance"
)

var scoresFlag = flag.Bool("scores", false, "write the row of the Baton adapter in docs/connectors.md anew")

// scorePage has the scores of all connectors; those of the others are written by a test of theirs, which leaves this row alone.
const (
	scorePage = "../../docs/connectors.md"
	scoreName = "| `plugin`, Baton adapter |"
)

// score compares the row of the page with what the suite said, or writes it.
//
//	cd connectors/baton && go test -run TestConformance -scores
func score(t *testing.T, passed, failed int, skipped []string) {
	t.Helper()
	web := 0
	for _, c := range conformance.Checks() {
		if c.Skip != nil && strings.Contains(c.Skip(&conformance.Subject{}), "HTTP") {
			skipped = slices.DeleteFunc(skipped, func(name string) bool { return name == c.Name })
			web++
		}
	}
	skipped = append(skipped, fmt.Sprintf("the %d about HTTP", web))
	row := fmt.Sprintf("%s a small connector on baton-sdk, over gRPC | %d of %d | %d | %s |\n", scoreName, passed, len(conformance.Checks()), failed, strings.Join(skipped, "; "))
	page, err := os.ReadFile(scorePage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(page), scoreName)
	_, after, ends := strings.Cut(rest, "\n")
	switch {
	case !found || !ends:
		t.Fatalf("the page has no row of it; put one into the scores of %s:\n%s", scorePage, row)
	case *scoresFlag:
		if err := os.WriteFile(scorePage, []byte(before+row+after), 0o644); err != nil {
			t.Fatal(err)
		}
	case string(page) != before+row+after:
		t.Errorf("the page says otherwise than this; cd connectors/baton && go test -run TestConformance -scores\n%s", row)
	}
}
