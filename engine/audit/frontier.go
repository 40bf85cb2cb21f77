package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// MaxSize is the largest tree size that is accepted when something is parsed:
// far beyond any log, and small enough that no stored hash index overflows.
const MaxSize = 1 << 56

// Head is what a tree comes down to: its size in records and its root, the
// Merkle tree hash of RFC 6962 section 2.1. The root at size 0 is the hash of
// the empty string.
type Head struct {
	Size int64
	Root Hash
}

// Frontier is the right edge of a tree: the hashes of its largest complete
// subtrees, from left to right, one for each 1 bit of the size. It is all that
// is needed to add records and to know the root. The zero value is the empty
// tree. A Frontier is never changed once made, so it may be copied and shared.
type Frontier struct {
	size  int64
	roots []Hash
}

// Node is the hash of a complete subtree of 2^Level records, the records
// Index*2^Level+1 to (Index+1)*2^Level.
type Node struct {
	Level int
	Index int64
	Hash  Hash
}

// NodeStep is the distance of the levels that a store keeps: 8, 16, 24, ...
// With 8, a node covers 256 nodes of the level before (the tile height of
// c2sp.org/tlog-tiles).
const NodeStep = 8

// Size is the number of records in the tree.
func (f Frontier) Size() int64 { return f.size }

// Head returns size and root. It costs one hash per complete subtree.
func (f Frontier) Head() Head {
	if f.size == 0 {
		return Head{Root: sha256.Sum256(nil)}
	}
	last := len(f.roots) - 1
	root := f.roots[last]
	for i := last - 1; i >= 0; i-- {
		root = tlog.NodeHash(f.roots[i], root)
	}
	return Head{Size: f.size, Root: root}
}

// Append adds leaves in order and returns the new frontier and the nodes to
// store: those of levels 8, 16, ... that the leaves completed, in the order in
// which they were completed. The leaf hashes themselves stay with their records.
func (f Frontier) Append(leaves ...Hash) (Frontier, []Node) {
	var nodes []Node
	g := f.clone()
	for _, leaf := range leaves {
		g.push(leaf, func(n Node) {
			if n.Level > 0 && n.Level%NodeStep == 0 {
				nodes = append(nodes, n)
			}
		})
	}
	return g, nodes
}

// AppendStored is [Frontier.Append] for who keeps every hash: it returns the
// hashes of all completed subtrees, leaves included, in the dense order of
// tlog.StoredHashes, starting at index tlog.StoredHashCount(f.Size()).
func (f Frontier) AppendStored(leaves ...Hash) (Frontier, []Hash) {
	stored := make([]Hash, 0, 2*len(leaves)+64)
	g := f.clone()
	for _, leaf := range leaves {
		g.push(leaf, func(n Node) { stored = append(stored, n.Hash) })
	}
	return g, stored
}

// push adds one leaf in place; visit sees the leaf and each subtree that it
// completes, from the leaf upwards.
func (f *Frontier) push(h Hash, visit func(Node)) {
	n, level := f.size, 0
	visit(Node{0, n, h})
	for ; n&1 == 1; n >>= 1 {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
		level++
		visit(Node{level, n >> 1, h})
	}
	f.roots = append(f.roots, h)
	f.size++
}

func (f Frontier) clone() Frontier {
	roots := make([]Hash, len(f.roots), 64)
	copy(roots, f.roots)
	return Frontier{f.size, roots}
}

// String is the form for the head row: the size in decimal, and for a tree
// that is not empty a space and the base64 (RFC 4648 section 4) of the
// concatenated subtree hashes.
func (f Frontier) String() string {
	size := strconv.FormatInt(f.size, 10)
	if f.size == 0 {
		return size
	}
	raw := make([]byte, 0, len(f.roots)*HashSize)
	for _, h := range f.roots {
		raw = append(raw, h[:]...)
	}
	return size + " " + base64.StdEncoding.EncodeToString(raw)
}

// ParseFrontier reads what [Frontier.String] wrote, and nothing else: every
// frontier has exactly one form.
func ParseFrontier(s string) (Frontier, error) {
	first, rest, _ := strings.Cut(s, " ")
	size, err := parseSize(first)
	if err != nil {
		return Frontier{}, fmt.Errorf("the tree frontier in the head row is damaged (%w); restore the head row, or rebuild it from the records", err)
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(rest)
	if want := bits.OnesCount64(uint64(size)) * HashSize; err != nil || len(raw) != want {
		return Frontier{}, fmt.Errorf("the tree frontier in the head row is damaged (size %d needs %d bytes of hashes); restore the head row, or rebuild it from the records", size, want)
	}
	f := Frontier{size: size}
	for ; len(raw) > 0; raw = raw[HashSize:] {
		f.roots = append(f.roots, Hash(raw[:HashSize]))
	}
	if f.String() != s {
		return Frontier{}, fmt.Errorf("the tree frontier in the head row is not in its canonical form; restore the head row, or rebuild it from the records")
	}
	return f, nil
}

// parseSize reads a decimal tree size without sign or leading zeroes.
func parseSize(s string) (int64, error) {
	size, err := strconv.ParseInt(s, 10, 64)
	if err != nil || size < 0 || size > MaxSize || strconv.FormatInt(size, 10) != s {
		return 0, fmt.Errorf("tree size %.24q is not a plain decimal number of 0 to 2^56", s)
	}
	return size, nil
}
