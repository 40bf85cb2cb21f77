package audit

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

const origin = "rolecall.example.com/journal"

// key is a key pair made from a fixed seed.
type key struct {
	Signer
	verifier string
}

func newKey(t testing.TB, seed byte, name string) key {
	t.Helper()
	skey, vkey, err := GenerateKey(bytes.NewReader(bytes.Repeat([]byte{seed}, 64)), name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	return key{s, vkey}
}

func keysOf(t testing.TB, k key) Keys {
	t.Helper()
	keys, err := NewKeys(k.verifier)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t testing.TB, c Checkpoint, signers ...Signer) []byte {
	t.Helper()
	signed, err := Sign(c, signers...)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func checkpointAt(n int64) Checkpoint {
	f, _ := Frontier{}.Append(leavesTo(n)...)
	return Checkpoint{Origin: origin, Head: f.Head(), Time: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)}
}

func TestCheckpointText(t *testing.T) {
	c := checkpointAt(0)
	c.Extra = []string{"witnessed by nobody"}
	got, err := c.Text()
	want := origin + "\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\ntime 2026-11-23T12:00:00Z\nwitnessed by nobody\n"
	if err != nil || got != want {
		t.Fatalf("%v\n%s", err, got)
	}
}

// The example of c2sp.org/tlog-checkpoint reads as it should.
func TestParseCheckpointOfTheStandard(t *testing.T) {
	text := "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
	c, err := ParseCheckpoint(text)
	if err != nil || c.Origin != "example.com/behind-the-sofa" || c.Size != 20852163 || !c.Time.IsZero() {
		t.Fatalf("%+v, %v", c, err)
	}
	if back, err := c.Text(); err != nil || back != text {
		t.Errorf("written back as %q, %v", back, err)
	}
}

func TestParseCheckpointRefuses(t *testing.T) {
	const root = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
	head := "a\n3\n" + root + "\n"
	for _, text := range []string{
		"", "\n", "a\n3\n", "a\n3\n" + root, "\n3\n" + root + "\n", head + "\n", head + "x\n\ny\n", head + "tab\there\n", head + "cr\r\n", head + "\xff\n",
		"a\n03\n" + root + "\n", "a\n-3\n" + root + "\n", "a\n0\n" + root + "\n", "a\n72057594037927937\n" + root + "\n",
		"a\n3\n" + root[:40] + "\n", "a\n3\n" + strings.TrimSuffix(root, "I=") + "J=\n", "a\n3\n" + root + "=\n",
		head + "time yesterday\n", head + "time 2026-11-23T12:00:00+01:00\n", head + "time 2026-11-23T12:00:00.5Z\n", head + "time 0001-01-01T00:00:00Z\n",
		head + "x\ntime 2026-11-23T12:00:00Z\n", head + "time 2026-11-23T12:00:00Z\ntime 2026-11-23T12:00:01Z\n", head + "next-key nonsense\n",
	} {
		if c, err := ParseCheckpoint(text); err == nil {
			t.Errorf("%q is read as %+v", text, c)
		}
	}
	next := "next-key " + newKey(t, 1, origin).verifier + "\n"
	if _, err := ParseCheckpoint(head + next); err != nil {
		t.Error(err)
	}
	for _, lines := range []string{next + next, "x\n" + next, next + "time 2026-11-23T12:00:00Z\n"} {
		if _, err := ParseCheckpoint(head + lines); err == nil {
			t.Errorf("%q is accepted", lines)
		}
	}
}

func TestTextRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*Checkpoint){
		"lines in origin": func(c *Checkpoint) { c.Origin += "\n7" },
		"no origin":       func(c *Checkpoint) { c.Origin = "" },
		"empty line":      func(c *Checkpoint) { c.Extra = []string{""} },
		"hidden time":     func(c *Checkpoint) { c.Extra = []string{"time 2026-11-23T12:00:00Z"} },
		"negative size":   func(c *Checkpoint) { c.Size = -1 },
		"wrong key":       func(c *Checkpoint) { c.NextKey = "nonsense" },
	} {
		c := checkpointAt(5)
		spoil(&c)
		if text, err := c.Text(); err == nil {
			t.Errorf("%s: written as %q", name, text)
		}
	}
}

func TestSignAndOpen(t *testing.T) {
	k, other := newKey(t, 1, origin), newKey(t, 2, origin)
	c := checkpointAt(5)
	signed := sign(t, c, k)
	got, err := keysOf(t, k).Open(signed)
	if err != nil || got.Head != c.Head || !got.Time.Equal(c.Time) || got.Origin != origin {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := keysOf(t, other).Open(signed); err == nil {
		t.Error("opened with another key")
	}
	if _, err := (Keys{}).Open(signed); err == nil {
		t.Error("opened without a key")
	}
	// A witness's line is skipped, and is not enough alone.
	witness := newKey(t, 3, "witness.example.com")
	text, _ := c.Text()
	both, _ := note.Sign(&note.Note{Text: text}, k, witness)
	alone, _ := note.Sign(&note.Note{Text: text}, witness)
	if _, err := keysOf(t, k).Open(both); err != nil {
		t.Errorf("with a witness: %v", err)
	}
	if _, err := keysOf(t, k).Open(alone); err == nil {
		t.Error("a witness alone was accepted")
	}
	c.Origin = "elsewhere"
	text, _ = c.Text()
	foreign, _ := note.Sign(&note.Note{Text: text}, k)
	if _, err := keysOf(t, k).Open(foreign); err == nil {
		t.Error("a checkpoint of another log was accepted")
	}
}

// No single-bit change of a signed checkpoint gives another statement.
func TestEveryBitOfACheckpointCounts(t *testing.T) {
	k := newKey(t, 1, origin)
	signed := sign(t, checkpointAt(5), k)
	keys := keysOf(t, k)
	want, _ := keys.Open(signed)
	for bit := range 8 * len(signed) {
		bad := bytes.Clone(signed)
		bad[bit/8] ^= 1 << (bit % 8)
		if c, err := keys.Open(bad); err == nil && (c.Head != want.Head || c.Origin != want.Origin || !c.Time.Equal(want.Time)) {
			t.Fatalf("bit %d: opened as %+v", bit, c)
		} else if err == nil && bit/8 < bytes.Index(signed, []byte("\n\n")) {
			t.Fatalf("bit %d of the text does not count", bit)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	k, next := newKey(t, 1, origin), newKey(t, 2, origin)
	c := checkpointAt(5)
	handover := c
	handover.NextKey = next.verifier
	lines := c
	lines.Origin = origin + "\n7"
	for name, try := range map[string]func() ([]byte, error){
		"nobody":          func() ([]byte, error) { return Sign(c) },
		"another name":    func() ([]byte, error) { return Sign(c, newKey(t, 1, "elsewhere")) },
		"old key alone":   func() ([]byte, error) { return Sign(handover, k) },
		"new key alone":   func() ([]byte, error) { return Sign(handover, next) },
		"new key twice":   func() ([]byte, error) { return Sign(handover, next, next) },
		"third key":       func() ([]byte, error) { return Sign(handover, k, newKey(t, 3, origin)) },
		"lines in origin": func() ([]byte, error) { return Sign(lines, k) },
	} {
		if _, err := try(); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	first, second, third := newKey(t, 1, origin), newKey(t, 2, origin), newKey(t, 3, origin)
	handover := func(n int64, from, to key) []byte {
		c := checkpointAt(n)
		c.NextKey = to.verifier
		return sign(t, c, from, to)
	}
	keys := keysOf(t, first)
	if _, err := keys.Open(sign(t, checkpointAt(20), second)); err == nil {
		t.Fatal("the next key counts before it is introduced")
	}
	rotated, err := keys.Rotate(handover(10, first, second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(sign(t, checkpointAt(11), first)); err != nil {
		t.Errorf("Rotate changed the keys it started from: %v", err)
	}
	for name, c := range map[string]struct {
		signer key
		size   int64
		good   bool
	}{
		"old before": {first, 9, true}, "old at": {first, 10, true}, "old after": {first, 11, false},
		"new before": {second, 9, false}, "new at": {second, 10, true}, "new after": {second, 11, true},
		"unknown": {third, 11, false},
	} {
		if _, err := rotated.Open(sign(t, checkpointAt(c.size), c.signer)); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	again, err := rotated.Rotate(handover(30, second, third))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again.Open(sign(t, checkpointAt(40), third)); err != nil {
		t.Error(err)
	}
	c := checkpointAt(5)
	c.NextKey = third.verifier
	early := sign(t, c, first, second, third)
	for name, signed := range map[string][]byte{
		"by the replaced key":   handover(20, first, third),
		"before the last one":   handover(5, second, third),
		"back to the first key": handover(30, second, first),
		"replaced, same size":   handover(10, first, third),
		"signed by all, early":  early,
		"no next key":           sign(t, checkpointAt(20), second),
		"nonsense":              []byte("nonsense"),
	} {
		if _, err := rotated.Rotate(signed); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	// One signature of two, made without Sign.
	c = checkpointAt(20)
	c.NextKey = third.verifier
	text, _ := c.Text()
	half, _ := note.Sign(&note.Note{Text: text}, second)
	if _, err := rotated.Rotate(half); err == nil {
		t.Error("a new key that did not sign was accepted")
	}
	c.NextKey = newKey(t, 4, "elsewhere").verifier
	text, _ = c.Text()
	foreign, _ := note.Sign(&note.Note{Text: text}, second, newKey(t, 4, "elsewhere"))
	if _, err := rotated.Rotate(foreign); err == nil {
		t.Error("a key of another log was accepted")
	}
}

// A key that was lost is followed by one that is known from elsewhere: at the size of the last change at least, of the same
// log, and never one that was there before.
func TestSucceed(t *testing.T) {
	first, second, third := newKey(t, 1, origin), newKey(t, 2, origin), newKey(t, 3, origin)
	keys, err := keysOf(t, first).Succeed(10, second.verifier)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		signer key
		size   int64
		good   bool
	}{
		"old before": {first, 9, true}, "old after": {first, 11, false}, "new before": {second, 9, false}, "new at": {second, 10, true}, "new after": {second, 11, true},
	} {
		if _, err := keys.Open(sign(t, checkpointAt(c.size), c.signer)); (err == nil) != c.good {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		keys     Keys
		size     int64
		verifier string
	}{
		"before the last change": {keys, 9, third.verifier}, "the first again": {keys, 20, first.verifier}, "the same": {keys, 20, second.verifier},
		"another log": {keys, 20, newKey(t, 4, "elsewhere").verifier}, "no key": {Keys{}, 20, third.verifier}, "nonsense": {keys, 20, "nonsense"},
	} {
		if _, err := c.keys.Succeed(c.size, c.verifier); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := keys.Succeed(10, third.verifier); err != nil {
		t.Errorf("two changes at one size: %v", err)
	}
}

func TestKeyErrorsKeepTheSecret(t *testing.T) {
	skey, _, err := GenerateKey(bytes.NewReader(make([]byte, 64)), origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSigner(skey[:len(skey)-2]); err == nil || strings.Contains(err.Error(), skey[len(skey)-20:len(skey)-4]) {
		t.Errorf("got %v", err)
	}
	if _, _, err := GenerateKey(bytes.NewReader(make([]byte, 64)), "two words"); err == nil {
		t.Error("a name with a space was accepted")
	}
	if _, _, err := GenerateKey(bytes.NewReader(nil), origin); err == nil {
		t.Error("a key was made without randomness")
	}
	if _, err := NewKeys("nonsense"); err == nil {
		t.Error("nonsense was accepted as a verifier key")
	}
}

func TestCheckpointTextRoundTrips(t *testing.T) {
	line := rapid.StringMatching(`[a-zäö.]{1,12}`)
	rapid.Check(t, func(t *rapid.T) {
		c := checkpointAt(rapid.Int64Range(0, 40).Draw(t, "size"))
		c.Origin = line.Draw(t, "origin")
		c.Time = time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0)
		c.Extra = rapid.SliceOfN(line, 0, 3).Draw(t, "extra")
		text, err := c.Text()
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseCheckpoint(text)
		if err != nil || back.Origin != c.Origin || back.Head != c.Head || !back.Time.Equal(c.Time) || strings.Join(back.Extra, "\n") != strings.Join(c.Extra, "\n") {
			t.Fatalf("%q reads as %+v, %v", text, back, err)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	k := newKey(f, 1, origin)
	for _, n := range []int64{0, 1, 300} {
		c := checkpointAt(n)
		c.NextKey, c.Extra = k.verifier, []string{"more"}
		text, err := c.Text()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add("a\n1\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCheckpoint(text)
		if err != nil {
			return
		}
		if back, err := c.Text(); err != nil || back != text {
			t.Fatalf("%q is read as %q, %v", text, back, err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	k := newKey(f, 1, origin)
	keys := keysOf(f, k)
	good := checkpointAt(5)
	f.Add(sign(f, good, k))
	f.Add([]byte("a\n\n— a b\n"))
	f.Fuzz(func(t *testing.T, signed []byte) {
		if c, err := keys.Open(signed); err == nil && c.Head != good.Head {
			t.Fatalf("a forged checkpoint opens: %q", signed)
		}
	})
}

func TestPair(t *testing.T) {
	first, second := newKey(t, 1, origin), newKey(t, 2, origin)
	for verifier, want := range map[string]bool{"": true, first.verifier: true, second.verifier: false, "nonsense": false} {
		if Pair(first.Signer, verifier) != want {
			t.Errorf("%q: %v", verifier, !want)
		}
	}
}

func TestNoKeysBelongToNoLog(t *testing.T) {
	if name := (Keys{}).Origin(); name != "" {
		t.Error(name)
	}
}
