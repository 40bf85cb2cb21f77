package journal

import (
	"bytes"
	"hash/maphash"
)

// spelling makes strings of bytes and remembers the last ones, as most texts of a journal come again and again: who reads
// millions of records then keeps each text once. Its memory is bounded. nil remembers nothing. For one goroutine; the
// strings and lists that it gives are shared, and must not be changed.
type spelling struct {
	seed  maphash.Seed
	texts [1 << 13]string
	lists [1 << 8]struct {
		text string // as JSON
		list []string
	}
}

func newSpelling() *spelling { return &spelling{seed: maphash.MakeSeed()} }

func (s *spelling) of(b []byte) string {
	if s == nil || len(b) > 128 {
		return string(b)
	}
	slot := &s.texts[maphash.Bytes(s.seed, b)%uint64(len(s.texts))]
	if string(b) != *slot {
		*slot = string(b)
	}
	return *slot
}

// list splits a JSON list of n texts without escapes.
func (s *spelling) list(text []byte, n int) []string {
	if s == nil || len(text) > 1024 {
		return s.split(text, n)
	}
	slot := &s.lists[maphash.Bytes(s.seed, text)%uint64(len(s.lists))]
	if string(text) != slot.text {
		slot.text, slot.list = string(text), s.split(text, n)
	}
	return slot.list
}

func (s *spelling) split(text []byte, n int) []string {
	list := make([]string, n)
	for i := range list {
		text = text[len(`["`):] // or `,"`
		end := bytes.IndexByte(text, '"')
		list[i], text = s.of(text[:end]), text[end+1:]
	}
	return list
}
