package notify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"net/url"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Mail sends messages by SMTP (RFC 5321), over TLS from the beginning (smtps) or by STARTTLS.
type Mail struct {
	Server   *url.URL // smtps://host:465 or smtp://host:587
	TLS      *tls.Config
	Plain    bool // the server is this machine, and may do without TLS
	User     string
	Password func() (string, error)
	From     *mail.Address
	To       []*mail.Address
}

// Send implements Channel. The server has taken the message when it returns; for some alone if the error is a *RefusedError.
func (m *Mail) Send(ctx context.Context, one Message) error {
	password, err := m.secret()
	if err != nil {
		return err
	}
	return m.scrubbed(m.send(ctx, one, password), password)
}

// secret is what the server gets to know, if anything.
func (m *Mail) secret() (string, error) {
	if m.User == "" {
		return "", nil
	}
	return m.Password()
}

// scrubbed is an error without the password, which the server may repeat in any of its answers.
func (m *Mail) scrubbed(err error, password string) error {
	if password == "" {
		return err
	}
	sent := "\x00" + m.User + "\x00" + password
	var refused *RefusedError
	if errors.As(err, &refused) {
		for i, why := range refused.Why {
			refused.Why[i] = engine.Scrub(why, sent, password)
		}
		return refused
	}
	return engine.Scrub(err, sent, password)
}

func (m *Mail) send(ctx context.Context, one Message, password string) error {
	c, err := m.begin(ctx, password)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	refused, err := m.deliver(c, one)
	if err != nil {
		return err
	}
	_ = c.Quit() // it is taken already
	if refused != nil {
		return refused
	}
	return nil
}

// begin is ready to take messages; it ends with the context's time.
func (m *Mail) begin(ctx context.Context, password string) (*smtp.Client, error) {
	conn, err := m.dial(ctx)
	if err != nil {
		return nil, err
	}
	if end, ok := ctx.Deadline(); ok {
		err = conn.SetDeadline(end)
	}
	var c *smtp.Client
	if err == nil {
		c, err = smtp.NewClient(conn, m.Server.Hostname())
	}
	if err == nil {
		err = m.enter(c, conn, password)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return c, nil
}

func (m *Mail) dial(ctx context.Context) (net.Conn, error) {
	host := m.Server.Hostname()
	if m.Server.Scheme == "smtps" {
		return (&tls.Dialer{Config: m.config()}).DialContext(ctx, "tcp", net.JoinHostPort(host, cmp.Or(m.Server.Port(), "465")))
	}
	return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(host, cmp.Or(m.Server.Port(), "587")))
}

func (m *Mail) config() *tls.Config {
	c := m.TLS.Clone()
	c.ServerName, c.MinVersion = m.Server.Hostname(), tls.VersionTLS12
	return c
}

// enter makes sure that nobody on the way reads what follows, and signs in.
func (m *Mail) enter(c *smtp.Client, conn net.Conn, password string) error {
	if _, safe := conn.(*tls.Conn); !safe {
		offered, _ := c.Extension("STARTTLS")
		if !offered && !m.Plain {
			return errors.New("it offers no STARTTLS, and nothing is sent that could be read on the way; use smtps:// or another port")
		}
		if offered {
			if err := c.StartTLS(m.config()); err != nil {
				return err
			}
		}
	}
	if m.User == "" {
		return nil
	}
	if err := c.Auth(smtp.PlainAuth("", m.User, password, m.Server.Hostname())); err != nil {
		return fmt.Errorf("the user %s can't sign in: %w", m.User, err)
	}
	return nil
}

// deliver gives those who were refused where others were not, nil if nobody was.
func (m *Mail) deliver(c *smtp.Client, one Message) (*RefusedError, error) {
	if err := c.Mail(m.From.Address); err != nil {
		return nil, fmt.Errorf("it does not take mail from %s: %w", m.From.Address, err)
	}
	refused, err := m.receivers(c)
	if err != nil {
		return nil, err
	}
	w, err := c.Data()
	if err != nil {
		return nil, err
	}
	text, err := m.text(one)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(text); err != nil {
		return nil, err
	}
	return refused, w.Close()
}

// receivers names all; one that is refused keeps the mail from no other.
func (m *Mail) receivers(c *smtp.Client) (*RefusedError, error) {
	refused := &RefusedError{}
	for _, to := range m.To {
		err := c.Rcpt(to.Address)
		var answer *textproto.Error
		switch {
		case errors.As(err, &answer):
			refused.To = append(refused.To, to.Address)
			refused.Why = append(refused.Why, &receiverError{to.Address, err})
		case err != nil:
			return nil, err
		}
	}
	switch len(refused.To) {
	case 0:
		return nil, nil
	case len(m.To):
		return nil, errors.Join(refused.Why...)
	}
	return refused, nil
}

// text is the message as RFC 5322 has it. Message-ID stays the same if it comes once more.
func (m *Mail) text(one Message) ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	header("From", m.From.String())
	var to []string
	for _, one := range m.To {
		to = append(to, one.String())
	}
	header("To", strings.Join(to, ",\r\n "))
	header("Subject", mime.QEncoding.Encode("utf-8", one.Subject))
	header("Date", one.Time.Format(time.RFC1123Z))
	header("Message-ID", "<"+one.ID+"@rolecall>")
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	w := quotedprintable.NewWriter(&b)
	_, err := w.Write([]byte(one.Text))
	return b.Bytes(), errors.Join(err, w.Close())
}
