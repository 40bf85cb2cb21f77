package sql

import (
	"fmt"
	"math/bits"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLogin is the longest name of an account that is made, in characters. MariaDB keeps 128, and older clients send 80.
const maxLogin = 80

// splitAccount takes an id apart: a host has no @ in it.
func splitAccount(id string) (login, host string, ok bool) {
	at := strings.LastIndexByte(id, '@')
	if at < 1 || at == len(id)-1 {
		return "", "", false
	}
	return id[:at], id[at+1:], true
}

// checkIdentifier accepts the names that statements are made about: letters, digits, spaces within, and what user names and hosts
// are written with. A backslash or a quote means different things by sql_mode and is never needed; what is beyond the basic plane
// can't be kept.
func checkIdentifier(what, name string) error {
	switch {
	case name == "" || !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, odd):
		return refuse("the %s %q has a character that no statement is made with; letters, digits, spaces within and . _ - + @ $ # ' are fine", what, name)
	case utf8.RuneCountInString(name) > maxLogin:
		return refuse("the %s %q is longer than %d characters", what, name, maxLogin)
	}
	return nil
}

func odd(r rune) bool {
	return r > 0xffff || !unicode.In(r, unicode.L, unicode.M, unicode.N) && !strings.ContainsRune(" ._-+@$#'", r)
}

var hostPattern = regexp.MustCompile(`^[a-z0-9_.:%/*-]{1,255}$`)

func checkHost(host string) error {
	if !hostPattern.MatchString(host) {
		return refuse("the host %q is none; write a name, an address, or a pattern with %% such as 10.1.%%", host)
	}
	return nil
}

// quoteName makes an identifier of MariaDB. Between backticks nothing but a backtick has a meaning, whatever sql_mode is.
func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func quoteAccount(login, host string) string { return quoteName(login) + "@" + quoteName(host) }

// privilege is a right of the form "SELECT on shop" or "SELECT on shop.orders".
type privilege struct{ what, database, table string }

// grantable privileges: none of them lets its holder give rights away.
var grantable = []string{"ALTER", "ALTER ROUTINE", "CREATE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "CREATE VIEW", "DELETE", "DELETE HISTORY", "DROP", "EVENT",
	"EXECUTE", "INDEX", "INSERT", "LOCK TABLES", "REFERENCES", "SELECT", "SHOW VIEW", "TRIGGER", "UPDATE"}

// onDatabases are those of them that MariaDB grants on no table.
var onDatabases = []string{"ALTER ROUTINE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "EVENT", "EXECUTE", "LOCK TABLES"}

var (
	privilegePattern = regexp.MustCompile(`^([A-Z ]+) on ([\pL\pN_$-]+)(?:\.([\pL\pN_$-]+))?$`)
	ownDatabases     = []string{"mysql", "information_schema", "performance_schema", "sys"}
)

func parsePrivilege(text string) (privilege, error) {
	m := privilegePattern.FindStringSubmatch(text)
	if m == nil {
		return privilege{}, fmt.Errorf("privilege %q is not of the form SELECT on database, or SELECT on database.table", text)
	}
	if !slices.Contains(grantable, m[1]) {
		return privilege{}, fmt.Errorf("privilege %q: %q can't be granted here; there are %s", text, m[1], strings.Join(grantable, ", "))
	}
	if slices.Contains(ownDatabases, strings.ToLower(m[2])) {
		return privilege{}, fmt.Errorf("privilege %q: the database %s is MariaDB's own", text, m[2])
	}
	if m[2] == onAll {
		return privilege{}, fmt.Errorf("privilege %q: a database of the name %s can't be told from all of them", text, onAll)
	}
	if m[3] != "" && slices.Contains(onDatabases, m[1]) {
		return privilege{}, fmt.Errorf("privilege %q: %s is granted on databases, not on tables", text, m[1])
	}
	return privilege{m[1], m[2], m[3]}, nil
}

// target is what the privilege is on. In the name of a database alone, _ and % stand for any text and are escaped.
func (p privilege) target() string {
	if p.table != "" {
		return quoteName(p.database) + "." + quoteName(p.table)
	}
	return quoteName(strings.NewReplacer("_", `\_`, "%", `\%`).Replace(p.database)) + ".*"
}

// onEntry names what an entry of mysql.db is on: a database, or, where _ or % was not escaped, all that are like it.
func onEntry(entry string) string {
	var name strings.Builder
	for i := 0; i < len(entry); i++ {
		switch c := entry[i]; {
		case c == '\\' && i+1 < len(entry):
			i++
			name.WriteByte(entry[i])
		case c == '_' || c == '%':
			return "databases like " + entry
		default:
			name.WriteByte(c)
		}
	}
	if one := name.String(); one != onAll && plainDatabase.MatchString(one) {
		return one
	}
	return "database " + quoteName(name.String()) // not to be taken for a table, or for everything
}

// onAll is what global privileges are on.
const onAll = "everything"

var plainDatabase = regexp.MustCompile(`^[\pL\pN_$-]+$`)

// adminOption of a role lets its holder give it to others.
const adminOption = " with admin option"

// ambiguous names of roles could be taken for something else.
func ambiguous(role string) bool {
	return strings.Contains(role, " on ") || strings.HasSuffix(role, adminOption)
}

// privilegeNames as the tables spell them, where GRANT spells them otherwise.
var privilegeNames = map[string]string{"CREATE TMP TABLE": "CREATE TEMPORARY TABLES", "GRANT": "GRANT OPTION", "DELETE VERSIONING ROWS": "DELETE HISTORY"}

// privilegesIn reads "Select_priv,Create_tmp_table_priv" and "Select,Create View".
func privilegesIn(list string) (out []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.ToUpper(strings.ReplaceAll(strings.TrimSuffix(name, "_priv"), "_", " ")); name != "" {
			if other, has := privilegeNames[name]; has {
				name = other
			}
			out = append(out, name)
		}
	}
	return out
}

// globalNames are the bits of a privilege on everything (sql/privilege.h of MariaDB 10.11).
var globalNames = []string{"SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "DROP", "RELOAD", "SHUTDOWN", "PROCESS", "FILE", "GRANT OPTION", "REFERENCES", "INDEX", "ALTER",
	"SHOW DATABASES", "SUPER", "CREATE TEMPORARY TABLES", "LOCK TABLES", "EXECUTE", "REPLICATION SLAVE", "BINLOG MONITOR", "CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE",
	"ALTER ROUTINE", "CREATE USER", "EVENT", "TRIGGER", "CREATE TABLESPACE", "DELETE HISTORY", "SET USER", "FEDERATED ADMIN", "CONNECTION ADMIN", "READ_ONLY ADMIN",
	"REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "BINLOG ADMIN", "BINLOG REPLAY", "SLAVE MONITOR"}

// mighty privileges on everything make an account one that could change its own rights, or Rolecall's.
// INSERT, UPDATE, DELETE, DROP, ALTER, TRIGGER (of the database mysql, too), GRANT OPTION, SUPER, CREATE USER, SET USER
const mighty = 1<<1 | 1<<2 | 1<<3 | 1<<5 | 1<<10 | 1<<13 | 1<<15 | createUser | 1<<27 | 1<<30

// mightyRoles finds those whose holders could change rights, also through another role.
func mightyRoles(roles []*mariaAccount) map[string]bool {
	out := map[string]bool{}
	for more := true; more; {
		more = false
		for _, role := range roles {
			if !out[role.login] && role.mightyWith(out) {
				out[role.login], more = true, true
			}
		}
	}
	return out
}

// mightyWith says that who holds this could change rights, by itself or by a role; everybody has PUBLIC.
func (a *mariaAccount) mightyWith(roles map[string]bool) bool {
	return a.mightyAlone() || roles["PUBLIC"] || slices.ContainsFunc(a.roles, func(role string) bool { return roles[role] })
}

// mightyAlone: on everything, by giving on what it holds, in the tables that keep rights, or in the name of another account.
func (a *mariaAccount) mightyAlone() bool {
	return a.access&mighty != 0 || slices.ContainsFunc(a.holds, func(held string) bool {
		what, on, _ := strings.Cut(held, " on ")
		pattern, like := strings.CutPrefix(on, "databases like ")
		return what == "PROXY" || what == "GRANT OPTION" || strings.HasSuffix(held, adminOption) || writes[what] && (on == "mysql" || strings.HasPrefix(on, "mysql.") || like && likeMySQL(pattern))
	})
}

var writes = map[string]bool{"INSERT": true, "UPDATE": true, "DELETE": true, "ALTER": true, "DROP": true, "TRIGGER": true}

// likeMySQL compares a pattern of databases with the name mysql.
func likeMySQL(pattern string) bool {
	text := strings.NewReplacer("%", ".*", "_", ".").Replace(regexp.QuoteMeta(strings.ReplaceAll(pattern, `\`, "")))
	matched, err := regexp.MatchString("^"+text+"$", "mysql")
	return matched || err != nil
}

// The bits of CREATE USER and CONNECTION ADMIN.
const (
	createUser      = uint64(1) << 25
	connectionAdmin = uint64(1) << 32
)

func globalPrivileges(access uint64) (out []string) {
	for left := access; left != 0; left &= left - 1 {
		if n := bits.TrailingZeros64(left); n < len(globalNames) {
			out = append(out, globalNames[n])
		} else if access != ^uint64(0) { // root is written with all bits
			out = append(out, fmt.Sprintf("PRIVILEGE %d", n))
		}
	}
	return out
}
