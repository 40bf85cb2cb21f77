package mutants

import (
	"fmt"
	"strings"
	"testing"
)

// What is compiled in says the same as the source when no mutant is chosen, and the list names each change once.
func TestMutate(t *testing.T) {
	const source = `package p

const most = 1 + 2

func (b *box[T]) f(a, c int, s string) bool {
	if a < c && !g() {
		g()
		a = a + 1
		if a > 1 {
			Failpoint("here")
		}
		return true
	}
	return s+"b" == "" || s+"b" == ""
}
`
	text, all, err := mutate("p.go", []byte(source), 7)
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, m := range all {
		fmt.Fprintln(&got, m.id, m.name)
	}
	want := "7 p.go box.f: `a < c && !g()`: never holds\n" +
		"8 p.go box.f: `a < c && !g()`: && becomes ||\n" +
		"9 p.go box.f: `a < c`: < becomes <=\n" +
		"10 p.go box.f: `!g()`: without the !\n" +
		"11 p.go box.f: `g()`: is left out\n" +
		"12 p.go box.f: `a = a + 1`: is left out\n" +
		"13 p.go box.f: `a + 1`: + becomes -\n" +
		"14 p.go box.f: `true`: becomes false\n" +
		"15 p.go box.f: `s+\"b\" == \"\" || s+\"b\" == \"\"`: || becomes &&\n" +
		"16 p.go box.f: `s+\"b\" == \"\"`: == becomes !=\n" +
		"17 p.go box.f: `s+\"b\" == \"\"`: == becomes != (2)\n"
	if got.String() != want {
		t.Errorf("%s\nwant\n%s", got.String(), want)
	}
	const inside = `	if !mutated(7) && (((((mutatedLess(9, a , c)) != mutated(8)) && (((!g() != mutated(10))) != mutated(8))) != mutated(8))) {
		if !mutated(11) { g() }
		if !mutated(12) { a = mutatedSum(13, a , 1) }
		if a > 1 {
			Failpoint("here")
		}
		return (true != mutated(14))
`
	if !strings.Contains(text, inside) || !strings.Contains(text, "const most = 1 + 2\n") {
		t.Errorf("%s\nwant in it\n%s", text, inside)
	}
}

// The hash changes with the function and with nothing else.
func TestHashIsOfTheFunction(t *testing.T) {
	hashes := func(source string) (out []string) {
		_, all, err := mutate("p.go", []byte("package p\n\n"+source), 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			out = append(out, m.hash)
		}
		return out
	}
	a := hashes("func f() { g() }\nfunc h() { g() }")
	b := hashes("// a comment\nvar x int\nfunc f() { g() }\nfunc h() { g(); i() }")
	if len(a) != 2 || len(b) != 3 || a[0] != b[0] || a[1] == b[1] {
		t.Errorf("%q, %q", a, b)
	}
}

// The sample of one seed hardly changes with the code.
func TestSampleIsStable(t *testing.T) {
	var all []mutant
	for i := range 100 {
		all = append(all, mutant{id: i, name: fmt.Sprint("m", i)})
	}
	before := map[string]bool{}
	for _, m := range sample(all, 20) {
		before[m.name] = true
	}
	same := 0
	for _, m := range sample(append(all[10:], mutant{name: "new"}), 20) {
		if before[m.name] {
			same++
		}
	}
	if len(before) != 20 || same < 15 {
		t.Errorf("%d of %d are the same", same, len(before))
	}
}
