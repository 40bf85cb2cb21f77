package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"

	ldaplib "github.com/go-ldap/ldap/v3"
	"github.com/go-ldap/ldap/v3/gssapi"
	krb5 "github.com/jcmturner/gokrb5/v8/client"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/connectors/ldapgroup"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/directory"
	"github.com/rolecall/rolecall/engine/ldapconn"
)

// ldapClients shares one client of a directory among all that speak to it, so that a password which is refused is sent once.
type ldapClients struct {
	mu sync.Mutex
	of map[*config.Directory]*ldapconn.Client
}

// ldap gives the client of one directory. Nothing is dialled yet; the password is asked for at each sign-in.
func (a *app) ldap(cfg *config.File, d *config.Directory) (*ldapconn.Client, error) {
	a.ldaps.mu.Lock()
	defer a.ldaps.mu.Unlock()
	if c := a.ldaps.of[d]; c != nil {
		return c, nil
	}
	c, err := a.newLDAP(cfg, d, nil, nil)
	if err == nil {
		maps.DeleteFunc(a.ldaps.of, func(old *config.Directory, _ *ldapconn.Client) bool { return old.Name == d.Name }) // of an earlier configuration
		if a.ldaps.of == nil {
			a.ldaps.of = map[*config.Directory]*ldapconn.Client{}
		}
		a.ldaps.of[d] = c
	}
	return c, err
}

// newLDAP makes a client; dial and pause are its own unless given.
func (a *app) newLDAP(cfg *config.File, d *config.Directory, dial conformance.Dial, pause func(context.Context, int) error) (*ldapconn.Client, error) {
	l := d.LDAP
	bind, err := a.bind(cfg, &l.Bind)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.Name, err)
	}
	c := ldapconn.Config{URLs: l.URL, StartTLS: l.StartTLS, ServerName: l.ServerName, Bind: bind, Timeout: l.Timeout, Now: a.Now, Dial: dial, Pause: pause}
	if l.CA != "" {
		c.CAFile = cfg.In(l.CA)
	}
	if l.Plain {
		c.Insecure = ldapconn.AllowPlain
	}
	if x := l.Bind.External; x != nil && x.Cert != "" {
		c.CertFile, c.KeyFile = cfg.In(x.Cert), cfg.In(x.Key)
	}
	client, err := ldapconn.New(c)
	if err != nil {
		return nil, fmt.Errorf("directory %s: %w", d.Name, err)
	}
	return client, nil
}

func (a *app) bind(cfg *config.File, b *config.Bind) (ldapconn.Bind, error) {
	switch {
	case b.External != nil:
		return ldapconn.Bind{Method: ldapconn.External}, nil
	case b.GSSAPI != nil:
		return a.kerberos(cfg, b.GSSAPI)
	case b.DN != "" || !b.Password.IsZero():
		resolve, password := a.secrets(cfg.Dir), b.Password
		return ldapconn.Bind{Method: ldapconn.Simple, DN: b.DN, Password: func() (string, error) { return resolve(password) }}, nil
	}
	return ldapconn.Bind{Method: ldapconn.Anonymous}, nil
}

func (a *app) kerberos(cfg *config.File, g *config.GSSAPI) (ldapconn.Bind, error) {
	name, realm, ok := strings.Cut(g.Principal, "@")
	if !ok || g.Keytab == "" {
		return ldapconn.Bind{}, fmt.Errorf("gssapi needs a principal (name@REALM) and a keytab")
	}
	conf := g.Krb5Conf
	if conf == "" {
		conf = "/etc/krb5.conf"
	}
	keytab, conf := cfg.In(g.Keytab), cfg.In(conf)
	return ldapconn.Bind{Method: ldapconn.GSSAPI, SPN: g.Service, Kerberos: func() (ldaplib.GSSAPIClient, error) {
		if _, err := os.Stat(keytab); err != nil {
			return nil, err
		}
		return gssapi.NewClientWithKeytab(name, realm, keytab, conf, krb5.DisablePAFXFAST(true))
	}}, nil
}

// groupDirectory gives the ldap-group connector what it shares with a directory of the configuration.
func (a *app) groupDirectory(cfg *config.File, clientOf func(*config.Directory) (*ldapconn.Client, error)) func(name string) (ldapgroup.Directory, error) {
	return func(name string) (ldapgroup.Directory, error) {
		i := slices.IndexFunc(cfg.Directories, func(d config.Directory) bool { return d.Name == name })
		if i < 0 || cfg.Directories[i].LDAP == nil {
			return ldapgroup.Directory{}, fmt.Errorf("directory: %q is no directory of kind ldap", name)
		}
		d := &cfg.Directories[i]
		client, err := clientOf(d)
		if err != nil {
			return ldapgroup.Directory{}, err
		}
		profile, err := directory.ProfileOf(d.LDAP.Profile)
		return ldapgroup.Directory{Client: client, URL: d.LDAP.URL[0], Base: d.LDAP.People.Base,
			Filter: cmp.Or(d.LDAP.People.Filter, profile.People), Key: cmp.Or(d.Key, profile.Key)}, err
	}
}
