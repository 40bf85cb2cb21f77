package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"
)

// leafN is a made-up leaf hash.
func leafN(i int64) Hash {
	return tlog.RecordHash(binary.BigEndian.AppendUint64(nil, uint64(i)))
}

func leavesTo(n int64) []Hash {
	leaves := make([]Hash, n)
	for i := range leaves {
		leaves[i] = leafN(int64(i))
	}
	return leaves
}

// memory is a store in memory: leaf hashes and nodes by level and index.
type memory struct {
	hashes map[Node]Hash // keyed by a Node without its hash
	reads  int
}

func (m *memory) add(level int, index int64, h Hash) {
	if m.hashes == nil {
		m.hashes = map[Node]Hash{}
	}
	m.hashes[Node{Level: level, Index: index}] = h
}

func (m *memory) grow(f Frontier, leaves ...Hash) Frontier {
	for i, h := range leaves {
		m.add(0, f.Size()+int64(i), h)
	}
	f, nodes := f.Append(leaves...)
	for _, n := range nodes {
		m.add(n.Level, n.Index, n.Hash)
	}
	return f
}

func (m *memory) Run(level int, from, n int64) ([]Hash, error) {
	m.reads++
	var run []Hash
	for i := from; i < from+n; i++ {
		h, ok := m.hashes[Node{Level: level, Index: i}]
		if !ok {
			return nil, fmt.Errorf("no hash at level %d, index %d", level, i)
		}
		run = append(run, h)
	}
	return run, nil
}

// storedHashes is the reference: what tlog itself would have stored.
func storedHashes(t testing.TB, leaves []Hash) []Hash {
	var stored []Hash
	r := tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		var out []Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
	for i, h := range leaves {
		hashes, err := tlog.StoredHashesForRecordHash(int64(i), h, r)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hashes...)
	}
	return stored
}

func reader(stored []Hash) tlog.HashReader {
	return tlog.HashReaderFunc(func(indexes []int64) ([]Hash, error) {
		var out []Hash
		for _, i := range indexes {
			out = append(out, stored[i])
		}
		return out, nil
	})
}

func TestFrontierAgreesWithTlog(t *testing.T) {
	leaves := leavesTo(1100)
	stored := storedHashes(t, leaves)
	var f Frontier
	for n := int64(0); n <= int64(len(leaves)); n++ {
		want, err := tlog.TreeHash(n, reader(stored))
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Head(); got != (Head{n, want}) {
			t.Fatalf("size %d: head %v, want %v", n, got, want)
		}
		if n < int64(len(leaves)) {
			var hashes []Hash
			at := tlog.StoredHashCount(n)
			f, hashes = f.AppendStored(leaves[n])
			for i, h := range hashes {
				if stored[at+int64(i)] != h {
					t.Fatalf("size %d: stored hash %d differs from tlog's", n, i)
				}
			}
		}
	}
	if _, all := (Frontier{}).AppendStored(leaves...); !equal(all, stored) {
		t.Fatal("bulk append stores other hashes than tlog")
	}
}

func equal(a, b []Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// Grow the tree one leaf at a time; at each size check the proofs of every
// record and of every earlier size.
func TestGrowAndCheckAllEarlierProofs(t *testing.T) {
	const size = 140
	var f Frontier
	m := &memory{}
	heads := []Head{f.Head()}
	for n := int64(1); n <= size; n++ {
		f = m.grow(f, leafN(n-1))
		heads = append(heads, f.Head())
		r := NewReader(n, m)
		for i := int64(0); i <= n; i++ {
			checkProofsAt(t, r, heads, n, i)
		}
	}
}

func checkProofsAt(t *testing.T, r *Reader, heads []Head, n, i int64) {
	t.Helper()
	p, err := ProveConsistency(n, i, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckConsistency(p, heads[n], heads[i]); err != nil {
		t.Fatalf("%d to %d: %v", i, n, err)
	}
	wrong := heads[i]
	wrong.Root[7] ^= 1
	if CheckConsistency(p, heads[n], wrong) == nil {
		t.Fatalf("%d to %d: a wrong older root passed", i, n)
	}
	if i == 0 {
		return
	}
	if p, err = ProveInclusion(n, i, r); err != nil {
		t.Fatal(err)
	}
	if err := CheckInclusion(p, heads[n], i, leafN(i-1)); err != nil {
		t.Fatalf("record %d of %d: %v", i, n, err)
	}
	if CheckInclusion(p, heads[n], i, leafN(i)) == nil {
		t.Fatalf("record %d of %d: another leaf passed", i, n)
	}
}

// Over 65,536 records, so that nodes of level 16 are used too.
func TestProofsFromNodes(t *testing.T) {
	const size = 70_000
	m := &memory{}
	f := m.grow(Frontier{}, leavesTo(size)...)
	if got := len(m.hashes) - size; got != size>>8+size>>16 {
		t.Fatalf("%d nodes stored", got)
	}
	r := NewReader(size, m)
	for _, seq := range []int64{1, 255, 256, 257, 65_536, 65_537, 69_888, 69_999, 70_000} {
		m.reads = 0
		p, err := ProveInclusion(size, seq, r)
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckInclusion(p, f.Head(), seq, leafN(seq-1)); err != nil {
			t.Error(err)
		}
		if m.reads > 4 {
			t.Errorf("record %d: %d reads for one proof", seq, m.reads)
		}
		old, err := FrontierAt(seq, m)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := ProveConsistency(size, seq, r); err != nil || CheckConsistency(c, f.Head(), old.Head()) != nil {
			t.Errorf("size %d is not shown to be a prefix: %v", seq, err)
		}
	}
}

func TestReaderForgets(t *testing.T) {
	const size = 40_000
	m := &memory{}
	m.grow(Frontier{}, leavesTo(size)...)
	r := NewReader(size, m)
	for seq := int64(1); seq <= size; seq += 1 << NodeStep {
		if _, err := ProveInclusion(size, seq, r); err != nil || len(r.blocks) > maxBlocks {
			t.Fatalf("record %d: %d blocks kept, %v", seq, len(r.blocks), err)
		}
	}
	if m.reads > size>>NodeStep+10 {
		t.Errorf("%d reads for all records in order", m.reads)
	}
}

func TestReaderNeedsEveryHash(t *testing.T) {
	m := &memory{}
	m.grow(Frontier{}, leavesTo(600)...)
	delete(m.hashes, Node{Level: 8, Index: 1})
	if _, err := ProveInclusion(600, 3, NewReader(600, m)); err == nil {
		t.Error("a missing node was not noticed")
	}
	short := RunsFunc(func(level int, from, n int64) ([]Hash, error) { return make([]Hash, n-1), nil })
	if _, err := ProveInclusion(600, 3, NewReader(600, short)); err == nil || !strings.Contains(err.Error(), "got 255 hashes instead of 256") {
		t.Errorf("a short answer of the store was not noticed: %v", err)
	}
	long := RunsFunc(func(level int, from, n int64) ([]Hash, error) { return make([]Hash, n+1), nil })
	if _, err := ProveInclusion(600, 3, NewReader(600, long)); err == nil {
		t.Error("a long answer of the store was not noticed")
	}
	never := RunsFunc(func(level int, from, n int64) ([]Hash, error) {
		t.Errorf("the store was asked for %d hashes of level %d from %d on", n, level, from)
		return nil, nil
	})
	if _, err := NewReader(300, never).ReadHashes([]int64{tlog.StoredHashIndex(0, 700)}); err == nil {
		t.Error("a hash far outside the size was read")
	}
	for _, size := range []int64{-1, MaxSize + 1} {
		if _, err := FrontierAt(size, never); err == nil {
			t.Errorf("a frontier of size %d was made", size)
		}
	}
	if _, err := NewReader(300, m).ReadHashes([]int64{tlog.StoredHashIndex(8, 1)}); err == nil {
		t.Error("a hash outside the size was read")
	}
	down := errors.New("database is down")
	broken := RunsFunc(func(int, int64, int64) ([]Hash, error) { return nil, down })
	if _, err := FrontierAt(5, broken); !errors.Is(err, down) {
		t.Errorf("the store's error is lost: %v", err)
	}
}

func TestProofBounds(t *testing.T) {
	m := &memory{}
	f := m.grow(Frontier{}, leavesTo(10)...)
	r := NewReader(10, m)
	for _, seq := range []int64{-1, 0, 11} {
		if _, err := ProveInclusion(10, seq, r); err == nil {
			t.Errorf("record %d of 10 was proved", seq)
		}
		if CheckInclusion(nil, f.Head(), seq, Hash{}) == nil {
			t.Errorf("record %d of 10 was accepted", seq)
		}
	}
	// tlog does not end, or panics, on sizes near 2^63.
	for _, size := range []int64{MaxSize + 1, 1<<63 - 1} {
		_, err1 := ProveInclusion(size, 1, r)
		_, err2 := ProveConsistency(size, 1, r)
		err3 := CheckInclusion(make([]Hash, 64), Head{Size: size}, 1, Hash{})
		err4 := CheckConsistency(make([]Hash, 64), Head{Size: size}, f.Head())
		for i, err := range []error{err1, err2, err3, err4} {
			if err == nil || !strings.Contains(err.Error(), "out of range") {
				t.Errorf("size %d, call %d: %v", size, i, err)
			}
		}
	}
	if _, err := ProveConsistency(9, -1, r); err == nil || !strings.Contains(err.Error(), "cannot contain") {
		t.Errorf("a negative size: %v", err)
	}
	if CheckConsistency([]Hash{{}}, f.Head(), Frontier{}.Head()) == nil {
		t.Error("a proof longer than needed was accepted")
	}
	if _, err := ProveConsistency(9, 10, r); err == nil {
		t.Error("a shrunken log was proved")
	}
	if err := CheckConsistency(nil, Head{Size: 9}, f.Head()); err == nil || !strings.Contains(err.Error(), "went back from 10 to 9") {
		t.Errorf("a shrunken log was accepted: %v", err)
	}
	if CheckConsistency(nil, Head{Size: 0, Root: Hash{1}}, Frontier{}.Head()) == nil {
		t.Error("an empty log with a wrong root was accepted")
	}
	if CheckConsistency(nil, f.Head(), Head{Size: -1}) == nil {
		t.Error("a negative size was accepted")
	}
}

// A frontier must not share memory with the one that it grew from.
func TestAppendLeavesTheOldFrontierAlone(t *testing.T) {
	f, _ := Frontier{}.Append(leavesTo(7)...)
	before := f.String()
	a, _ := f.Append(leafN(100))
	b, _ := f.Append(leafN(200))
	again, _ := f.Append(leafN(100))
	if f.String() != before || a.Head() == b.Head() || a.String() != again.String() {
		t.Fatal("Append changed the frontier it started from")
	}
}

func TestTreeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.Int64Range(0, 700), 1, 6).Draw(t, "batches")
		m := &memory{}
		var f Frontier
		var heads []Head
		for _, n := range sizes {
			f = m.grow(f, leavesTo(f.Size() + n)[f.Size():]...)
			heads = append(heads, f.Head())
			back, err := ParseFrontier(f.String())
			if err != nil || back.Head() != f.Head() {
				t.Fatalf("the text form of size %d is not the frontier: %v", f.Size(), err)
			}
		}
		once, _ := Frontier{}.Append(leavesTo(f.Size())...)
		rebuilt, err := FrontierAt(f.Size(), m)
		if err != nil || once.String() != f.String() || rebuilt.String() != f.String() {
			t.Fatalf("batches %v give another tree: %v", sizes, err)
		}
		r := NewReader(f.Size(), m)
		for _, old := range heads {
			p, err := ProveConsistency(f.Size(), old.Size, r)
			if err != nil || CheckConsistency(p, f.Head(), old) != nil {
				t.Fatalf("size %d is no prefix of %d: %v", old.Size, f.Size(), err)
			}
		}
		leaves := LeafRuns(func(i int64) (Hash, error) { return leafN(i), nil })
		if bare, err := FrontierAt(f.Size(), leaves); err != nil || bare.String() != f.String() {
			t.Fatalf("leaf hashes alone give another tree: %v", err)
		}
	})
}

func TestParseFrontierRefuses(t *testing.T) {
	f, _ := Frontier{}.Append(leavesTo(5)...)
	good := f.String()
	for _, s := range []string{
		"", " ", "x", "-1", "05" + good[1:], "+5" + good[1:], good + " ", good + "\n", good[:len(good)-4], "7" + good[1:], "5", "0 ", "0 AA==",
		"72057594037927937 " + good[2:], "9223372036854775808", strings.Replace(good, " ", "  ", 1),
	} {
		if _, err := ParseFrontier(s); err == nil {
			t.Errorf("accepted %q", s)
		}
	}
}

func FuzzParseFrontier(f *testing.F) {
	for _, n := range []int64{0, 1, 5, 255, 256} {
		g, _ := Frontier{}.Append(leavesTo(n)...)
		f.Add(g.String())
	}
	f.Add("5 AAAA")
	f.Fuzz(func(t *testing.T, s string) {
		g, err := ParseFrontier(s)
		if err != nil {
			return
		}
		if g.String() != s {
			t.Fatalf("%q is read as %q", s, g)
		}
		g.Head()
		if h, _ := g.Append(leafN(1)); h.Size() != g.Size()+1 {
			t.Fatal("append after parse")
		}
	})
}

func TestLeaf(t *testing.T) {
	salt := [SaltSize]byte{1, 2, 3}
	public, personal := []byte(`{"seq":1}`), []byte("Ada")
	leaf := Leaf(public, salt, personal)
	if leaf != LeafBlanked(public, Commitment(salt, personal)) {
		t.Error("a blanked record gets another leaf")
	}
	commitment := Commitment(salt, personal)
	data := append([]byte("rolecall/leaf/v1\n\x00\x00\x00\x00\x00\x00\x00\x09"), public...)
	if want := tlog.RecordHash(append(data, commitment[:]...)); leaf != want {
		t.Errorf("leaf is %v, and by its definition %v", leaf, want)
	}
	// A fixed vector, computed by another program: a change of the encoding would orphan every stored log.
	if got, want := leaf.String(), "xCMoENUR1AbwJccaRQYYPgvCPoh53i6EJvGpQkoRTGE="; got != want {
		t.Errorf("leaf is %s, was %s", got, want)
	}
}

// Moving bytes between the parts must change the leaf.
func TestLeafIsUnambiguous(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Byte(), 1, 700).Draw(t, "bytes")
		i := rapid.IntRange(0, len(all)).Draw(t, "i")
		j := rapid.IntRange(0, len(all)).Draw(t, "j")
		var salt [SaltSize]byte
		same := Leaf(all[:i], salt, all[i:]) == Leaf(all[:j], salt, all[j:])
		if same != (i == j) {
			t.Fatalf("cut at %d and at %d of the same bytes", i, j)
		}
		c := Commitment(salt, all)
		if i < j && LeafBlanked(all[:i], c) == LeafBlanked(all[:j], c) {
			t.Fatal("public parts of different length give one leaf")
		}
	})
}
