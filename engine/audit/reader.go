package audit

import (
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Runs is the read side of a store.
type Runs interface {
	// Run returns the hashes of n consecutive subtrees of 2^level records,
	// beginning with the one at index from. The level is 0 (leaf hashes, kept
	// with the records: the first is that of record from+1) or a multiple of
	// [NodeStep]; n is 1 to 256. A hash that is not stored is an error: Run
	// returns exactly n hashes or an error.
	Run(level int, from, n int64) ([]Hash, error)
}

// RunsFunc is a function that implements [Runs].
type RunsFunc func(level int, from, n int64) ([]Hash, error)

// Run calls the function.
func (f RunsFunc) Run(level int, from, n int64) ([]Hash, error) { return f(level, from, n) }

// LeafRuns reads everything from leaf hashes alone, for small logs and parts
// of logs that come without nodes. A node of level l costs 2^l calls of leaf,
// whose argument counts from 0.
func LeafRuns(leaf func(i int64) (Hash, error)) Runs {
	return RunsFunc(func(level int, from, n int64) ([]Hash, error) {
		hashes := make([]Hash, 0, n)
		for i := from; i < from+n; i++ {
			h, err := foldLeaves(leaf, level, i)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, h)
		}
		return hashes, nil
	})
}

func foldLeaves(leaf func(i int64) (Hash, error), level int, index int64) (Hash, error) {
	if level == 0 {
		return leaf(index)
	}
	left, err := foldLeaves(leaf, level-1, 2*index)
	if err != nil {
		return Hash{}, err
	}
	right, err := foldLeaves(leaf, level-1, 2*index+1)
	return tlog.NodeHash(left, right), err
}

// maxBlocks bounds a reader's memory to about 1 MiB.
const maxBlocks = 128

// Reader is a tlog.HashReader over a store's runs, for the tree of a fixed
// size. It reads whole blocks of up to 256 stored hashes and remembers them, so
// a proof in a log of 10 million records costs about three reads, and proofs
// of neighbouring records share them. One goroutine at a time may use it.
type Reader struct {
	size   int64
	runs   Runs
	blocks map[block][]Hash
}

// block names the stored hashes 256*index to 256*index+255 of a kept level.
type block struct {
	level int
	index int64
}

// NewReader returns a reader of the first size records, all of which runs must
// have. It stays right while the log grows, until the store is restored.
func NewReader(size int64, runs Runs) *Reader {
	return &Reader{size: size, runs: runs, blocks: map[block][]Hash{}}
}

// ReadHashes implements tlog.HashReader.
func (r *Reader) ReadHashes(indexes []int64) ([]Hash, error) {
	hashes := make([]Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		above := level % NodeStep // how far over the kept level
		at := block{level - above, n << above >> NodeStep}
		run, err := r.read(at)
		if err != nil {
			return nil, err
		}
		first, count := n<<above&(1<<NodeStep-1), int64(1)<<above
		if first+count > int64(len(run)) {
			return nil, fmt.Errorf("records %d to %d are not all among the first %d; ask for a later checkpoint", n<<level+1, (n+1)<<level, r.size)
		}
		hashes[i] = fold(run[first : first+count])
	}
	return hashes, nil
}

func (r *Reader) read(at block) ([]Hash, error) {
	if run, ok := r.blocks[at]; ok {
		return run, nil
	}
	from := at.index << NodeStep
	n := min(r.size>>at.level-from, 1<<NodeStep)
	if n <= 0 {
		return nil, nil
	}
	run, err := r.runs.Run(at.level, from, n)
	if err == nil && int64(len(run)) != n {
		err = fmt.Errorf("got %d hashes instead of %d; run audit verify", len(run), n)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the hashes of records %d to %d at level %d: %w", from<<at.level+1, (from+n)<<at.level, at.level, err)
	}
	if len(r.blocks) >= maxBlocks {
		clear(r.blocks)
	}
	r.blocks[at] = run
	return run, nil
}

// fold returns the root of a complete tree over the hashes, whose number is a
// power of two.
func fold(hashes []Hash) Hash {
	if len(hashes) == 1 {
		return hashes[0]
	}
	half := len(hashes) / 2
	return tlog.NodeHash(fold(hashes[:half]), fold(hashes[half:]))
}

// FrontierAt rebuilds the frontier of the first size records, as it was or as
// it should be.
func FrontierAt(size int64, runs Runs) (Frontier, error) {
	if size < 0 || size > MaxSize {
		return Frontier{}, outOfRange(size)
	}
	var indexes []int64
	for done := int64(0); done < size; {
		level := bits.Len64(uint64(size-done)) - 1
		indexes = append(indexes, tlog.StoredHashIndex(level, done>>level))
		done += 1 << level
	}
	roots, err := NewReader(size, runs).ReadHashes(indexes)
	if err != nil {
		return Frontier{}, err
	}
	return Frontier{size, roots}, nil
}

var _ tlog.HashReader = (*Reader)(nil)
