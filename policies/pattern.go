package policies

import (
	"strings"

	"github.com/rolecall/rolecall/engine"
)

// covers says whether a block's pattern forbids an entitlement. * stands for any text. Without its account nobody can use
// a right, and with nothing but rights forbidden an account would stay: so "erp" and "erp/*" both cover all of erp.
func covers(pattern string, e engine.Entitlement) bool {
	program, name, narrow := strings.Cut(pattern, "/")
	return glob(program, e.Program) && (!narrow || name == "*" || e.Name != engine.Active && glob(name, e.Name))
}

// glob matches a whole text against a pattern whose only sign is *, in time proportional to their product at worst.
func glob(pattern, s string) bool {
	star, back := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, back = i, j
			i++
		case i < len(pattern) && pattern[i] == s[j]:
			i, j = i+1, j+1
		case star >= 0:
			back++
			i, j = star+1, back
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
