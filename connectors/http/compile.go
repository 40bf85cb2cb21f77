package http

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// users are Users, compiled.
type users struct {
	list, one, named                        *list
	id, name, display, kind, person, active *pick
	attributes                              map[string]*pick
	mayBeEmpty                              bool
	create, update, suspend, resume, remove []write
}

// group is a Right, compiled.
type group struct {
	place     string // in the configuration
	prefix    string
	names     []string
	catalogue *list
	name, id  *pick
	each      *pick
	list, one *list
	account   *pick
	right     *pick
	rightID   *pick
	when      *pick
	held      bool // somebody always holds one
	grant     []write
	revoke    []write
}

// write is a Write, compiled.
type write struct {
	method  string
	address address
	body    body // nil: none
	from    *pick
	form    map[string]template
	expect  []int
}

// compiler collects the mistakes of a configuration.
type compiler struct {
	language *language
	wrong    []error
}

func (c *compiler) complain(place string, err error) {
	if err != nil {
		c.wrong = append(c.wrong, fmt.Errorf("%s: %w", place, err))
	}
}

func (c *compiler) demand(is bool, place, text string) {
	if !is {
		c.complain(place, errors.New(text))
	}
}

func (c *compiler) pick(place, text string) *pick {
	p, err := c.language.pick(text)
	c.complain(place, err)
	return p
}

func (c *compiler) read(place string, r *Read, known ...string) *list {
	if r == nil {
		return nil
	}
	var err error
	l := &list{none: r.None, paging: r.Paging}
	l.address, err = parseAddress(r.Path, known)
	c.complain(place+".path", err)
	l.items, err = parsePointer(r.Items)
	c.complain(place+".items", err)
	place += ".paging"
	l.next, l.total, l.more = c.pick(place+".next", r.Paging.Next), c.pick(place+".total", r.Paging.Total), c.pick(place+".more", r.Paging.More)
	c.paging(place, l)
	return l
}

func (c *compiler) paging(place string, l *list) {
	p := &l.paging
	p.Size = cmp.Or(p.Size, defaultSize)
	c.demand(p.Size > 0 && p.First >= 0, place, "size and first are numbers from 1 and 0 on")
	switch p.By {
	case "":
		c.demand(p.Param+p.Limit+p.Next+p.More+p.Until == "", place, "by is missing; write page, offset, cursor, next or link")
	case "page", "offset":
		c.demand(p.Param != "", place, "param is missing: the parameter of the "+p.By)
		c.demand(p.Total != "" || p.More != "" || p.Until == "empty", place, "nothing says when the list is whole; write total or more, or, if the program says neither, until: empty")
		c.demand(p.Next == "", place, "next belongs to by: cursor and by: next")
	case "cursor", "next":
		c.demand(p.Next != "", place, "next is missing: where the answer says how to go on")
		c.demand((p.Param != "") == (p.By == "cursor"), place, "param is for by: cursor, which needs it")
		c.demand(p.More+p.Until == "", place, "more and until belong to by: page and by: offset")
	case "link":
		c.demand(p.Param+p.Next+p.More+p.Until == "", place, "by: link takes limit, size and total only")
	default:
		c.demand(false, place, fmt.Sprintf("by %q is unknown; write page, offset, cursor, next or link", p.By))
	}
}

// one compiles what reads something single.
func (c *compiler) one(place string, r *Read, known ...string) *list {
	l := c.read(place, r, known...)
	if l != nil {
		l.single = true
	}
	return l
}

func (c *compiler) writes(place string, list []Write, known ...string) []write {
	var out []write
	for i := range list {
		out = append(out, c.write(fmt.Sprintf("%s[%d]", place, i), &list[i], known))
	}
	return out
}

func (c *compiler) write(place string, w *Write, known []string) write {
	var err error
	out := write{method: w.Method, expect: w.Expect, form: map[string]template{}}
	c.demand(slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, w.Method), place, fmt.Sprintf("method %q is none; write POST, PUT, PATCH or DELETE", w.Method))
	out.address, err = parseAddress(w.Path, known)
	c.complain(place+".path", err)
	if w.Body != nil {
		out.body, err = parseBody(w.Body, known)
		c.complain(place+".body", err)
	}
	out.from = c.pick(place+".from", w.From)
	for _, name := range slices.Sorted(maps.Keys(w.Form)) {
		out.form[name], err = parseTemplate(w.Form[name], known)
		c.complain(place+".form."+name, err)
	}
	n := len(slices.DeleteFunc([]bool{w.Body != nil, w.From != "", len(w.Form) > 0}, func(is bool) bool { return !is }))
	c.demand(n <= 1, place, "give one of body, from and form")
	return out
}

func (c *compiler) users(u *Users) *users {
	c.demand(u.List.Path != "", "users.list", "path is missing: how all accounts are listed")
	c.demand(u.ID != "", "users.id", "the pick of an account's id is missing")
	c.demand(len(u.List.None) == 0, "users.list", "none is for what may be missing; the list of accounts may not")
	c.demand((len(u.Suspend) > 0) == (len(u.Resume) > 0) && (len(u.Suspend) > 0) == (u.Active != ""), "users", "suspend, resume and active come together")
	c.demand((len(u.Create) > 0) == (len(u.Delete) > 0), "users", "create and delete come together")
	known := []string{"name", "person", "attributes."}
	out := &users{list: c.read("users.list", &u.List), one: c.one("users.one", u.One, "account"), named: c.one("users.named", u.Named, "name"), mayBeEmpty: u.MayBeEmpty,
		create: c.writes("users.create", u.Create, known...), update: c.writes("users.update", u.Update, append(known, "account")...),
		suspend: c.writes("users.suspend", u.Suspend, "account"), resume: c.writes("users.resume", u.Resume, "account"), remove: c.writes("users.delete", u.Delete, "account"), attributes: map[string]*pick{}}
	out.id, out.name, out.active = c.pick("users.id", u.ID), c.pick("users.name", cmp.Or(u.Name, u.ID)), c.pick("users.active", u.Active)
	out.display, out.kind, out.person = c.pick("users.display", u.Display), c.pick("users.kind", u.Kind), c.pick("users.person", u.Person)
	for _, name := range slices.Sorted(maps.Keys(u.Attributes)) {
		out.attributes[name] = c.pick("users.attributes."+name, u.Attributes[name])
		c.demand(u.Attributes[name] != "", "users.attributes."+name, "the pick is missing")
	}
	return out
}

func (c *compiler) groups(rights []Right) []*group {
	c.demand(len(rights) > 0, "rights", "no entitlement is described; write at least one")
	var out []*group
	for i := range rights {
		g := c.group(fmt.Sprintf("rights[%d]", i), &rights[i])
		c.demand(!slices.ContainsFunc(out, func(o *group) bool { return o.prefix == g.prefix }), g.place, fmt.Sprintf("there are two groups with the prefix %q; give each its own", g.prefix))
		out = append(out, g)
	}
	return out
}

func (c *compiler) group(place string, r *Right) *group {
	known := []string{"account", "right", "right.id"}
	g := &group{place: place, prefix: r.Prefix, names: slices.Sorted(slices.Values(r.Names)), held: r.Held, catalogue: c.read(place+".catalogue", r.Catalogue),
		list: c.read(place+".list", r.List, known...), one: c.one(place+".one", r.One, known...),
		grant: c.writes(place+".grant", r.Grant, known...), revoke: c.writes(place+".revoke", r.Revoke, known...)}
	g.name, g.id, g.each = c.pick(place+".name", r.Name), c.pick(place+".id", r.ID), c.pick(place+".each", r.Each)
	g.account, g.right, g.rightID, g.when = c.pick(place+".account", r.Account), c.pick(place+".right", r.Right), c.pick(place+".right_id", r.RightID), c.pick(place+".when", r.When)
	c.demand(len(g.grant) > 0 && len(g.revoke) > 0, place, "grant and revoke are missing: how it is given and taken")
	c.demand((g.each == nil) != (g.list == nil), place, "write either each, which picks the names out of an account, or list")
	c.demand(g.each == nil || g.one == nil, place, "one goes with list; with each the account itself is read")
	c.demand((g.catalogue == nil) == (g.name == nil), place, "catalogue and name come together")
	c.demand(g.catalogue == nil || len(g.names) == 0, place, "names and catalogue say the same; give one of them")
	if g.list != nil {
		c.listed(place, g)
	}
	c.demand(g.rightID == nil && !g.listsBy("right", "right.id") || g.counted(), place, "a list by right, and right_id, need names or a catalogue")
	c.demand(!strings.HasPrefix(r.Prefix, "."), place, "a prefix starts with no dot")
	return g
}

// listed checks that each item of the list names an account and a right, by itself or by where it stands.
func (c *compiler) listed(place string, g *group) {
	c.demand(!(g.listsBy("account") && g.listsBy("right", "right.id")), place+".list", "the path names an account and a right; that belongs to one")
	c.demand(!g.listsBy("right", "right.id") || g.right == nil && g.rightID == nil, place, "the list is of one right at a time; leave right and right_id out")
	c.demand(g.account != nil || g.listsBy("account"), place, "account is missing: the pick of the account's id in an item of the list")
	c.demand(g.right == nil || g.rightID == nil, place, "give one of right and right_id")
	c.demand(g.right != nil || g.rightID != nil || g.listsBy("right", "right.id"), place, "right is missing: the pick of the right in an item of the list")
}

// listsBy says whether the list is one list for each of these.
func (g *group) listsBy(names ...string) bool {
	return g.list != nil && slices.ContainsFunc(names, g.list.address.uses)
}

// counted says whether it is known which rights there are.
func (g *group) counted() bool { return g.catalogue != nil || len(g.names) > 0 }
