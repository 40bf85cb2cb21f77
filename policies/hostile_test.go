package policies

import (
	"strings"
	"testing"
	"time"
)

// The parser's time grows with the square of the tokens on some input: what is too long is refused before it starts.
func TestTooManyTokens(t *testing.T) {
	start := time.Now()
	_, line, _, wrong := parseTree([]byte(strings.Repeat("a:\n", 300_000)))
	if wrong == nil || !strings.Contains(wrong.text, "too long") || line < 2 {
		t.Errorf("line %d: %v", line, wrong)
	}
	if took := time.Since(start); took > 30*time.Second { // unguarded it takes many minutes
		t.Errorf("it took %s", took)
	}
}
