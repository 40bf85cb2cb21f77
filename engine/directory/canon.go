package directory

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Values are made canonical once, here, so that the rest compares bytes.
//
// plain keeps what a value looks like: NFC, outer spaces gone, runs of spaces one space, marks of text direction and
// other invisible characters gone that could make two texts look alike or a page lie.
// folded is for values whose schema says that case does not matter: the preparation of RFC 4518 sections 2.2–2.6 (map
// invisible characters to nothing, case folding, NFKC, so that ａｌｉｃｅ and alice are one). Folding follows no
// language: the Turkish dotless ı stays apart from i.

var (
	errUTF8    = errors.New("not valid UTF-8")
	errControl = errors.New("a control character")
)

// Role gives the canonical form of a role's name, the part after the colon. Policies must be compared in this form.
func Role(name string) (string, error) { return folded(name) }

func plain(s string) (string, error) {
	if simple(s) {
		return s, nil
	}
	if err := readable(s); err != nil {
		return "", err
	}
	return collapse(norm.NFC.String(without(s, misleading))), nil
}

func folded(s string) (string, error) {
	if simple(s) {
		return strings.ToLower(s), nil
	}
	if err := readable(s); err != nil {
		return "", err
	}
	s = without(s, invisible)
	for range 2 { // folding can undo the normal form, and the normal form bring new capitals
		s = norm.NFKC.String(cases.Fold().String(norm.NFKC.String(s)))
	}
	return collapse(without(s, invisible)), nil
}

// simple says that a value is printable ASCII with single inner spaces: nearly all are, and they need no tables.
func simple(s string) bool {
	space := true
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' || c == ' ' && space {
			return false
		}
		space = c == ' '
	}
	return !space || s == ""
}

func readable(s string) error {
	if !utf8.ValidString(s) {
		return errUTF8
	}
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) && !unicode.IsSpace(r) }) {
		return errControl
	}
	return nil
}

func without(s string, drop func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if drop(r) {
			return -1
		}
		return r
	}, s)
}

// collapse keeps single inner spaces. Line breaks and tabs count as spaces: addresses have them.
func collapse(s string) string { return strings.Join(strings.Fields(s), " ") }

// misleading characters change how other characters look or are not seen at all; joiners are kept, since words of some
// languages need them.
func misleading(r rune) bool {
	switch r {
	case 0x00AD, 0x061C, 0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF:
		return true
	}
	return 0x202A <= r && r <= 0x202E || 0x2066 <= r && r <= 0x2069 || 0xFFF9 <= r && r <= 0xFFFB || 0xE0000 <= r && r <= 0xE007F
}

// invisible is what RFC 4518 section 2.2 maps to nothing, and the rest of Unicode's format characters and fillers.
func invisible(r rune) bool {
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x3164, 0xFFA0, 0xFFFC:
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Variation_Selector, r)
}
