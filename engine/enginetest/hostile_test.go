package enginetest

import "testing"

func TestHostile(t *testing.T) {
	kinds, texts := map[string]int{}, map[string]bool{}
	for _, h := range Hostile() {
		kinds[h.Kind]++
		texts[h.Text] = true
	}
	if len(texts) != HostileCount {
		t.Errorf("%d different texts", len(texts))
	}
	t.Logf("%d texts: %v", len(texts), kinds)
}
