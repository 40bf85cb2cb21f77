package render

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
)

// object writes one JSON object field by field, in the very form of Out.JSON: encoding/json makes the text of a whole value
// before it writes any, which for the plan of a big company is more than the plan itself.
type object struct {
	out    *bufio.Writer
	buf    *bytes.Buffer
	indent string
	fields int
	err    error
}

// writeObject writes an object, whose fields are written by the given function.
func writeObject(w io.Writer, fields func(*object)) error {
	x := &object{out: bufio.NewWriterSize(w, 64<<10), buf: &bytes.Buffer{}}
	x.fill(fields)
	x.text("\n")
	if x.err != nil {
		return x.err
	}
	return x.out.Flush()
}

func (x *object) fill(fields func(*object)) {
	x.text("{")
	fields(x)
	if x.fields > 0 {
		x.text("\n" + x.indent)
	}
	x.text("}")
}

func (x *object) text(s string) {
	if _, err := x.out.WriteString(s); err != nil && x.err == nil {
		x.err = err
	}
}

// name begins a field.
func (x *object) name(name string) {
	if x.fields++; x.fields > 1 {
		x.text(",")
	}
	x.text("\n" + x.indent + "  \"" + name + "\": ")
}

func (x *object) field(name string, value any) {
	x.name(name)
	x.value(value, x.indent+"  ")
}

func (x *object) object(name string, fields func(*object)) {
	x.name(name)
	inner := &object{out: x.out, buf: x.buf, indent: x.indent + "  "}
	inner.fill(fields)
	if x.err == nil {
		x.err = inner.err
	}
}

func (x *object) value(value any, indent string) {
	x.buf.Reset()
	e := json.NewEncoder(Visible(x.buf))
	e.SetIndent(indent, "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil && x.err == nil {
		x.err = err
	}
	x.text(string(bytes.TrimSuffix(x.buf.Bytes(), []byte("\n"))))
}

// list is a field with one value after the other.
func list[T any](x *object, name string, values []T) {
	x.name(name)
	if len(values) == 0 {
		x.text("[]")
		return
	}
	indent := x.indent + "    "
	for i := range values {
		x.text([]string{"[", ","}[min(i, 1)] + "\n" + indent)
		x.value(&values[i], indent)
	}
	x.text("\n" + x.indent + "  ]")
}
