package manual

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

func (c *Config) defaults() {
	c.Separator = cmp.Or(c.Separator, ";")
	c.Columns.Account, c.Columns.Active = cmp.Or(c.Columns.Account, "account"), cmp.Or(c.Columns.Active, "active")
	c.Columns.Entitlements, c.Columns.Name = cmp.Or(c.Columns.Entitlements, "entitlements"), cmp.Or(c.Columns.Name, "name")
	if len(c.Active) == 0 { // but for what is configured as inactive: in a column "locked", that may be yes
		c.Active = slices.DeleteFunc([]string{"yes", "true", "1", "active"}, func(word string) bool { return says(c.Inactive, word) })
	}
	if len(c.Inactive) == 0 {
		c.Inactive = []string{"no", "false", "0", "inactive", "disabled", "locked"}
	}
}

func says(words []string, text string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.EqualFold(word, text) })
}

// needed are the columns that a list must have: a misspelled one would otherwise be taken for one that the program does not export.
func (c *Config) needed() []string {
	need := []string{cmp.Or(c.Columns.Account, "account"), cmp.Or(c.Columns.Entitlements, "entitlements")}
	if c.Columns.Active != "" || len(c.Active) > 0 || len(c.Inactive) > 0 {
		need = append(need, cmp.Or(c.Columns.Active, "active"))
	}
	if c.Columns.Name != "" {
		need = append(need, c.Columns.Name)
	}
	return need
}

// header refuses a first line that leaves open what the columns mean.
func (p *Program) header(columns []string) error {
	for _, need := range p.needed {
		if !slices.Contains(columns, need) {
			return fmt.Errorf("column %q is missing; name it in columns, as the list spells it", need)
		}
	}
	for i, c := range columns {
		if c != "" && slices.Contains(columns[:i], c) {
			return fmt.Errorf("column %q is there twice; export it once, or rename one", c)
		}
		if active := p.config.Columns.Active; strings.EqualFold(strings.TrimSpace(c), active) && c != active {
			return fmt.Errorf("column %q may be %q; name it in columns, as the list spells it", c, active)
		}
	}
	return nil
}

// canBeUsed is what the column active says, active first. A word that nobody explained is neither yes nor no.
func (p *Program) canBeUsed(text string) (bool, error) {
	text = strings.TrimSpace(text)
	active := says(p.config.Active, text)
	if !active && !says(p.config.Inactive, text) {
		return false, fmt.Errorf("nobody knows whether %q means active; name it in active or inactive", text)
	}
	return active, nil
}
