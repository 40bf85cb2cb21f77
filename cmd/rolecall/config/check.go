package config

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/dispatch"
)

// mostPrice is more than any seat costs; what is more would not add up as a number.
const mostPrice = 1e9

var currency = regexp.MustCompile(`^[A-Z]{3}$`)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// checks collects what is wrong in a configuration that could be read.
type checks struct {
	*File
	found engine.Mistakes
}

func check(f *File) engine.Mistakes {
	c := &checks{File: f}
	c.top()
	c.directories()
	for _, name := range slices.Sorted(maps.Keys(f.Programs)) {
		c.program(name, f.Programs[name])
	}
	if len(f.Programs) == 0 {
		c.add(&f.Programs, "no program is configured", "add one below programs:")
	}
	c.login()
	c.notices()
	c.exports()
	c.limits()
	c.expected()
	return c.found
}

func (c *checks) add(field any, text, hint string) {
	c.found = append(c.found, engine.Mistake{Place: c.PlaceOf(field), Text: text, Hint: hint})
}

func (c *checks) top() {
	f := c.File
	if f.Version != Version {
		hint := fmt.Sprintf("write version: %d", Version)
		if f.Version > Version {
			hint = "install a newer rolecall"
		}
		c.add(&f.Version, fmt.Sprintf("version %d of the configuration is not known", f.Version), hint)
	}
	if _, err := time.LoadLocation(f.Zone); err != nil || f.Zone == "Local" {
		c.add(&f.Zone, fmt.Sprintf("%q is no time zone", f.Zone), "use an IANA name, Europe/Berlin")
	}
	if _, err := dispatch.ParseSchedule(f.Schedule); err != nil {
		c.add(&f.Schedule, err.Error(), "")
	}
	c.store()
	for _, address := range []*string{&f.Listen, &f.Health} {
		if _, _, err := net.SplitHostPort(*address); *address != "" && err != nil {
			c.add(address, fmt.Sprintf("%q is no address", *address), "write host:port, 127.0.0.1:8485")
		}
	}
	if host, _, err := net.SplitHostPort(f.Listen); err == nil && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		c.add(&f.Listen, fmt.Sprintf("the page at %q could be read on the way: it speaks no TLS", f.Listen), "write 127.0.0.1:8484; a proxy on this machine may serve it to others, with login: and its url:")
	}
	switch f.Leavers.Unmanaged {
	case engine.UnmanagedSuspend, engine.UnmanagedApprove, engine.UnmanagedReport:
	default:
		c.word(&f.Leavers.Unmanaged, "leavers: unmanaged", string(f.Leavers.Unmanaged), "suspend", "approve", "report")
	}
	if n := f.Leavers.Absences; n < 0 || n == 1 {
		c.add(&f.Leavers.Absences, "absences must be at least 2", "one read that misses somebody proves nothing")
	}
}

func (c *checks) store() {
	kind, rest, _ := strings.Cut(c.Store, ":")
	switch {
	case kind == "sqlite" && rest != "":
	case kind == "postgres" || kind == "postgresql":
		u, err := url.Parse(c.Store)
		if err != nil {
			c.add(&c.Store, "the store's URL can't be read", "write postgres://user@host/database")
			return
		}
		if _, set := u.User.Password(); set || u.Query().Has("password") {
			c.add(&c.Store, "the store's URL holds a password", "remove it and write store_password: {env: NAME}")
		}
	default:
		c.add(&c.Store, "the store is neither sqlite:FILE nor a postgres:// URL", "")
	}
}

// word complains about a value that must be one of a few words.
func (c *checks) word(field any, what, got string, words ...string) {
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	if got == "" {
		c.add(field, what+" is missing; there is no default", "choose "+list)
		return
	}
	hint := engine.Suggest(got, words)
	if hint == "" {
		hint = "choose " + list
	}
	c.add(field, fmt.Sprintf("%s is %q", what, got), hint)
}

func (c *checks) directories() {
	if len(c.Directories) == 0 {
		c.add(&c.Directories, "no directory is configured", "add one below directories:")
		return
	}
	seen, authorities := map[string]bool{}, 0
	for i := range c.Directories {
		d := &c.Directories[i]
		c.directory(d)
		if seen[d.Name] {
			c.add(&d.Name, fmt.Sprintf("directory %q is here twice", d.Name), "give each its own name")
		}
		seen[d.Name] = true
		if d.Authority == "people" {
			authorities++
		}
	}
	if authorities != 1 {
		c.add(&c.Directories, fmt.Sprintf("%d directories have authority: people", authorities), "exactly one decides who exists")
		return
	}
	c.joins()
}

func (c *checks) directory(d *Directory) {
	if !nameForm.MatchString(d.Name) {
		c.add(d, fmt.Sprintf("%q is no name for a directory", d.Name), "name: with lower-case letters, digits, dots, dashes, underscores")
	}
	if kinds := []string{"csv", "ldif", "ldap"}; !slices.Contains(kinds, d.Kind) {
		c.word(&d.Kind, "kind", d.Kind, kinds...)
	}
	if d.Authority != "" && d.Authority != "people" {
		c.word(&d.Authority, "authority", d.Authority, "people", "nothing")
	}
	c.kindOf(d)
	if d.Key == "" && d.Kind != "ldap" { // there the profile knows it
		c.add(d, "directory "+d.Name+" has no key", "key: names the attribute that identifies a person for ever")
	}
	for i := range d.Roles {
		r := &d.Roles[i]
		if n := count(r.Attribute != "", r.Group != nil, r.When != ""); n != 1 {
			c.add(r, "a source of roles has exactly one of attribute, group and when", "")
		}
	}
}

// kindOf decodes the keys that belong to the directory's kind.
func (c *checks) kindOf(d *Directory) {
	var into any
	switch d.Kind {
	case "csv", "ldif":
		d.File = &FileSource{}
		into = d.File
	case "ldap":
		d.LDAP = &LDAPSource{}
		into = d.LDAP
	default:
		return
	}
	if mistakes := (engine.Mistakes)(nil); errors.As(d.Settings.Decode(into), &mistakes) {
		c.found = append(c.found, mistakes...)
		return
	}
	if d.File != nil && d.File.Path == "" {
		c.add(d, "directory "+d.Name+" has no path", "path: names the file")
	}
	if d.LDAP != nil && len(d.LDAP.URL) == 0 {
		c.add(d, "directory "+d.Name+" has no url", "url: ldaps://HOST")
	}
}

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

func (c *checks) program(name string, p *Program) {
	if !nameForm.MatchString(name) {
		c.add(p, fmt.Sprintf("%q is no name for a program", name), "use lower-case letters, digits, dots, dashes, underscores")
	}
	if p.Kind == "" {
		c.add(p, "program "+name+" has no kind", "kind: says which connector talks to it")
	}
	if modes := []string{"never", "managed", "all"}; !slices.Contains(modes, string(p.Revoke)) {
		field := any(&p.Revoke)
		if p.Revoke == "" {
			field = p
		}
		c.word(field, "program "+name+": revoke", string(p.Revoke), modes...)
	}
	if words := []string{"", "report", "regrant"}; !slices.Contains(words, p.Repair) {
		c.word(&p.Repair, "repair", p.Repair, words[1:]...)
	}
	if words := []string{"", "keep", "suspend"}; !slices.Contains(words, p.Away) {
		c.word(&p.Away, "away", p.Away, words[1:]...)
	}
	for _, pattern := range p.Entitlements {
		if _, err := path.Match(pattern, ""); err != nil {
			c.add(&p.Entitlements, fmt.Sprintf("pattern %q is malformed", pattern), "* matches anything but a slash, ? one character")
		}
	}
	c.templates(p)
	c.matching(name, p)
	c.accounts(p)
	if !slices.Contains(p.After, name) && c.comesAfter(name, name, map[string]bool{}) {
		c.add(&p.After, "after makes "+name+" wait for itself", "of programs that wait for one another, let one go first")
	}
	for _, other := range p.After {
		if c.Programs[other] == nil || other == name {
			c.add(&p.After, fmt.Sprintf("after names %q, which is no other program", other), engine.Suggest(other, slices.Collect(maps.Keys(c.Programs))))
		}
	}
	if p.Contract != nil && p.Contract.Budget != 0 && (p.Price == nil || !(p.Contract.Budget > 0 && p.Contract.Budget <= mostPrice)) {
		c.add(&p.Contract.Budget, "program "+name+": the budget is no amount of money, or the program has no price", "budget: 500, in the currency of price:")
	}
	c.seats(name, p)
	if p.Usage != nil && strings.TrimSpace(p.Usage.Purpose) == "" {
		c.add(p.Usage, "program "+name+": usage: has no purpose", "purpose: \"licences that nobody needs are given back\"")
	}
	if p.Usage != nil && strings.TrimSpace(p.Usage.LastUsed) == "" {
		c.add(p.Usage, "program "+name+": usage: does not say which attribute of an account holds the last use", "last_used: last_login")
	}
	if p.Concurrency < 0 || p.Rate < 0 {
		c.add(p, "program "+name+": concurrency and rate can't be negative", "")
	}
}

func (c *checks) accounts(p *Program) {
	for _, name := range slices.Sorted(maps.Keys(p.Accounts)) {
		a := p.Accounts[name]
		nobodys := a.Kind == engine.ServiceAccount || a.Kind == engine.SharedAccount
		if kinds := []string{engine.ServiceAccount, engine.SharedAccount, engine.AdminAccount, engine.TestAccount, engine.PersonalAccount}; !slices.Contains(kinds, a.Kind) {
			c.word(&a.Kind, "account "+name+": kind", a.Kind, kinds...)
			continue
		}
		if nobodys && (a.Owner == "" || a.Review.IsZero()) {
			c.add(a, fmt.Sprintf("the %s account %q has no owner or no review", a.Kind, name), "owner: names who answers for it, review: the day by which it is looked at again")
		}
		if !nobodys && (a.Owner != "" || !a.Review.IsZero()) {
			c.add(a, fmt.Sprintf("the %s account %q has owner or review", a.Kind, name), "only service and shared accounts have them; for others the person answers")
		}
	}
}

// comesAfter says whether a program's work comes after another one's, by whatever way.
func (c *checks) comesAfter(name, other string, seen map[string]bool) bool {
	for _, before := range c.Programs[name].After {
		if before == other {
			return true
		}
		if c.Programs[before] == nil || seen[before] {
			continue
		}
		seen[before] = true
		if c.comesAfter(before, other, seen) {
			return true
		}
	}
	return false
}

func (c *checks) templates(p *Program) {
	known := c.attributeNames()
	one := func(field any, text string) {
		if text == "" {
			return
		}
		t, err := ParseTemplate(text)
		if err != nil {
			c.add(field, err.Error(), "write {login} for an attribute, {{ for a brace")
			return
		}
		for _, name := range t.Names() {
			if !slices.Contains(known, name) {
				hint := engine.Suggest(name, known)
				if hint == "" {
					hint = "declared are: " + strings.Join(known, ", ")
				}
				c.add(field, fmt.Sprintf("{%s} is not declared in the attributes of a directory", name), hint)
			}
		}
	}
	one(&p.Create, p.Create)
	one(&p.MatchWith, p.MatchWith)
	for _, name := range slices.Sorted(maps.Keys(p.Attributes)) {
		one(&p.Attributes, p.Attributes[name])
	}
}

// attributeNames are the names that templates may use, sorted.
func (c *checks) attributeNames() []string {
	set := map[string]bool{"key": true}
	for _, d := range c.Directories {
		for name := range d.Attributes {
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}
