package ldapconn

import "fmt"

// BER tags of RFC 4511; class and constructed bit included.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagOctetString = 0x04
	tagEnumerated  = 0x0a
	tagSequence    = 0x30
	tagSet         = 0x31

	opBindRequest   = 0x60
	opBindResponse  = 0x61
	opUnbindRequest = 0x42
	opSearchRequest = 0x63
	opSearchEntry   = 0x64
	opSearchDone    = 0x65
	opModifyRequest = 0x66
	opModifyAnswer  = 0x67
	opSearchRef     = 0x73
	opExtRequest    = 0x77
	opExtResponse   = 0x78

	tagControls   = 0xa0
	tagReferral   = 0xa3
	tagSASL       = 0xa3
	tagSimple     = 0x80
	tagSASLCreds  = 0x87
	tagExtReqName = 0x80
	tagExtRspName = 0x8a
)

// maxInt is the largest INTEGER of the protocol (RFC 4511 section 4.1.1).
const maxInt = 1<<31 - 1

// scanner walks over the elements of one BER value. It takes the subset of
// RFC 4511 section 5.1: definite lengths and low tag numbers only. It never
// looks past its text and never panics; everything it returns is a slice of
// the text.
type scanner struct{ rest string }

func (s *scanner) done() bool { return s.rest == "" }

// next takes one element off.
func (s *scanner) next() (tag byte, body string, err error) {
	if len(s.rest) < 2 {
		return 0, "", malformed("element cut short")
	}
	tag = s.rest[0]
	if tag&0x1f == 0x1f {
		return 0, "", malformed("tag number above 30")
	}
	n, header := int64(s.rest[1]), 2
	if n >= 0x80 {
		size := int(n & 0x7f)
		if len(s.rest) < 2+size {
			return 0, "", malformed("length cut short")
		}
		if n, err = longLength(s.rest[2 : 2+size]); err != nil {
			return 0, "", err
		}
		header += size
	}
	if n > int64(len(s.rest)-header) {
		return 0, "", malformed("length runs over the end")
	}
	body = s.rest[header : header+int(n)]
	s.rest = s.rest[header+int(n):]
	return tag, body, nil
}

// longLength decodes the octets of a long definite length. Four octets are
// enough for what may arrive; leading zeros are legal BER and Active Directory
// sends them.
func longLength[T string | []byte](octets T) (int64, error) {
	if len(octets) == 0 {
		return 0, malformed("indefinite length")
	}
	if len(octets) > 4 {
		return 0, malformed("length of more than four octets")
	}
	var n int64
	for i := range len(octets) {
		n = n<<8 | int64(octets[i])
	}
	return n, nil
}

// expect takes one element off that must have the tag.
func (s *scanner) expect(want byte) (string, error) {
	tag, body, err := s.next()
	if err == nil && tag != want {
		err = malformed(fmt.Sprintf("tag 0x%02x where 0x%02x belongs", tag, want))
	}
	return body, err
}

// optional takes the next element off if it has the tag.
func (s *scanner) optional(want byte) (body string, found bool, err error) {
	if s.done() || s.rest[0] != want {
		return "", false, nil
	}
	_, body, err = s.next()
	return body, err == nil, err
}

// number takes an INTEGER or ENUMERATED off, 0..maxInt.
func (s *scanner) number(tag byte) (int, error) {
	body, err := s.expect(tag)
	if err != nil {
		return 0, err
	}
	if len(body) == 0 || len(body) > 8 {
		return 0, malformed("integer of no or too many octets")
	}
	n := int64(int8(body[0])) // the first octet carries the sign
	for i := 1; i < len(body); i++ {
		n = n<<8 | int64(body[i])
	}
	if n < 0 || n > maxInt {
		return 0, malformed("integer out of range")
	}
	return int(n), nil
}

func malformed(detail string) error {
	return Reason{Malformed, "the server's answer is no valid LDAP (" + detail + "); is it an LDAP port?"}
}

// element encodes one BER element with the parts as its content.
func element(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := make([]byte, 0, n+6)
	out = append(out, tag)
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n <= 0xffff:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func octets(tag byte, s string) []byte { return element(tag, []byte(s)) }

// integer encodes n, 0..maxInt.
func integer(tag byte, n int) []byte {
	out := []byte{byte(n)}
	for n >>= 8; n > 0; n >>= 8 {
		out = append([]byte{byte(n)}, out...)
	}
	if out[0]&0x80 != 0 {
		out = append([]byte{0}, out...)
	}
	return element(tag, out)
}

func boolean(v bool) []byte {
	if v {
		return element(tagBoolean, []byte{0xff})
	}
	return element(tagBoolean, []byte{0})
}
