package policies

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	yaml "github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Bounds of one policy file. They are far above what people write and keep hostile input cheap.
const (
	maxFile   = 4 << 20 // bytes
	maxTokens = 60_000  // some thousand rules; the parser's time grows with their square on some input
	maxColumn = 100     // where a line may begin: bounds the nesting of blocks
	maxFlow   = 16      // nested [ and {
	maxInLine = 8       // "- - -" in one line
)

type kind uint8

const (
	scalar kind = iota
	list
	table
	empty // nothing after the colon or the dash
)

// node is a piece of YAML with its place.
type node struct {
	kind      kind
	text      string // of a scalar
	typed     string // what YAML takes an unquoted scalar for if not text: "number", "true or false", …
	quoted    bool
	block     bool // | or >
	line, col int
	items     []*node
	entries   []entry
}

type entry struct{ key, value *node }

// parseTree reads one file. A problem of syntax ends it: what follows one can't be trusted.
func parseTree(src []byte) (root *node, line, col int, wrong *problem) {
	// The library is fuzzed, but a panic of it must not become ours: the file is refused.
	defer func() {
		if r := recover(); r != nil {
			root, line, col, wrong = nil, 1, 1, &problem{text: fmt.Sprintf("can't be read as YAML: %v", r)}
		}
	}()
	if line, col, wrong = checkBytes(src); wrong != nil {
		return nil, line, col, wrong
	}
	tokens := lexer.Tokenize(string(src))
	if line, col, wrong = checkTokens(tokens); wrong != nil {
		return nil, line, col, wrong
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		line, col, wrong = syntaxProblem(err)
		return nil, line, col, wrong
	}
	switch {
	case len(file.Docs) == 0 || file.Docs[0].Body == nil:
		return nil, 1, 1, &problem{text: "the file is empty", hint: "it may be cut off; remove it if it is not needed"}
	case len(file.Docs) > 1 && file.Docs[1].Body != nil:
		p := file.Docs[1].Body.GetToken().Position
		return nil, p.Line, max(1, p.Column), &problem{text: "the file has a second document", hint: "write a second file"}
	}
	return toNode(file.Docs[0].Body), 0, 0, nil
}

func syntaxProblem(err error) (line, col int, wrong *problem) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		p := e.GetToken().Position
		return p.Line, max(1, p.Column), &problem{text: "not valid YAML: " + e.GetMessage()}
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return 1, 1, &problem{text: "not valid YAML: " + first}
}

func checkBytes(src []byte) (line, col int, wrong *problem) {
	line, col = 1, 1
	if len(src) > maxFile {
		return line, col, &problem{text: fmt.Sprintf("the file is larger than %d bytes", maxFile), hint: "write several files"}
	}
	if len(src) > 0 && src[len(src)-1] != '\n' {
		n := bytes.Count(src, []byte{'\n'}) + 1
		return n, len(src) - bytes.LastIndexByte(src, '\n'), &problem{text: "the last line has no end: the file may be cut off", hint: "end it with a newline"}
	}
	for i := 0; i < len(src); {
		r, n := utf8.DecodeRune(src[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			return line, col, &problem{text: "not UTF-8"}
		case r < ' ' && r != '\n' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff:
			return line, col, &problem{text: fmt.Sprintf("character %U is not allowed", r), hint: "indent with spaces, end lines with a plain newline"}
		case r == '\n':
			line, col = line+1, 0
		}
		i, col = i+n, col+1
	}
	return 0, 0, nil
}

// checkTokens refuses, before anything is built, what could grow (anchors) or nest without end, and what policy files
// have no use for (tags, directives).
func checkTokens(tokens token.Tokens) (line, col int, wrong *problem) {
	flow, atLine, inLine := 0, 0, 0
	for i, t := range tokens {
		line, col = t.Position.Line, max(1, t.Position.Column)
		if i == maxTokens {
			return line, col, &problem{text: "the file is too long to be read from here on", hint: "write several files"}
		}
		if line != atLine {
			atLine, inLine = line, 0
			if col > maxColumn && flow == 0 {
				return line, col, &problem{text: "indented too far"}
			}
		}
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return line, col, &problem{text: "anchors and aliases are not allowed", hint: "repeat the value"}
		case token.TagType, token.DirectiveType:
			return line, col, &problem{text: "tags and directives are not allowed"}
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType:
			inLine++
		}
		if flow > maxFlow || inLine > maxInLine {
			return line, col, &problem{text: "nested too deeply"}
		}
	}
	return 0, 0, nil
}

func toNode(n ast.Node) *node {
	if n == nil {
		return &node{kind: empty}
	}
	out := &node{}
	if t := n.GetToken(); t != nil {
		out.line, out.col, out.text = t.Position.Line, max(1, t.Position.Column), t.Value
	}
	switch n := n.(type) {
	case *ast.MappingNode:
		out.table(n.Values...)
	case *ast.MappingValueNode:
		out.table(n)
	case *ast.SequenceNode:
		out.kind = list
		for _, v := range n.Values {
			out.items = append(out.items, rejoin(toNode(v)))
		}
	case *ast.LiteralNode:
		out.block, out.text = true, n.Value.Value
	case *ast.StringNode:
		out.text = n.Value
		out.quoted = n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
	case *ast.NullNode:
		out.kind = empty
	case *ast.BoolNode:
		out.typed = "true or false"
	default:
		out.typed = "a number"
	}
	return out
}

// rejoin undoes a slip of the library (v1.19.2): within { }, it takes the item group:engineer of a list for a table,
// where YAML wants a space after the colon (YAML 1.2.2, 7.3.3: a colon before a safe character is part of the scalar).
func rejoin(n *node) *node {
	if n.kind != table || n.text != ":" || len(n.entries) != 1 {
		return n
	}
	key, value := n.entries[0].key, n.entries[0].value
	plain := key.kind == scalar && value.kind == scalar && !key.quoted && !value.quoted && !value.block
	if !plain || key.line != value.line || value.col != key.col+utf8.RuneCountInString(key.text)+1 {
		return n
	}
	return &node{text: key.text + ":" + value.text, line: key.line, col: key.col}
}

func (n *node) table(values ...*ast.MappingValueNode) {
	n.kind = table
	for _, v := range values {
		n.entries = append(n.entries, entry{key: toNode(v.Key), value: toNode(v.Value)})
	}
	if len(n.entries) > 0 && n.text == ":" { // a block table has no sign of its own: it begins at its first key
		n.line, n.col = n.entries[0].key.line, n.entries[0].key.col
	}
}
