package notify

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"regexp"
	"strings"
)

// Letters sends messages one after the other, each to a receiver of its own. After a *RefusedLetterError more can be sent, after any
// other error nothing.
type Letters interface {
	Send(to *mail.Address, m Message) error
	Close()
}

// RefusedLetterError says that a server does not take one letter.
type RefusedLetterError struct {
	Nobody bool // nor any other for this address: there is nobody
	Why    error
}

func (e *RefusedLetterError) Error() string { return e.Why.Error() }

func (e *RefusedLetterError) Unwrap() error { return e.Why }

// Letters begins to send; it is over with the context's time.
func (m *Mail) Letters(ctx context.Context) (Letters, error) {
	password, err := m.secret()
	if err != nil {
		return nil, err
	}
	c, err := m.begin(ctx, password)
	if err != nil {
		return nil, m.scrubbed(err, password)
	}
	return &session{m, c, password}, nil
}

type session struct {
	*Mail
	c        *smtp.Client
	password string
}

// Send implements Letters.
func (s *session) Send(to *mail.Address, one Message) error {
	m := *s.Mail
	m.To = []*mail.Address{to}
	_, err := m.deliver(s.c, one)
	err = m.scrubbed(err, s.password)
	var said *textproto.Error
	if !errors.As(err, &said) {
		return unquoted(err)
	}
	var at *receiverError
	nobody := errors.As(err, &at) && noMailbox(said)
	if err := s.c.Reset(); err != nil {
		return unquoted(err)
	}
	return &RefusedLetterError{nobody, unquoted(err)}
}

// enhanced is a code of RFC 3463 that an answer begins with.
var enhanced = regexp.MustCompile(`^[245]\.[0-9]{1,3}\.[0-9]{1,3}\b`)

// unquoted is an error without the words of a server, which often quote the address; it goes to the log, where no address belongs.
func unquoted(err error) error {
	var said *textproto.Error
	switch {
	case errors.As(err, &said):
		return errors.New(strings.TrimSpace(fmt.Sprintf("the mail server answered %d %s", said.Code, enhanced.FindString(said.Msg))))
	case errors.As(err, new(textproto.ProtocolError)):
		return errors.New("the mail server's answer is none of SMTP")
	}
	return err
}

// noMailbox says whether an answer is about the address alone (RFC 3463, 5.1.x), and not about who sends or what a server thinks of it.
func noMailbox(said *textproto.Error) bool {
	class, rest, coded := strings.Cut(said.Msg, ".")
	if coded && len(class) == 1 && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return strings.HasPrefix(said.Msg, "5.1.")
	}
	return said.Code == 550 || said.Code == 551 || said.Code == 553
}

// Close implements Letters.
func (s *session) Close() {
	_ = s.c.Quit() // what was taken is taken
	_ = s.c.Close()
}

// receiverError is an answer to the name of a receiver.
type receiverError struct {
	to  string
	why error
}

func (e *receiverError) Error() string {
	return fmt.Sprintf("it does not take mail for %s: %v", e.to, e.why)
}

func (e *receiverError) Unwrap() error { return e.why }

// AddressOf is the one address that a directory says, nil if that is none: no list, no name, no comment.
func AddressOf(text, name string) *mail.Address {
	a, err := mail.ParseAddress(text)
	if err != nil || a.Address != text || len(text) > 254 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '"' || r > '~' }) {
		return nil
	}
	return &mail.Address{Name: name, Address: text}
}
