package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"
	"time"
)

// quote shows a value of the outside world so that it can't be taken for text of ours, nor move a cursor.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}

// shortHash is 64 bits of SHA-256 over parts that can't run into each other, in hex.
func shortHash(parts ...string) string {
	var text [512]byte // most are shorter
	all := text[:0]
	for _, p := range parts {
		all = append(strconv.AppendInt(all, int64(len(p)), 10), ':')
		all = append(all, p...)
	}
	sum := sha256.Sum256(all)
	return string(hex.AppendEncode(text[:0], sum[:8]))
}

// partsHash is a shortHash of parts that come one after the other.
type partsHash struct {
	sum hash.Hash
	buf []byte
}

func newPartsHash() *partsHash { return &partsHash{sum: sha256.New()} }

func (h *partsHash) part(p []byte) {
	h.buf = append(strconv.AppendInt(h.buf[:0], int64(len(p)), 10), ':')
	h.sum.Write(h.buf)
	h.sum.Write(p)
}

func (h *partsHash) short() string { return hex.EncodeToString(h.sum.Sum(nil)[:8]) }

func day(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
