package scim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// partial says that a list did not show everything.
type partial struct{ code, detail string }

func (e *partial) Error() string { return e.detail }

// listResponse is RFC 7644 section 3.4.2. Each page is decoded into a new one: fields that a page lacks would else keep
// the values of the page before.
type listResponse[T any] struct {
	TotalResults *int `json:"totalResults"`
	Resources    []T  `json:"Resources"`
}

// each yields all resources of a list, page by page (RFC 7644 section 3.4.2.4). A page that is missing, comes twice, or
// does not fit the total makes the list *partial.
func each[T any, P interface {
	*T
	resource
}](ctx context.Context, p *Program, path string, query url.Values, yield func(P) error) error {
	seen, total := map[string]bool{}, -1
	for {
		q := url.Values{"startIndex": {strconv.Itoa(len(seen) + 1)}, "count": {strconv.Itoa(p.page)}}
		maps.Copy(q, query)
		var page listResponse[T]
		if _, err := p.client.do(ctx, call{method: http.MethodGet, path: path, query: q}, &page); err != nil {
			return err
		}
		place := fmt.Sprintf("%s from number %d on", path, len(seen)+1)
		switch {
		case page.TotalResults == nil:
			return &partial{engine.ReasonMalformed, fmt.Sprintf("%s: the answer has no totalResults, so nobody knows whether it is whole; check the url", place)}
		case total >= 0 && *page.TotalResults != total:
			return &partial{engine.ReasonPartial, fmt.Sprintf("%s: the list changed from %d to %d while it was read; read it again", place, total, *page.TotalResults)}
		}
		total = *page.TotalResults
		for i := range page.Resources {
			r := P(&page.Resources[i])
			if r.id() == "" {
				return &partial{engine.ReasonMalformed, place + ": a resource has no id; ask the program's vendor"}
			}
			if seen[r.id()] {
				return &partial{engine.ReasonDuplicate, fmt.Sprintf("%s: %q comes a second time, so another one may be missing; the program must list in a stable order", place, r.id())}
			}
			seen[r.id()] = true
			if err := yield(r); err != nil {
				return err
			}
		}
		switch {
		case len(seen) == total:
			return nil
		case len(seen) > total || len(page.Resources) == 0:
			return &partial{engine.ReasonPartial, fmt.Sprintf("%s: %d of %d came; read it again", place, len(seen), total)}
		}
	}
}

// find yields the resources with a certain value, and perhaps others: the caller compares. Providers that do not
// understand the filter (quotes and backslashes are too much for some) are asked for everything, again when that changes
// meanwhile, as it does while accounts are made side by side. yield may see a resource several times.
func find[T any, P interface {
	*T
	resource
}](ctx context.Context, p *Program, path, attribute, value string, yield func(P) error) error {
	query := url.Values{"filter": {attribute + " eq " + quote(value)}, "excludedAttributes": {"members"}}
	err := steady(ctx, p, path, query, yield)
	if httpconn.IsStatus(err, http.StatusBadRequest) || httpconn.IsStatus(err, http.StatusNotImplemented) {
		err = steady(ctx, p, path, url.Values{"excludedAttributes": {"members"}}, yield)
	}
	return err
}

// findTries is how often a list is read that changes all the time.
const findTries = 20

// steady is each, again when the list changed meanwhile.
func steady[T any, P interface {
	*T
	resource
}](ctx context.Context, p *Program, path string, query url.Values, yield func(P) error) (err error) {
	for range findTries {
		var changed *partial
		err = each(ctx, p, path, query, yield)
		if !errors.As(err, &changed) || changed.code != engine.ReasonPartial {
			break
		}
	}
	return err
}

// Holdings lists the users, then the members of each group.
func (p *Program) Holdings(ctx context.Context, yield func(engine.Holding) error) (engine.Proof, error) {
	proof := engine.Proof{Source: p.options.Program, Started: p.options.Now()}
	var own error
	count := func(holdings ...engine.Holding) error {
		for _, h := range holdings {
			if own = yield(h); own != nil {
				return own
			}
			proof.Count++
		}
		return nil
	}
	err := each(ctx, p, "/Users", nil, func(u *user) error {
		p.know(u.ID, true)
		return count(u.holdings()...)
	})
	if err == nil {
		err = p.memberships(ctx, count)
	}
	var missing *partial
	switch {
	case own != nil:
		return proof, own
	case errors.As(err, &missing):
		proof.Add(missing.code, p.client.Scrub(missing.detail))
	case err != nil:
		return proof, p.explain(err)
	}
	proof.Finished = p.options.Now()
	return proof, nil
}

func (p *Program) memberships(ctx context.Context, yield func(...engine.Holding) error) error {
	names := map[string]string{}
	return each(ctx, p, "/Groups", nil, func(g *group) error {
		if other := names[g.DisplayName]; other != "" || g.DisplayName == "" {
			return &partial{engine.ReasonDuplicate, fmt.Sprintf("the groups %q and %q have the same name %q, or none; rename one", other, g.ID, g.DisplayName)}
		}
		names[g.DisplayName] = g.ID
		if g.Members == nil {
			// Some providers leave members out of lists.
			whole, err := p.group(ctx, g.ID)
			if err != nil {
				return err
			}
			g = whole
		}
		for _, account := range g.accounts() {
			if err := yield(engine.Holding{Account: account, Entitlement: g.DisplayName}); err != nil {
				return err
			}
		}
		return nil
	})
}

// accounts are the members, sorted and once each.
func (g *group) accounts() []string {
	if g.Members == nil {
		return nil
	}
	out := make([]string, 0, len(*g.Members))
	for _, m := range *g.Members {
		out = append(out, m.account())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Account reads one user, and all groups: whether a provider filters by member can't be told from an empty answer.
func (p *Program) Account(ctx context.Context, account string) ([]engine.Holding, error) {
	u, err := p.user(ctx, account)
	if err != nil {
		return nil, p.explain(err)
	}
	if u == nil {
		return nil, nil
	}
	out := u.holdings()
	err = p.memberships(ctx, func(holdings ...engine.Holding) error {
		for _, h := range holdings {
			if h.Account == account {
				out = append(out, h)
			}
		}
		return nil
	})
	if err != nil {
		return nil, p.explain(err)
	}
	return out, nil
}

// user reads one user, nil if the provider says that there is none, and still lists users: what answers 404 to everything
// is another address, or a tenant that is closed.
func (p *Program) user(ctx context.Context, id string) (*user, error) {
	if !plainID(id) {
		return nil, nil
	}
	var u user
	version, err := p.client.do(ctx, call{method: http.MethodGet, path: "/Users/" + url.PathEscape(id)}, &u)
	if httpconn.Gone(err) {
		if err := p.lists(ctx); err != nil {
			return nil, fmt.Errorf("the user %q is said to be gone, but the provider does not list users either: %w", id, err)
		}
		p.know(id, false)
		return nil, nil
	}
	if err == nil && u.ID != id {
		err = fmt.Errorf("asked for the user %q, the provider shows %q; ask the program's vendor", id, u.ID)
	}
	if err != nil {
		return nil, err
	}
	p.know(id, true)
	u.Meta = versioned(u.Meta, version)
	return &u, nil
}

// lists says whether the provider lists users at all.
func (p *Program) lists(ctx context.Context) error {
	var page listResponse[user]
	_, err := p.client.do(ctx, call{method: http.MethodGet, path: "/Users", query: url.Values{"startIndex": {"1"}, "count": {"1"}}}, &page)
	if err == nil && page.TotalResults == nil {
		err = errors.New("the answer has no totalResults")
	}
	return err
}

// group reads one group with its members. One that is not there is an error: it was there a moment ago.
func (p *Program) group(ctx context.Context, id string) (*group, error) {
	var g group
	version, err := p.client.do(ctx, call{method: http.MethodGet, path: "/Groups/" + url.PathEscape(id)}, &g)
	if err == nil && g.ID != id {
		err = fmt.Errorf("asked for the group %q, the provider shows %q; ask the program's vendor", id, g.ID)
	}
	if err != nil {
		return nil, err
	}
	g.Meta = versioned(g.Meta, version)
	return &g, nil
}

// versioned prefers the header, which is what If-Match is compared with (RFC 7644 section 3.14).
func versioned(m *meta, header string) *meta {
	if m == nil {
		m = &meta{}
	}
	if header != "" {
		m.Version = header
	}
	return m
}
