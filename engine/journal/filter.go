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

func parts(c byte) bool {
	switch c {
	case ' ', '"', ',', '\\', '{', '}', '[', ']':
		return true
	}
	return false
}

// cellsOf are the cells of a gram.
func cellsOf[T string | []byte](gram T) (cells [filterHashes]uint32) {
	h := uint64(len(gram)) * 0x9e3779b97f4a7c15
	for i := range len(gram) {
		h = (h ^ uint64(gram[i])) * 0x100000001b3 // as FNV-1a
	}
	h = (h ^ h>>32) * 0xd6e8feb86659fd93
	h ^= h >> 32
	for i := range cells {
		cells[i] = uint32(h & (filterCells - 1)) //nolint:gosec // 19 bits
		h >>= filterBits
	}
	return cells
}

// wordFilter is a filter while it is made.
type wordFilter struct {
	cells []uint16
	seen  map[string]bool // pieces of this block
	block int64
	lower []byte
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
	}
	for _, text := range texts {
		f.lower = appendLower(f.lower[:0], text)
		for piece := range pieces(f.lower) {
			if !f.seen[string(piece)] {
				f.seen[string(piece)] = true
				f.put(piece)
			}
		}
	}
}

func (f *wordFilter) put(piece []byte) {
	bit := uint16(1) << f.block
	for _, size := range grams() {
		for i := 0; i+size <= len(piece); i++ {
			for _, cell := range cellsOf(piece[i : i+size]) {
				f.cells[cell] |= bit
			}
		}
	}
}

// appendLower is lowerASCII.
func appendLower(b, text []byte) []byte {
	for _, c := range text {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
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
	b = binary.BigEndian.AppendUint64(b, uint64(of.segment)) //nolint:gosec // never below 0
	b = binary.BigEndian.AppendUint64(b, uint64(part))       //nolint:gosec // as above
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
