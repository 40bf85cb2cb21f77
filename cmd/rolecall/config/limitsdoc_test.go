package config

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/rolecall/rolecall/engine"
)

// The table of sizes in docs/limits.md is made from the defaults, as the reference is.
func TestLimitsOfCompanies(t *testing.T) {
	const path, begin, end = "../../../docs/limits.md", "<!-- sizes -->\n\n", "\n<!-- end of sizes -->"
	page, err := os.ReadFile(path)
	before, rest, ok := bytes.Cut(page, []byte(begin))
	_, after, ok2 := bytes.Cut(rest, []byte(end))
	if err != nil || !ok || !ok2 {
		t.Fatalf("%s has no table of sizes: %v", path, err)
	}
	upToDate(t, path, []byte(string(before)+begin+sizes(&Defaults().Limits)+end+string(after)))
}

// sizes shows what the limits allow companies in which everybody has three holdings in each of five programs.
func sizes(l *Limits) string {
	const each, programs = 3, 5
	var b strings.Builder
	b.WriteString("| people | lose something, in each program and in all | holdings taken, per program | … in all | leavers | holdings given, per program | … in all |\n|---|---|---|---|---|---|---|\n")
	for _, n := range []int{5, 30, 60, 200, 100_000} {
		of := func(limit engine.Limit, count int) string {
			if share := float64(limit.Allowed(count)) / float64(count) * 100; share < 100 {
				return fmt.Sprintf("%d (%.2g %%)", limit.Allowed(count), share)
			}
			return fmt.Sprintf("%d (all)", limit.Allowed(count))
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s | %s |\n", n, of(l.Revoke.People, n), of(l.Revoke.Holdings, each*n), of(l.Revoke.Holdings, programs*each*n),
			of(l.Leavers, n), of(l.Grant, each*n), of(l.Grant, programs*each*n))
	}
	return b.String()
}
