package config

import (
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// rejoin undoes a slip of the library (v1.19.2): within { }, it takes the item ldaps://a:636 of a list for a mapping, where
// YAML wants a space after the colon (YAML 1.2.2, 7.3.3: a colon before a safe character is part of the scalar).
func rejoin(item ast.Node) ast.Node {
	m, ok := item.(*ast.MappingNode)
	if !ok || len(m.Values) != 1 || m.GetToken().Type != token.MappingValueType { // with { it is a mapping indeed
		return item
	}
	p := m.Values[0]
	value, ok := p.Value.(ast.ScalarNode)
	if !ok {
		return item
	}
	k, v := p.Key.GetToken(), value.GetToken()
	if quoted(k) || quoted(v) || k.Position.Line != v.Position.Line || v.Position.Column != k.Position.Column+utf8.RuneCountInString(k.Value)+1 {
		return item
	}
	whole := *k
	whole.Value += ":" + v.Value
	return ast.String(&whole)
}

func quoted(t *token.Token) bool {
	return t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
}
