package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// The page shows a pruning as it is.
func TestThePruningOfTheDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "audit.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n```console\n")
	shown, _, ok := strings.Cut(rest, "```")
	dir := company(t)
	sealedIn(t, dir)
	now := time.Date(2024, 9, 2, 9, 0, 0, 0, time.UTC)
	var ticking sync.Mutex
	said := func(args ...string) string {
		var out bytes.Buffer
		p := testProcess(dir, &out, &out, args...)
		p.Now, p.Actor = func() time.Time {
			ticking.Lock()
			defer ticking.Unlock()
			now = now.Add(time.Millisecond)
			return now
		}, "dora"
		run(t.Context(), p)
		return out.String()
	}
	for now.Year() < 2027 {
		said("apply")
		now = now.AddDate(0, 1, 0)
	}
	now = now.AddDate(0, -1, 1) // the day after the last run
	var is strings.Builder
	for _, command := range []string{"audit prune --before 2025-01-01", `audit prune --before 2025-01-01 --reason "two years are over" --yes`, "audit verify", "audit asof 2024-10-01"} {
		args := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(command, -1)
		for i := range args {
			args[i] = strings.Trim(args[i], `"`)
		}
		answer := strings.ReplaceAll(said(args...), dir+string(filepath.Separator), "")
		is.WriteString("$ rolecall " + command + "\n" + regexp.MustCompile("(?m)^Root .*\n").ReplaceAllString(answer, ""))
	}
	if !ok || shown != is.String() {
		t.Errorf("the page shows\n%s\nand it is\n%s", shown, is.String())
	}
}
