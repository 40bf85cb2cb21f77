package scim

import "encoding/json"

// optional is a value that a provider may leave out. One that is not in an answer is unknown: most leave out what has no value (RFC 7643
// section 2.5), and what they don't support at all.
type optional struct {
	value string
	shown bool // also where it is null or ""
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional) UnmarshalJSON(data []byte) error {
	o.shown = true
	return json.Unmarshal(data, &o.value) // null leaves it empty
}

// MarshalJSON implements json.Marshaler.
func (o optional) MarshalJSON() ([]byte, error) { return json.Marshal(o.value) }

// IsZero keeps what is empty out of a request.
func (o optional) IsZero() bool { return o.value == "" }

func (o *optional) set(value string) { *o = optional{value, true} }
