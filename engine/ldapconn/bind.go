package ldapconn

import (
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

func (c *Client) bind(conn *Conn) error {
	var err error
	switch b := c.cfg.Bind; b.Method {
	case Simple:
		err = c.bindSimple(conn, b)
	case External:
		_, err = conn.sasl("EXTERNAL", nil)
	case GSSAPI:
		err = conn.bindKerberos(b)
	}
	var refused *LDAPError
	if errors.As(err, &refused) && codeOf(refused.Code) != Busy {
		return Reason{BindRefused, fmt.Sprintf("%v; check dn, password and whether the account is locked", refused)}
	}
	return err
}

// bindSimple sends DN and password (RFC 4513 section 5.1.3). An empty password
// would succeed as an anonymous bind (section 5.1.2; CVE-2017-14623).
func (c *Client) bindSimple(conn *Conn, b Bind) error {
	if !conn.encrypted && !conn.local && c.cfg.Insecure != AllowPlain {
		return Reason{BindRefused, fmt.Sprintf("the password for %s is not sent unencrypted; use ldaps://, StartTLS or, if it must be, the option `plain: true`", b.DN)}
	}
	password, err := b.Password()
	if err != nil {
		return Reason{BindRefused, fmt.Sprintf("no password for %s: %v", b.DN, err)}
	}
	if password == "" {
		return Reason{BindRefused, fmt.Sprintf("the password for %s is empty, which would be an anonymous bind", b.DN)}
	}
	if c.refused.covers(password, c.cfg.Now()) {
		return Reason{BindRefused, fmt.Sprintf("the password for %s was refused a short time ago and is not sent again until it changes, or %s have passed", b.DN, refusedFor)}
	}
	result, err := conn.exchange("bind", bindRequest(b.DN, octets(tagSimple, password)), opBindResponse)
	if err != nil {
		return err
	}
	if result.code == ldap.LDAPResultInvalidCredentials {
		c.refused.add(password, c.cfg.Now())
	}
	return result.err("bind")
}

// bindRequest is of RFC 4511 section 4.2.
func bindRequest(dn string, authentication []byte) []byte {
	return element(opBindRequest, integer(tagInteger, 3), octets(tagOctetString, dn), authentication)
}

// sasl does one step of a SASL bind and returns the server's credentials.
func (c *Conn) sasl(mechanism string, credentials []byte) (ldapResult, error) {
	auth := element(tagSASL, octets(tagOctetString, mechanism), element(tagOctetString, credentials))
	result, err := c.exchange("bind", bindRequest("", auth), opBindResponse)
	if err != nil {
		return result, err
	}
	if result.code == ldap.LDAPResultSaslBindInProgress && mechanism == "GSSAPI" {
		return result, nil
	}
	return result, result.err("bind")
}

// maxSASLSteps ends a handshake that goes round in circles; Kerberos needs three.
const maxSASLSteps = 10

// bindKerberos is RFC 4752: the context first, then the choice of a security
// layer (none: TLS is our layer).
func (c *Conn) bindKerberos(b Bind) error {
	client, err := b.Kerberos()
	if err != nil {
		return Reason{BindRefused, fmt.Sprintf("no Kerberos credentials: %v", err)}
	}
	defer func() { _ = client.DeleteSecContext() }() // nothing is held that could be lost
	spn := b.SPN
	if spn == "" {
		spn = "ldap/" + c.host
	}
	var token []byte
	inContext, layered := true, false
	for range maxSASLSteps {
		var out []byte
		step := "ticket for " + spn
		if inContext {
			out, inContext, err = client.InitSecContext(spn, token)
		} else {
			step, layered = "security layer", true
			out, err = client.NegotiateSaslAuth(token, "")
		}
		if err != nil {
			return Reason{BindRefused, fmt.Sprintf("Kerberos, %s: %v", step, err)}
		}
		result, err := c.sasl("GSSAPI", out)
		if err != nil {
			return err
		}
		if result.code == 0 && !layered {
			return Reason{BindRefused, "the server ends the Kerberos handshake before it has proved who it is"}
		}
		if result.code == 0 {
			return nil
		}
		token = []byte(result.saslCreds)
	}
	return Reason{BindRefused, fmt.Sprintf("the Kerberos handshake does not end in %d steps", maxSASLSteps)}
}
