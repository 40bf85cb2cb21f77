package policies

import (
	"fmt"
	"strings"
	"testing"
)

func show(n *node) string {
	var b strings.Builder
	switch n.kind {
	case scalar:
		return fmt.Sprintf("%s@%d", n.text, n.col)
	case list:
		for _, i := range n.items {
			b.WriteString(show(i) + " ")
		}
		return "[ " + b.String() + "]"
	case table:
		for _, e := range n.entries {
			b.WriteString(show(e.key) + "=" + show(e.value) + " ")
		}
		return "{ " + b.String() + "}"
	}
	return "empty"
}

func TestColonsWithoutSpaceBelongToTheText(t *testing.T) {
	for text, want := range map[string]string{
		"[group:engineer, b]\n": "[ group:engineer@2 b@18 ]",
		"{a: [group:engineer, x:y:z, c: d, title:é, t:two words, b:7]}\n": "{ a@2=[ group:engineer@6 x:y:z@22 { c@29=d@32 } title:é@35 t:two words@44 b:7@57 ] }",
		"{a: [{k: v}]}\n": "{ a@2=[ { k@7=v@10 } ] }",
		"{a: c:d}\n":      "{ a@2=c:d@5 }",
	} {
		root, line, _, wrong := parseTree([]byte(text))
		if wrong != nil {
			t.Fatalf("%s: %d %v", text, line, wrong)
		}
		if got := show(root); got != want {
			t.Errorf("%sgot  %s\nwant %s", text, got, want)
		}
	}
}
