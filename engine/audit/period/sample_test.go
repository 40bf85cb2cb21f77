package period

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"
)

func numbers(n int) Population {
	p := Population{Name: "leavers"}
	for i := range n {
		p.IDs = append(p.IDs, fmt.Sprint(i))
	}
	return p
}

func drawn(p Population, seed string, size int) (ids []string) {
	for _, d := range p.Draw(seed, size) {
		ids = append(ids, p.IDs[d.Index])
	}
	return ids
}

func TestDraw(t *testing.T) {
	p := numbers(100)
	got := drawn(p, "20270131", 10)
	if again := drawn(numbers(100), "20270131", 10); !slices.Equal(got, again) || len(got) != 10 {
		t.Errorf("%v, then %v", got, again)
	}
	if more := drawn(p, "20270131", 20); !slices.Equal(more[:10], got) {
		t.Errorf("a larger sample is another one: %v, %v", got, more)
	}
	if other := drawn(p, "20270132", 10); slices.Equal(other, got) {
		t.Error("the seed has no influence")
	}
	slices.Reverse(p.IDs)
	if turned := drawn(p, "20270131", 10); !slices.Equal(turned, got) {
		t.Errorf("the order has an influence: %v, %v", got, turned)
	}
	if all := drawn(p, "x", 1000); len(all) != 100 {
		t.Errorf("%d of 100", len(all))
	}
	p.Name = "movers"
	if other := drawn(p, "20270131", 10); slices.Equal(other, got) {
		t.Error("two populations are drawn alike")
	}
	// As documented, so that an auditor can do it with other tools.
	sum := sha256.Sum256([]byte("rolecall/sample/v1\nseed\nmovers\n7"))
	if d := (&Population{"movers", []string{"7"}}).Draw("seed", 1); d[0].Ticket != hex.EncodeToString(sum[:]) {
		t.Error(d)
	}
}

// TestDrawEven: over many seeds each member is drawn about equally often (chi-squared, 19 degrees of freedom, p = 0.001).
func TestDrawEven(t *testing.T) {
	p, counts := numbers(20), map[string]int{}
	const seeds, size = 4000, 5
	for s := range seeds {
		for _, id := range drawn(p, fmt.Sprint(s), size) {
			counts[id]++
		}
	}
	expected, chi := float64(seeds*size)/20, 0.0
	for _, id := range p.IDs {
		d := float64(counts[id]) - expected
		chi += d * d / expected
	}
	if chi > 43.8 {
		t.Errorf("chi-squared is %.1f: %v", chi, counts)
	}
}
