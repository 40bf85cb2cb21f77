package engine

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"testing"
)

// TestCompactValue: what is said to be compact JSON is what json.Compact leaves as it is, and what is usually written is.
func TestCompactValue(t *testing.T) {
	usual := mustJSON(map[string]any{"a": []any{"x<\n", "ü", 10, 0, true, nil, false, map[string]any{}, []any{}}, "b": map[string]string{"c": "\"", "d": "\\"}})
	if !isCompact(usual) {
		t.Errorf("%s is written anew", usual)
	}
	if deep := bytes.Repeat([]byte("["), 20_000); isCompact(append(deep, bytes.Repeat([]byte("]"), 20_000)...)) {
		t.Error("json does not go so deep")
	}
	r := rand.New(rand.NewPCG(3, 4))
	pieces := []string{`{`, `}`, `[`, `]`, `,`, `:`, `"`, `"a"`, `"b":`, `\`, `\n`, `\u00e9`, `\u00g0`, `\x`, ` `, "\n", `1`, `0`, `01`, `-1`, `1.5`, `1e3`, `true`, `nul`, `null`, "\x01", "é"}
	for range 200_000 {
		text := bytes.Clone(usual)
		if r.IntN(3) > 0 {
			text = nil
		}
		for range 1 + r.IntN(7) {
			at, piece := r.IntN(len(text)+1), []byte(pieces[r.IntN(len(pieces))])
			text = append(text[:at:at], append(piece, text[min(len(text), at+r.IntN(2)):]...)...)
		}
		var out bytes.Buffer
		if err := json.Compact(&out, text); isCompact(text) && (err != nil || !bytes.Equal(out.Bytes(), text)) {
			t.Fatalf("%q is taken for compact, and is %q (%v)", text, out.Bytes(), err)
		}
	}
}
