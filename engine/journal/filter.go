package journal

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"iter"
)

// A word filter says in which of some blocks a piece of a text may stand. It is a Bloom filter for each block, cell by cell: a cell has a
// bit for each of them, so that a search reads few rows for many blocks. What is stored depends on all of this, so none of it is ever
// changed: other numbers need another table.
const (
	filterBlocks  = 16                          // of a filter, a bit of each cell
	filterRecords = filterBlocks * mentionBlock // in its blocks
	filterCells   = 1 << filterBits
	filterBits    = 19
	filterRow     = 512 // cells in a row of the table
	filterParts   = filterCells / filterRow
	filterHashes  = 3
)

func segmentOf(seq int64) int64 { return (seq - 1) / filterRecords }

// grams are the lengths, in bytes, of the pieces that a filter has. Words are found by the longest that are no longer than they are: three
// letters stand somewhere in every block, nine hardly ever do by chance.
func grams() [6]int { return [...]int{1, 2, 3, 4, 6, 9} }

// pieces are the stretches of a stored text between what JSON has there anyway, and between words. No piece of a text that a search
// asks for goes on over their ends.
func pieces(text []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		from := 0
		for i, c := range text {
			if !parts(c) {
				continue
			}
			if i > from && !yield(text[from:i]) {
				return
			}
			from = i + 1
		}
		if from < len(text) {
			yield(text[from:])
		}
	}
}

// parts says whether a byte is one of ' ",\[]{}'.
func parts(c byte) bool {
	const low, high = 1<<' ' | 1<<'"' | 1<<',', 1<<('\\'-64) | 1<<('['-64) | 1<<(']'-64) | 1<<('{'-64) | 1<<('}'-64)
	switch c >> 6 {
	case 0:
		return uint64(low)>>c&1 == 1
	case 1:
		return uint64(high)>>(c-64)&1 == 1
	}
	return false
}

// A gram is hashed byte by byte, as by FNV-1a, so that what has the same beginning is hashed once.
const hashStart = 0x9e3779b97f4a7c15

func hashed(h uint64, c byte) uint64 { return (h ^ uint64(c)) * 0x100000001b3 }

// cells are those of a gram of so many bytes.
func cells(h uint64, size int) (out [filterHashes]uint32) {
	h ^= uint64(size) << 56
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	h ^= h >> 32
	for i := range out {
		out[i] = uint32(h & (filterCells - 1))
		h >>= filterBits
	}
	return out
}

func cellsOf(gram string) [filterHashes]uint32 {
	h := uint64(hashStart)
	for i := range len(gram) {
		h = hashed(h, gram[i])
	}
	return cells(h, len(gram))
}

// wordFilter is a filter while it is made.
type wordFilter struct {
	cells []uint16
	block int64
	seen  map[string]bool // pieces of this block
	alike [256][]byte     // the last of some that are alike
}

func newWordFilter() *wordFilter {
	return &wordFilter{cells: make([]uint16, filterCells), seen: map[string]bool{}, block: -1}
}

func (f *wordFilter) reset() {
	clear(f.cells)
	f.block = -1
}

// add takes the texts of a record in; they come in the order of the records.
func (f *wordFilter) add(seq int64, texts ...[]byte) {
	if block := blockOf(seq) % filterBlocks; block != f.block {
		f.block = block
		clear(f.seen)
		for i := range f.alike {
			f.alike[i] = f.alike[i][:0]
		}
	}
	for _, text := range texts {
		for piece := range pieces(text) {
			if !f.seen[string(piece)] {
				f.seen[string(piece)] = true
				f.put(piece)
			}
		}
	}
}

// put adds all grams of a piece, but for those within what it begins with as another one did: numbers and times go on slowly.
func (f *wordFilter) put(piece []byte) {
	all, bit := grams(), uint16(1)<<f.block
	longest := all[len(all)-1]
	known := f.known(piece)
	for i := max(0, known-longest+1); i < len(piece); i++ {
		h, next := uint64(hashStart), 0
		for n, c := range piece[i:min(len(piece), i+longest)] {
			h = hashed(h, lowered(c))
			if n+1 != all[next] {
				continue
			}
			next++
			if i+n < known {
				continue
			}
			for _, cell := range cells(h, n+1) {
				f.cells[cell] |= bit
			}
		}
	}
}

// known is how much of the beginning another piece of the block has, too.
func (f *wordFilter) known(piece []byte) (n int) {
	last := &f.alike[(len(piece)*31+int(piece[0]))%len(f.alike)]
	for n < min(len(piece), len(*last)) && piece[n] == (*last)[n] {
		n++
	}
	*last = append((*last)[:0], piece...)
	return n
}

// lowered is what lowerASCII makes of a byte.
func lowered(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// filterOf says of which records a filter is: those of a segment, as they are in a journal in which the last of them has this hash. A
// journal that was cut off and went on otherwise has another one there.
type filterOf struct {
	segment int64
	leaf    string
}

func (of filterOf) after() int64 { return of.segment * filterRecords }
func (of filterOf) last() int64  { return of.after() + filterRecords }

// filterSum is what a row begins with.
type filterSum [8]byte

func (of filterOf) sum(part int64, cells []byte) filterSum {
	b := make([]byte, 0, 128+len(cells))
	b = append(b, "rolecall word filter\n"...)
	b = binary.BigEndian.AppendUint64(b, uint64(of.segment))
	b = binary.BigEndian.AppendUint64(b, uint64(part))
	b = append(append(b, of.leaf...), cells...)
	all := sha256.Sum256(b)
	return filterSum(all[:len(filterSum{})])
}

// row is the text of a row of the table.
func (f *wordFilter) row(of filterOf, part int64) (filterSum, string) {
	cells := make([]byte, 0, 2*filterRow)
	for _, cell := range f.cells[part*filterRow : (part+1)*filterRow] {
		cells = binary.BigEndian.AppendUint16(cells, cell)
	}
	sum := of.sum(part, cells)
	return sum, base64.RawStdEncoding.EncodeToString(append(sum[:], cells...))
}

// readFilter takes a row apart; ok is false if it is not whole, or of other records.
func readFilter(of filterOf, part int64, text string) (sum filterSum, cells []byte, ok bool) {
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != len(sum)+2*filterRow {
		return sum, nil, false
	}
	sum, cells = filterSum(raw[:len(sum)]), raw[len(sum):]
	return sum, cells, sum == of.sum(part, cells)
}
