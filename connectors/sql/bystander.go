package sql

import (
	"maps"
	"time"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// values are the parameters of an update: what it does not name stays as it is, of the type that it is.
func (p *Tables) values(a *account, to engine.NewAccount) map[string]any {
	out := map[string]any{}
	for column, value := range a.row {
		if same, ok := p.givenBack(value); ok && column != idColumn {
			out[column] = same
		}
	}
	fresh := values(to)
	if to.Name == "" || to.Name == a.info.Name { // which is the id where no column shows a name
		delete(fresh, "name")
	}
	maps.Copy(out, fresh)
	out["account"] = a.id
	return out
}

// givenBack is a value as the driver takes it; ok is false where that would be another one. SQLite's driver makes a time of a text, and
// another text of a time; the others show text as bytes, and would take those for binary data.
func (p *Tables) givenBack(value any) (same any, ok bool) {
	lite := p.dialect.name == "SQLite"
	switch v := value.(type) {
	case time.Time:
		return v, !lite
	case []byte:
		if !lite && utf8.Valid(v) {
			return string(v), true
		}
	}
	return value, true
}

// onlyAttributes refuses to change what has a meaning of its own. A rename says whose the account is, too.
func (a *account) onlyAttributes(to engine.NewAccount) error {
	for _, column := range []string{"account", "active", "kind", "name", "person"} {
		value, named := to.Attributes[column]
		if named && value != a.info.Attributes[column] && !(column == "person" && value == to.Person) {
			return refuse("the column %q is no attribute, it has a meaning of its own; leave it out of update:", column)
		}
	}
	return nil
}
