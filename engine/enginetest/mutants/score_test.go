package mutants

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	sampleFlag = flag.Int("sample", 0, "how many mutants to try, 0: none")
	onlyFlag   = flag.String("only", "", "try those whose name matches, sampled or not, and keep nothing")
	fileFlag   = flag.String("file", "testdata/score.json", "what became of the sample, so that it can be tried in pieces and shown in docs/safety.md")
	reachFlag  = flag.String("reach", "", "folder that keeps which test reaches which mutant, for the next time")
)

// equivalentFile says which mutants change nothing that anybody could see, and why: what survives was read by somebody.
const equivalentFile = "testdata/equivalent.json"

// seed decides which mutants are the sample.
const seed = "1"

// fate is what became of a mutant. Killer is the test that died, or "time-out", or "" where no test did.
// Lived is kept from when it was first tried: tests are written for what lives, so that only first tries say how the mutants
// fare that nobody has looked at.
type fate struct {
	Mutant, Hash, Killer string
	Lived                bool `json:",omitempty"`
}

// TestScore tries a sample of mutants. It is the same one for the same code, and almost the same one for almost the same
// code; what died before is tried again only where its function or its test has changed:
//
//	go test ./engine/enginetest/mutants -run TestScore -sample 600 -timeout 0 -v
func TestScore(t *testing.T) {
	texts, all := mutated(t)
	if len(all) < 3000 {
		t.Fatalf("only %d mutants: are the patterns right?", len(all))
	}
	chosen := sample(all, *sampleFlag)
	if *onlyFlag != "" {
		which := regexp.MustCompile(*onlyFlag)
		chosen = slices.DeleteFunc(all, func(m mutant) bool { return !which.MatchString(m.name) })
	}
	if len(chosen) == 0 {
		t.Logf("%d mutants; make mutants tries a sample of them", len(all))
		return
	}
	programs, before := compiled(t, texts), map[string]fate{}
	for _, f := range kept(t) {
		before[f.Mutant] = f
	}
	same := equivalents(t)
	fates := tryAll(t, programs, chosen, before, same)
	if *onlyFlag == "" {
		keep(t, fates)
	}
	s := scoreOf(fates, same)
	t.Logf("%s of %d in all", s, len(all))
}

// sample takes n of them, by the hash of the seed and their names.
func sample(all []mutant, n int) []mutant {
	by := func(m mutant) string {
		sum := sha256.Sum256([]byte(seed + " " + m.name))
		return string(sum[:])
	}
	sorted := slices.SortedFunc(slices.Values(all), func(a, b mutant) int { return cmp.Compare(by(a), by(b)) })
	return sorted[:min(n, len(sorted))]
}

// tryAll tries two at a time, and keeps what became of them after each.
func tryAll(t *testing.T, programs []program, chosen []mutant, before map[string]fate, same map[string]string) []fate {
	t.Helper()
	fates, next := make([]fate, len(chosen)), make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 2 {
		wg.Go(func() {
			for i := range next {
				m := chosen[i]
				f, old := fate{Mutant: m.name, Hash: m.hash}, before[m.name]
				if *onlyFlag == "" && old.Hash == m.hash && stillThere(programs, old.Killer) {
					f.Killer = old.Killer
				} else {
					f.Killer = try(t, programs, m.id)
				}
				f.Lived = old.Lived || old.Mutant == "" && f.Killer == ""
				mu.Lock()
				fates[i] = f
				if f.Killer == "" && same[f.Mutant] == "" {
					t.Log("lives: ", f.Mutant)
					fmt.Fprintln(os.Stderr, "lives: ", f.Mutant)
				} else if *onlyFlag != "" {
					t.Log(f.Killer, "kills", f.Mutant)
				}
				if *onlyFlag == "" && i%20 == 19 {
					keep(t, fates)
				}
				mu.Unlock()
			}
		})
	}
	for i := range chosen {
		next <- i
	}
	close(next)
	wg.Wait()
	return fates
}

func stillThere(programs []program, killer string) bool {
	return killer == tooLong || slices.ContainsFunc(programs, func(p program) bool {
		return slices.ContainsFunc(p.tests, func(r reached) bool { return p.folder+" "+r.Name == killer })
	})
}

const tooLong = "time-out"

// try runs the tests that reach a mutant until one dies: first the fast ones of a suite together, then each of the others.
func try(t *testing.T, programs []program, id int) string {
	t.Helper()
	const fast = 400 * time.Millisecond
	for _, p := range programs {
		var batches [][]reached
		for _, r := range p.tests {
			if _, ok := slices.BinarySearch(r.IDs, id); !ok {
				continue
			}
			if n := len(batches); n > 0 && r.Took < fast && len(batches[n-1]) < 40 {
				batches[n-1] = append(batches[n-1], r)
				continue
			}
			batches = append(batches, []reached{r})
		}
		for _, b := range batches {
			if killer := tryBatch(t, &p, b, id); killer != "" {
				return killer
			}
		}
	}
	return ""
}

var failed = regexp.MustCompile(`(?m)^--- FAIL: (\w+)`)

func tryBatch(t *testing.T, p *program, batch []reached, id int) string {
	t.Helper()
	names, took := make([]string, len(batch)), time.Duration(0)
	for i, r := range batch {
		names[i], took = r.Name, took+r.Took
	}
	out, err := p.start(t, id, 20*time.Second+8*took, "", "-test.run", "^("+strings.Join(names, "|")+")$")
	switch {
	case err == nil:
		return ""
	case errors.Is(err, errTooLong):
		return tooLong
	}
	if m := failed.FindStringSubmatch(out); m != nil {
		return p.folder + " " + m[1]
	}
	return p.folder + " " + names[0] // a panic in a goroutine, or the memory ran out
}

// equivalents gives the reasons by the mutants' names.
func equivalents(t *testing.T) (out map[string]string) {
	t.Helper()
	data, err := os.ReadFile(equivalentFile)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func kept(t *testing.T) (out []fate) {
	t.Helper()
	if data, err := os.ReadFile(*fileFlag); err == nil {
		if err := json.Unmarshal(data, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// keep writes what is known so far, a line each.
func keep(t *testing.T, fates []fate) {
	t.Helper()
	known := slices.DeleteFunc(slices.Clone(fates), func(f fate) bool { return f.Mutant == "" })
	slices.SortFunc(known, func(a, b fate) int { return cmp.Compare(a.Mutant, b.Mutant) })
	lines := make([]string, len(known))
	for i, f := range known {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(f); err != nil {
			t.Fatal(err)
		}
		lines[i] = strings.TrimSpace(b.String())
	}
	if err := os.WriteFile(*fileFlag, []byte("[\n"+strings.Join(lines, ",\n")+"\n]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// score counts fates.
type score struct{ tried, equivalent, killed, tooLong int }

func scoreOf(fates []fate, same map[string]string) (s score) {
	for _, f := range fates {
		switch {
		case f.Killer == tooLong:
			s.tooLong++
			s.killed++
		case f.Killer != "":
			s.killed++
		case same[f.Mutant] != "":
			s.equivalent++
		}
		s.tried++
	}
	return s
}

func (s score) String() string {
	return fmt.Sprintf("%d mutants, of which %d change nothing; %d of the others died (%.1f %%), %d of them by never ending", s.tried, s.equivalent, s.killed,
		100*float64(s.killed)/float64(s.tried-s.equivalent), s.tooLong)
}
