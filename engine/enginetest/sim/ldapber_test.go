package sim

import "strings"

// BER tags of RFC 4511.
const (
	tagInteger    = 0x02
	tagOctets     = 0x04
	tagEnumerated = 0x0a
	tagSequence   = 0x30
	tagSet        = 0x31
	tagControls   = 0xa0

	opBind       = 0x60
	opBindAnswer = 0x61
	opSearch     = 0x63
	opEntry      = 0x64
	opSearchDone = 0x65
	opReference  = 0x73
	opExtended   = 0x78
)

const pagingOID = "1.2.840.113556.1.4.319"

// ber encodes one element. The encoder and the parser are simpler than those of the product and know nothing of them.
func ber(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := append(make([]byte, 0, n+4), tag)
	if n < 0x80 {
		out = append(out, byte(n))
	} else {
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func octets(s string) []byte { return ber(tagOctets, []byte(s)) }

// number encodes 0 to 32,767.
func number(tag byte, n int) []byte { return ber(tag, []byte{byte(n >> 8), byte(n)}) }

func values(name string, of []string) []byte {
	var all [][]byte
	for _, v := range of {
		all = append(all, octets(v))
	}
	return ber(tagSequence, octets(name), ber(tagSet, all...))
}

func envelope(id int, parts ...[]byte) []byte {
	return ber(tagSequence, append([][]byte{number(tagInteger, id)}, parts...)...)
}

func result(op byte, code int) []byte {
	return ber(op, number(tagEnumerated, code), octets(""), octets(""))
}

// done ends a page.
func done(id, code int, cookie string) []byte {
	control := ber(tagSequence, octets(pagingOID), ber(tagOctets, ber(tagSequence, number(tagInteger, 0), octets(cookie))))
	return envelope(id, result(opSearchDone, code), ber(tagControls, control))
}

// disconnection is the notice of RFC 4511 section 4.4.1, with the result "unavailable".
func disconnection() []byte {
	return envelope(0, ber(opExtended, number(tagEnumerated, 52), octets(""), octets(""), ber(0x8a, []byte("1.3.6.1.4.1.1466.20036"))))
}

// request is what the client asks.
type request struct {
	id         int
	op         byte
	base       string
	attributes []string
	size       int
	cookie     string
}

func (r request) wants(attribute string) bool {
	for _, a := range r.attributes {
		if strings.EqualFold(a, attribute) {
			return true
		}
	}
	return false
}

// elements takes a run of elements apart.
func elements(text []byte) (tags []byte, bodies [][]byte) {
	for len(text) > 0 {
		n, header := int(text[1]), 2
		if n >= 0x80 {
			header, n = 2+n&0x7f, 0
			for _, b := range text[2:header] {
				n = n<<8 | int(b)
			}
		}
		tags, bodies = append(tags, text[0]), append(bodies, text[header:header+n])
		text = text[header+n:]
	}
	return tags, bodies
}

func inner(text []byte) [][]byte {
	_, bodies := elements(text)
	return bodies
}

func integer(text []byte) (n int) {
	for _, b := range text {
		n = n<<8 | int(b)
	}
	return n
}

func parseRequest(message []byte) request {
	tags, parts := elements(inner(message)[0])
	r := request{id: integer(parts[0]), op: tags[1]}
	if r.op != opSearch {
		return r
	}
	op := inner(parts[1])
	r.base = string(op[0])
	for _, a := range inner(op[7]) {
		r.attributes = append(r.attributes, string(a))
	}
	if len(parts) > 2 {
		r.paging(inner(parts[2]))
	}
	return r
}

func (r *request) paging(controls [][]byte) {
	for _, c := range controls {
		if parts := inner(c); string(parts[0]) == pagingOID {
			value := inner(inner(parts[2])[0])
			r.size, r.cookie = integer(value[0]), string(value[1])
		}
	}
}
