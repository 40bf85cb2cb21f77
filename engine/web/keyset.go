package web

import "slices"

// firstOf picks a page out of a list in the order of two texts, of which the second tells apart what has the same first: those behind the
// last one of the page before. What is added or goes meanwhile moves nothing, and no page has the whole list sorted.
type firstOf[T any] struct {
	most  int
	after [2]string // "" and "": from the first
	found []keyed[T]
	seen  int // behind the page before
}

type keyed[T any] struct {
	key [2]string
	is  T
}

func (f *firstOf[T]) began() bool { return f.after != [2]string{} }

// add takes in what is behind the page before, and now and then lets go of what is behind this one.
func (f *firstOf[T]) add(key [2]string, is T) {
	if f.began() && slices.Compare(key[:], f.after[:]) <= 0 {
		return
	}
	f.seen++
	if f.found = append(f.found, keyed[T]{key, is}); len(f.found) >= 8*(f.most+1) {
		f.cut(f.most + 1)
	}
}

func (f *firstOf[T]) cut(most int) {
	slices.SortStableFunc(f.found, func(a, b keyed[T]) int { return slices.Compare(a.key[:], b.key[:]) })
	f.found = f.found[:min(most, len(f.found))]
}

// done gives the page, and behind what the next one begins: "" and "" if there is none.
func (f *firstOf[T]) done() (out []T, next [2]string) {
	f.cut(f.most + 1)
	if len(f.found) > f.most {
		f.cut(f.most)
		next = f.found[f.most-1].key
	}
	for i := range f.found {
		out = append(out, f.found[i].is)
	}
	return out, next
}
