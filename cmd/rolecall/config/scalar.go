package config

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// isText says that a struct is written as one word: a date, for one.
func isText(v reflect.Value) bool {
	if v.Type() == reflect.TypeFor[time.Time]() {
		return true
	}
	return v.CanAddr() && v.Addr().Type().Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// scalar fills v from the text of a scalar as it stands in the file: a number is a fine name, and "no" a fine country.
func (d *decoder) scalar(n ast.Node, v reflect.Value) {
	text, ok := d.text(n)
	if !ok {
		return
	}
	if err := setScalar(v, n, text); err != nil {
		d.complain(n, err.Error(), "")
	}
}

func (d *decoder) text(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.NullNode:
		d.complain(n, "a value is missing", "")
	case *ast.MappingNode, *ast.MappingValueNode, *ast.SequenceNode:
		d.complain(n, "this must be a single value", "")
	case ast.ScalarNode:
		return n.GetToken().Value, true
	default:
		d.complain(n, "this must be a single value", "")
	}
	return "", false
}

func setScalar(v reflect.Value, n ast.Node, text string) error {
	if v.Type() == reflect.TypeFor[time.Time]() {
		t, err := ParseDate(text)
		v.Set(reflect.ValueOf(t))
		return err
	}
	if v.Type() == reflect.TypeFor[time.Duration]() {
		span, err := ParseDuration(text)
		v.SetInt(int64(span))
		return err
	}
	if v.CanAddr() {
		if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
			return u.UnmarshalText([]byte(text))
		}
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if n.Type() != ast.BoolType {
			return fmt.Errorf("this must be true or false")
		}
		v.SetBool(strings.EqualFold(text, "true"))
	case reflect.Int, reflect.Int32, reflect.Int64:
		i, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, v.Type().Bits())
		if err != nil || n.Type() != ast.IntegerType {
			return fmt.Errorf("this must be a whole number")
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
		if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
			return fmt.Errorf("this must be a number")
		}
		v.SetFloat(f)
	default:
		return fmt.Errorf("this kind of value (%s) can't be configured", v.Type())
	}
	return nil
}

// ParseDuration reads a span of time: 90s, 15m, 24h, 1h30m, 30d, 2w, 1d12h. A day is 24 hours. Negative spans and bare
// numbers are refused, so that nobody has to guess the unit.
func ParseDuration(text string) (time.Duration, error) {
	fail := fmt.Errorf("%q is not a span of time; write it like 30d, 24h or 15m", text)
	var total time.Duration
	rest := text
	for _, unit := range []struct {
		letter string
		span   time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, after, found := strings.Cut(rest, unit.letter)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || time.Duration(n) > (math.MaxInt64-total)/unit.span {
			return 0, fail
		}
		total, rest = total+time.Duration(n)*unit.span, after
	}
	if rest == "" && text != "" {
		return total, nil
	}
	if rest == "0" && total == 0 {
		return 0, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d > math.MaxInt64-total || strings.ContainsAny(rest, "+-") {
		return 0, fail
	}
	return total + d, nil
}

// FormatDuration is the shortest text that ParseDuration reads back.
func FormatDuration(d time.Duration) string {
	if day := 24 * time.Hour; d >= day && d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ParseDate reads a calendar date, 2027-03-31.
func ParseDate(text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a date; write it like 2027-03-31", text)
	}
	return t, nil
}
