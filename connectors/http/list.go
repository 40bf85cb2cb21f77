package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync/atomic"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// partial says that a list did not show everything.
type partial struct{ code, detail string }

func (e *partial) Error() string { return e.detail }

// Bounds and standards of paging.
const (
	defaultSize = 100
	maxPages    = 100_000 // of one list
)

// list is a Read, compiled.
type list struct {
	address address
	items   []string // pointer
	none    []int
	single  bool // an object is a list of one
	paging  Paging
	next    *pick
	total   *pick
	more    *pick
	pages   atomic.Int64 // when it was last read to its end; of one of many lists, if it is many
}

// place is where a list goes on: a parameter's value, or an address.
type place struct {
	number  int    // page or offset
	cursor  string // "" at first
	address string // below the url, instead of the list's own
}

// each yields all items of a list, page by page, once each as far as pages go: a page that is missing, comes twice, or does
// not fit the total makes the list *partial.
func (p *Program) each(ctx context.Context, l *list, v values, yield func(item any) error) error {
	path, err := l.address.fill(v)
	if err != nil {
		return err
	}
	at, seen, total, visited := place{number: l.paging.First}, 0, -1, map[place]bool{}
	for n := range maxPages {
		if visited[at] {
			return &partial{engine.ReasonDuplicate, fmt.Sprintf("%s goes on where it was before, so something is missing; ask the program's vendor", path)}
		}
		visited[at] = true
		answer, page, err := p.page(ctx, l, path, at)
		if err != nil {
			return err
		}
		if answer == nil && seen == 0 {
			return nil
		}
		items, err := l.itemsOf(page, path)
		if err != nil {
			return err
		}
		seen += len(items)
		if total, err = l.compare(page, path, seen, total); err != nil {
			return err
		}
		for _, item := range items {
			if err := yield(item); err != nil {
				return err
			}
		}
		var whole bool
		if at, whole, err = p.goOn(ctx, l, path, at, answer, page, len(items), seen, total); err != nil || whole {
			l.pages.Store(int64(n) + 1)
			return err
		}
	}
	return &partial{engine.ReasonPartial, fmt.Sprintf("%s has more than %d pages; set a larger size", path, maxPages)}
}

// page reads one page; answer is nil where the program says that nothing is there.
func (p *Program) page(ctx context.Context, l *list, path string, at place) (answer *httpconn.Answer, page any, err error) {
	target := path
	switch {
	case at.address != "":
		target = at.address
	case l.paging.By != "":
		target = withQuery(path, l.query(at))
	}
	answer, err = p.client.Do(ctx, httpconn.Call{Method: http.MethodGet, Path: target, Header: p.headers})
	var status *httpconn.StatusError
	if errors.As(err, &status) && slices.Contains(l.none, status.Status) && (answer.IsJSON() || len(answer.Body) == 0) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	page, err = decode(answer)
	return answer, page, err
}

func decode(answer *httpconn.Answer) (any, error) {
	var raw json.RawMessage
	if err := answer.Decode(&raw); err != nil {
		return nil, err
	}
	v, err := decodeJSON(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: the answer is no valid JSON: %w", answer.Call, err)
	}
	return v, nil
}

func (l *list) query(at place) url.Values {
	q := url.Values{}
	if l.paging.Limit != "" {
		q.Set(l.paging.Limit, strconv.Itoa(l.paging.Size))
	}
	switch l.paging.By {
	case "page", "offset":
		q.Set(l.paging.Param, strconv.Itoa(at.number))
	case "cursor":
		if at.cursor != "" {
			q.Set(l.paging.Param, at.cursor)
		}
	}
	return q
}

func withQuery(path string, q url.Values) string {
	switch {
	case len(q) == 0:
		return path
	case slices.Contains([]byte(path), '?'):
		return path + "&" + q.Encode()
	}
	return path + "?" + q.Encode()
}

// itemsOf gives the list of a page. Without the list nobody knows what is there.
func (l *list) itemsOf(page any, path string) ([]any, error) {
	found, ok := follow(l.items, page)
	items, is := found.([]any)
	if _, object := found.(map[string]any); object && l.single {
		items, is = []any{found}, true
	}
	if !ok || !is {
		return nil, &partial{engine.ReasonMalformed, fmt.Sprintf("%s: the answer has no list where items points to; check items, and the path", path)}
	}
	return items, nil
}

// compare holds what came against the declared total.
func (l *list) compare(page any, path string, seen, before int) (total int, err error) {
	if l.total == nil {
		return -1, nil
	}
	value, err := l.total.value(page, nil)
	if err != nil {
		return 0, &partial{engine.ReasonMalformed, fmt.Sprintf("%s: total: %v", path, err)}
	}
	n, err := countOf(value)
	switch {
	case err != nil:
		return 0, &partial{engine.ReasonMalformed, path + ": the answer does not say how many there are in all where total points to, so nobody knows whether it is whole; check total"}
	case before >= 0 && n != before:
		return 0, &partial{engine.ReasonPartial, fmt.Sprintf("%s: the list changed from %d to %d while it was read; read it again", path, before, n)}
	case seen > n:
		return 0, &partial{engine.ReasonPartial, fmt.Sprintf("%s: %d of %d came; read it again", path, seen, n)}
	}
	return n, nil
}

func countOf(value any) (int, error) {
	text, err := textOf(value)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err == nil && n < 0 {
		err = errors.New("it is negative")
	}
	return n, err
}

// goOn says where the list goes on, or that it is whole.
func (p *Program) goOn(ctx context.Context, l *list, path string, at place, answer *httpconn.Answer, page any, came, seen, total int) (next place, whole bool, err error) {
	short := func() error {
		if total >= 0 && seen < total {
			return &partial{engine.ReasonPartial, fmt.Sprintf("%s: %d of %d came; read it again", path, seen, total)}
		}
		return nil
	}
	switch l.paging.By {
	case "":
		if link := nextLink(answer.Header); link != "" {
			return next, false, &partial{engine.ReasonPartial, path + " has a next page, as its header Link says, and nothing says how to read it; write paging: {by: link}"}
		}
		return next, true, short()
	case "page", "offset":
		next.number = at.number + 1
		if l.paging.By == "offset" {
			next.number = at.number + came
		}
		whole, err = p.ended(ctx, l, path, at, page, came, seen, total)
		return next, whole, err
	case "cursor":
		next.cursor, err = l.next.text(page, nil)
		whole = next.cursor == ""
	case "next":
		next.address, err = l.next.text(page, nil)
		whole = next.address == ""
	case "link":
		next.address = nextLink(answer.Header)
		whole = next.address == ""
	}
	if err != nil {
		return next, false, &partial{engine.ReasonMalformed, fmt.Sprintf("%s: next: %v", path, err)}
	}
	if whole {
		return next, true, short()
	}
	if next.address != "" {
		next.address, err = p.below(next.address, path)
	}
	return next, false, err
}

// ended says whether a list that is counted is at its end.
func (p *Program) ended(ctx context.Context, l *list, path string, at place, page any, came, seen, total int) (bool, error) {
	switch {
	case l.total != nil && seen == total:
		return true, nil
	case l.total != nil && came == 0:
		return false, &partial{engine.ReasonPartial, fmt.Sprintf("%s: %d of %d came; read it again", path, seen, total)}
	case l.total != nil:
		return false, nil
	case l.more != nil:
		more, err := l.more.truth(page, nil)
		if err != nil {
			return false, &partial{engine.ReasonMalformed, fmt.Sprintf("%s: more: %v", path, err)}
		}
		if more && came == 0 {
			return false, &partial{engine.ReasonPartial, path + ": a page is empty, and more are to come; read it again"}
		}
		return !more, nil
	case came > 0:
		return false, nil
	}
	// A page that is empty by mistake looks like the end: it is asked for again.
	_, again, err := p.page(ctx, l, path, at)
	if err != nil {
		return false, err
	}
	items, err := l.itemsOf(again, path)
	if err == nil && len(items) > 0 {
		err = &partial{engine.ReasonPartial, path + ": a page was empty once and then was not; read it again"}
	}
	return true, err
}
