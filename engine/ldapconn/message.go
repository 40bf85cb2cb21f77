package ldapconn

import "strings"

// message is one LDAPMessage (RFC 4511 section 4.1.1).
type message struct {
	id       int
	op       byte   // tag of the protocolOp
	body     string // its content
	controls string // content of the controls, or ""
}

// parseMessage takes the content of the outer SEQUENCE.
func parseMessage(text string) (message, error) {
	s := scanner{text}
	var m message
	var err error
	if m.id, err = s.number(tagInteger); err != nil {
		return m, err
	}
	if m.op, m.body, err = s.next(); err != nil {
		return m, err
	}
	if m.controls, _, err = s.optional(tagControls); err != nil {
		return m, err
	}
	return m, s.end()
}

// end checks that nothing is left.
func (s *scanner) end() error {
	if !s.done() {
		return malformed("something after the last element")
	}
	return nil
}

// ldapResult is the part that all final answers share (RFC 4511 section 4.1.9).
type ldapResult struct {
	code      int
	matchedDN string
	message   string
	referrals []string
	saslCreds string
	name      string // responseName of an extended response
}

func parseResult(body string) (ldapResult, error) {
	s := scanner{body}
	var r ldapResult
	var err error
	if r.code, err = s.number(tagEnumerated); err != nil {
		return r, err
	}
	if r.matchedDN, err = s.expect(tagOctetString); err != nil {
		return r, err
	}
	if r.message, err = s.expect(tagOctetString); err != nil {
		return r, err
	}
	for !s.done() && err == nil {
		err = r.addOptional(&s)
	}
	return r, err
}

// addOptional reads one of the elements that may follow; unknown ones are
// skipped, as RFC 4511 section 4 demands of extensible sequences.
func (r *ldapResult) addOptional(s *scanner) error {
	tag, body, err := s.next()
	if err != nil {
		return err
	}
	switch tag {
	case tagReferral:
		r.referrals, err = stringsOf(body)
	case tagSASLCreds:
		r.saslCreds = body
	case tagExtRspName:
		r.name = body
	}
	return err
}

// err is the *LDAPError of an answer other than success.
func (r ldapResult) err(op string) error {
	if r.code == 0 {
		return nil
	}
	text := r.message
	if len(r.referrals) > 0 {
		text = strings.TrimSpace(text + " " + strings.Join(r.referrals, " "))
	}
	return &LDAPError{Op: op, Code: r.code, MatchedDN: r.matchedDN, Message: text}
}

// stringsOf reads a run of OCTET STRINGs.
func stringsOf(body string) ([]string, error) {
	var out []string
	for s := (scanner{body}); !s.done(); {
		text, err := s.expect(tagOctetString)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// parseEntry reads a SearchResultEntry (RFC 4511 section 4.5.2). Its strings
// share the memory of body.
func parseEntry(body string) (*Entry, error) {
	s := scanner{body}
	dn, err := s.expect(tagOctetString)
	if err != nil {
		return nil, err
	}
	list, err := s.expect(tagSequence)
	if err != nil {
		return nil, err
	}
	if err := s.end(); err != nil {
		return nil, err
	}
	attributes, values, err := countValues(list)
	if err != nil {
		return nil, err
	}
	e := &Entry{DN: dn, Attributes: make([]Attribute, 0, attributes)}
	all := make([]string, 0, values)
	for a := (scanner{list}); !a.done(); {
		name, set, err := nextAttribute(&a)
		if err != nil {
			return nil, err
		}
		from := len(all)
		for v := (scanner{set}); !v.done(); {
			value, err := v.expect(tagOctetString)
			if err != nil {
				return nil, err
			}
			all = append(all, value)
		}
		e.Attributes = append(e.Attributes, Attribute{Name: name, Values: all[from:len(all):len(all)]})
	}
	return e, nil
}

// countValues makes it possible to allocate all values of an entry at once.
func countValues(list string) (attributes, values int, err error) {
	for a := (scanner{list}); !a.done(); attributes++ {
		_, set, err := nextAttribute(&a)
		if err != nil {
			return 0, 0, err
		}
		for v := (scanner{set}); !v.done(); values++ {
			if _, _, err := v.next(); err != nil {
				return 0, 0, err
			}
		}
	}
	return attributes, values, nil
}

func nextAttribute(s *scanner) (name, set string, err error) {
	body, err := s.expect(tagSequence)
	if err != nil {
		return "", "", err
	}
	inner := scanner{body}
	if name, err = inner.expect(tagOctetString); err != nil {
		return "", "", err
	}
	if set, err = inner.expect(tagSet); err != nil {
		return "", "", err
	}
	return name, set, inner.end()
}
