package ldapconn

import (
	"encoding/hex"
	"strings"
)

// guidOrder is where the bytes of a GUID's text stand in its 16 octets: the first three groups are little-endian
// ([MS-DTYP] section 2.3.4.2).
var guidOrder = [16]int{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}

// GUIDText gives the text of an objectGUID, "" for what is none.
func GUIDText(octets string) string {
	if len(octets) != len(guidOrder) {
		return ""
	}
	ordered := make([]byte, len(guidOrder))
	for i, from := range guidOrder {
		ordered[i] = octets[from]
	}
	return UUIDText(ordered)
}

// GUIDOctets is the inverse of GUIDText; ok is false for other text.
func GUIDOctets(text string) (octets string, ok bool) {
	ordered, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(ordered) != len(guidOrder) || UUIDText(ordered) != text {
		return "", false
	}
	raw := make([]byte, len(guidOrder))
	for i, to := range guidOrder {
		raw[to] = ordered[i]
	}
	return string(raw), true
}

// UUIDText is the form of RFC 9562, in lower case, of 16 octets.
func UUIDText(octets []byte) string {
	h := hex.EncodeToString(octets)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
