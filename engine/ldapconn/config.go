package ldapconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Method is how a connection proves who it is.
type Method string

// The bind methods.
const (
	Simple    Method = "simple"    // DN and password
	External  Method = "external"  // SASL EXTERNAL: client certificate or Unix socket
	GSSAPI    Method = "gssapi"    // Kerberos
	Anonymous Method = "anonymous" // no bind at all
)

// AllowPlain is the value of Config.Insecure that lets a password travel over
// an unencrypted connection to another host.
const AllowPlain = "allow plain"

// Bind says who we are. The zero value is refused.
type Bind struct {
	Method   Method
	DN       string                            // Simple
	Password func() (string, error)            // Simple; asked at each bind, so that a changed secret is seen
	Kerberos func() (ldap.GSSAPIClient, error) // GSSAPI; asked at each bind, such as one of go-ldap's gssapi package
	SPN      string                            // GSSAPI: service principal; default ldap/HOST of the URL
}

// Config says where the directory is and how to speak to it. Certificates are
// always verified.
type Config struct {
	URLs       []string // ldap://, ldaps:// or ldapi://, tried in this order
	StartTLS   bool     // for ldap:// URLs; its refusal is an error
	CAFile     string   // PEM; replaces the system's roots
	ServerName string   // name in the certificate; default the host of the URL
	CertFile   string   // PEM, client certificate, with KeyFile
	KeyFile    string   // PEM
	Insecure   string   // "" or AllowPlain
	Bind       Bind
	Timeout    time.Duration // for a connection, and for each silence of the server; default 30 s
	Retries    int           // further rounds over the URLs; default 2, negative for none

	// Pause waits before round 1, 2, …; default 0.2 s, doubled up to 5 s. It
	// returns an error when waiting is over for good.
	Pause func(ctx context.Context, round int) error
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Dial makes the network connection; default net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// defaults for Config.
const (
	defaultTimeout = 30 * time.Second
	defaultRetries = 2
	firstPause     = 200 * time.Millisecond
	longestPause   = 5 * time.Second
)

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.Retries == 0 {
		c.Retries = defaultRetries
	}
	if c.Pause == nil {
		c.Pause = pause
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	return c
}

func pause(ctx context.Context, round int) error {
	timer := time.NewTimer(min(longestPause, firstPause<<min(round-1, 10)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// check finds all mistakes that need no network.
func (c Config) check() error {
	var errs []error
	if len(c.URLs) == 0 {
		errs = append(errs, errors.New("ldap: no url given"))
	}
	for _, raw := range c.URLs {
		if _, err := parseURL(raw); err != nil {
			errs = append(errs, err)
		}
	}
	if c.Insecure != "" && c.Insecure != AllowPlain {
		errs = append(errs, fmt.Errorf("ldap: insecure is %q; the only value is %q", c.Insecure, AllowPlain))
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		errs = append(errs, errors.New("ldap: a client certificate needs both its file and its key file"))
	}
	return errors.Join(append(errs, c.Bind.check())...)
}

func (b Bind) check() error {
	switch b.Method {
	case Simple:
		if b.DN == "" || b.Password == nil {
			return errors.New("ldap: a simple bind needs a dn and a password (an empty one would be an anonymous bind)")
		}
	case GSSAPI:
		if b.Kerberos == nil {
			return errors.New("ldap: a gssapi bind needs a Kerberos client")
		}
	case External, Anonymous:
	default:
		return fmt.Errorf("ldap: bind method %q is unknown; it is one of simple, external, gssapi, anonymous", b.Method)
	}
	return nil
}

// target is a parsed URL.
type target struct {
	raw     string
	network string // tcp or unix
	address string
	host    string // for the certificate
	tls     bool   // from the first byte
}

// parseURL takes scheme, host and port only: base, filter and the rest of RFC
// 4516 belong in the configuration.
func parseURL(raw string) (target, error) {
	if path, ok := strings.CutPrefix(raw, "ldapi://"); ok {
		file, err := url.PathUnescape(strings.TrimSuffix(path, "/"))
		if err != nil || file == "" {
			return target{}, fmt.Errorf("ldap: url %q has no socket path; write ldapi://%%2Frun%%2Fslapd%%2Fldapi", raw)
		}
		return target{raw: raw, network: "unix", address: file}, nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || (u.Scheme != "ldap" && u.Scheme != "ldaps") {
		return target{}, fmt.Errorf("ldap: url %q is not of the form ldaps://host[:port]", raw)
	}
	if u.User != nil || u.RawQuery != "" || strings.Trim(u.Path, "/") != "" {
		return target{}, fmt.Errorf("ldap: url of host %q has more than host and port; base, filter and bind have settings of their own", u.Hostname())
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"ldap": "389", "ldaps": "636"}[u.Scheme]
	}
	return target{raw: raw, network: "tcp", address: net.JoinHostPort(u.Hostname(), port), host: u.Hostname(), tls: u.Scheme == "ldaps"}, nil
}
