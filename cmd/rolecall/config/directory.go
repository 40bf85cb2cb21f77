package config

import (
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/directory"
)

// Directory is one source of people. Keys that are not listed here belong to its kind.
type Directory struct {
	// Name of the directory, for messages and proofs.
	Name string `yaml:"name"`
	// Kind: `csv`, `ldif` or `ldap`.
	Kind string `yaml:"kind"`
	// Authority is `people` for the directory that decides who exists; the others only add to its people.
	Authority string `yaml:"authority"`
	// Join says how entries of a directory without authority are joined to people.
	Join *Join `yaml:"join"`
	// Key is the source's attribute that identifies a person for ever: entryUUID, objectGUID, an employee number.
	Key string `yaml:"key"`
	// ExactKey says that keys which differ only in case are different keys.
	ExactKey bool `yaml:"exact_key"`
	// Attributes maps Rolecall's names to the source's: `login: uid`, or `languages: {from: lang, multi: true}`. `login`,
	// `mail` and `name` have meaning; all can be used in conditions and templates.
	Attributes map[string]Attribute `yaml:"attributes"`
	// State says who is active, away, about to come, or gone.
	State State `yaml:"state"`
	// Dates says which attributes hold a job's first and last day.
	Dates directory.Dates `yaml:"dates"`
	// Zone says in which time zone a person's dates end.
	Zone Zone `yaml:"zone"`
	// Roles says where roles come from.
	Roles []Role `yaml:"roles"`
	// Canaries are entries that are always there: a read without one of them is not complete.
	Canaries []Canary `yaml:"canaries"`

	// Settings are the keys that belong to the kind.
	Settings Section     `yaml:"-"`
	File     *FileSource `yaml:"-"` // the settings of csv and ldif
	LDAP     *LDAPSource `yaml:"-"` // the settings of ldap
}

// Join says how entries are joined to people of the directory with authority: both values must be equal.
type Join struct {
	// Attribute of this directory, one of its declared ones or `key`.
	Attribute string `yaml:"attribute"`
	// With is the person's attribute, or `key`.
	With string `yaml:"with"`
}

// Attribute is one declared attribute.
type Attribute struct {
	// From is the source's name of it.
	From string `yaml:"from"`
	// Multi keeps all values, as a list. Without it more than one value makes the attribute unknown.
	Multi bool `yaml:"multi"`
	// Job says that it belongs to a job and not to the person: title, department, cost_centre, country, manager, start and
	// end do unless it is false.
	Job *bool `yaml:"job"`
	// Fold takes values that differ only in case for equal; login and mail always do.
	Fold bool `yaml:"fold"`
	// Split separates the values of a list within one CSV cell, a semicolon unless set.
	Split string `yaml:"split"`
}

func (a *Attribute) decode(d *decoder, n ast.Node) { d.shortOr(n, &a.From, a) }

// OfJob says whether the attribute of that name belongs to a job.
func (a *Attribute) OfJob(name string) bool {
	if a.Job != nil {
		return *a.Job
	}
	return slices.Contains([]string{"title", "department", "cost_centre", "country", "manager", "start", "end"}, name)
}

// State says where somebody stands. Each is an expression over the declared attributes; who matches none is active.
type State struct {
	// Left is the explicit mark of a leaver.
	Left string `yaml:"left"`
	// Away: parental leave, sabbatical.
	Away string `yaml:"away"`
	// Upcoming: hired, not there yet.
	Upcoming string `yaml:"upcoming"`
	// Active, for directories that mark it.
	Active string `yaml:"active"`
}

// Zone says in which time zone a person's dates end, the company's unless set.
type Zone struct {
	// Attribute that holds an IANA name, or the name of a site.
	Attribute string `yaml:"attribute"`
	// Sites maps values of the attribute to IANA names.
	Sites map[string]string `yaml:"sites"`
}

// Role is one source of roles: exactly one of group, attribute and when is set.
type Role struct {
	// As names the source, the part of a role before the colon: `group`, the attribute's name or `expression` unless set.
	As string `yaml:"as"`
	// Attribute whose values are roles, one of the declared ones.
	Attribute string `yaml:"attribute"`
	// Group: names of groups are roles.
	Group *directory.Groups `yaml:"group"`
	// When gives the role `name` to those for whom the expression holds.
	When string `yaml:"when"`
	// Name of the role that when gives.
	Name string `yaml:"name"`
}

// Label is the part of a role before the colon.
func (r *Role) Label() string {
	switch {
	case r.As != "":
		return r.As
	case r.Group != nil:
		return "group"
	case r.Attribute != "":
		return r.Attribute
	}
	return "expression"
}

// Canary is an entry that is known to be there.
type Canary struct {
	// Entry is its DN or key.
	Entry string `yaml:"entry"`
	// Attribute, declared, that is known to be shown.
	Attribute string `yaml:"attribute"`
	// Value it is known to have.
	Value string `yaml:"value"`
}

func (c *Canary) decode(d *decoder, n ast.Node) { d.shortOr(n, &c.Entry, c) }

// FileSource are the keys of the kinds csv and ldif.
type FileSource struct {
	// Path of the file.
	Path string `yaml:"path"`
	// MaxAge after which the file is stale and nobody's absence is believed; 0: never.
	MaxAge time.Duration `yaml:"max_age"`
	// Complete says how the end of the file is known; without it the file never proves an absence.
	Complete Complete `yaml:"complete"`
	// Delimiter between the fields of a CSV file, a comma unless set.
	Delimiter string `yaml:"delimiter"`
	// Encoding of a CSV file: utf-8 unless set, windows-1252, iso-8859-1, iso-8859-15 or utf-16.
	Encoding string `yaml:"encoding"`
	// People says which entries of an LDIF file are people.
	People directory.Search `yaml:"people"`
}

// Complete says how the end of a file is known. One of the keys is enough; all that are set must hold.
type Complete struct {
	// Count is the word before the declared number of records: `rows` finds the CSV row `rows,120` and the LDIF comment
	// `# rows: 120`.
	Count string `yaml:"count"`
	// End is the mark that stands last: the first cell of the last CSV row, the text of the last LDIF comment.
	End string `yaml:"end"`
	// Done is a file that is written once this one is finished; it may begin with this one's SHA-256 or number of records.
	Done string `yaml:"done"`
	// Whole takes an LDIF file for whole that ends with a blank line.
	Whole bool `yaml:"whole"`
}

// LDAPSource are the keys of the kind ldap.
type LDAPSource struct {
	// URL of the server, or a list of URLs that are tried in turn: `ldaps://`, or `ldap://` with start_tls.
	URL []string `yaml:"url"`
	// Profile: `openldap`, `ad`, `389ds` or `freeipa`; it fills in what the others leave out.
	Profile string `yaml:"profile"`
	// StartTLS begins TLS on a plain connection.
	StartTLS bool `yaml:"start_tls"`
	// Plain lets the password travel without TLS to another host; a server on this machine needs no leave.
	Plain bool `yaml:"plain"`
	// CA is a file with the certificates to trust, instead of the system's.
	CA string `yaml:"ca"`
	// ServerName is expected in the certificate, the URL's host unless set.
	ServerName string `yaml:"server_name"`
	// Bind says how to sign in.
	Bind Bind `yaml:"bind"`
	// People says which entries are people.
	People directory.Search `yaml:"people"`
	// PageSize of a paged search; 0: 1000.
	PageSize int `yaml:"page_size"`
	// Timeout of one answer; 0: 30s.
	Timeout time.Duration `yaml:"timeout"`
}

// Bind says how to sign in.
type Bind struct {
	// DN to sign in as, with the password.
	DN string `yaml:"dn"`
	// Password is a reference to it.
	Password engine.Secret `yaml:"password"`
	// External signs in by the client certificate (SASL EXTERNAL).
	External *External `yaml:"external"`
	// GSSAPI signs in by Kerberos.
	GSSAPI *GSSAPI `yaml:"gssapi"`
}

// External is a client certificate.
type External struct {
	// Cert is the certificate's file.
	Cert string `yaml:"cert"`
	// Key is its key's file.
	Key string `yaml:"key"`
}

// GSSAPI is a Kerberos sign-in.
type GSSAPI struct {
	// Krb5Conf is the Kerberos configuration, /etc/krb5.conf unless set.
	Krb5Conf string `yaml:"krb5_conf"`
	// Principal to sign in as, name@REALM.
	Principal string `yaml:"principal"`
	// Keytab is the file with its keys.
	Keytab string `yaml:"keytab"`
	// Service of the server, ldap/HOST unless set.
	Service string `yaml:"service"`
}
