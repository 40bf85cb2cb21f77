package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"maps"
	"net/mail"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/config"
	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// channels are the ways by which people are told, and the texts.
type channels struct {
	all   []channel // sorted by name
	texts *notify.Templates
	// people begins to send to those whose access changes; nil: they are told nothing.
	people func(ctx context.Context) (notify.Letters, error)
	// escalate is whose server and sender those are told by to whom is escalated; nil: there is none of kind mail.
	escalate *notify.Mail
}

// none says that nobody is told of anything.
func (c *channels) none() bool { return len(c.all) == 0 && c.people == nil }

type channel struct {
	name string
	*config.Channel
	send notify.Channel
	only string // what its things are called by begins with this, "" for all
}

// wants says whether a thing is told by it.
func (c *channel) wants(t *toldThing) bool {
	return c.Wants(t.about) && strings.HasPrefix(t.key, c.only)
}

// channels puts together what the configuration says of notices. Nothing is called.
func (a *app) channels(cfg *config.File) (*channels, error) {
	out := &channels{}
	n := &cfg.Notices
	if len(n.Channels) == 0 {
		return out, nil
	}
	folder := ""
	if n.Templates != "" {
		folder = cfg.In(n.Templates)
	}
	var wrong error
	words := config.NoticeAbout()
	if n.People.On() {
		words = append(words, notify.PeopleWord)
	}
	if out.texts, wrong = notify.Load(folder, words); wrong != nil {
		wrong = failed("", "%s: %w", cfg.PlaceOf(&n.Templates), wrong)
	}
	for _, name := range slices.Sorted(maps.Keys(n.Channels)) {
		c := n.Channels[name]
		send, err := a.channel(cfg, c)
		if err != nil {
			wrong = errors.Join(wrong, failed("", "%s: %w", cfg.PlaceOf(c), err))
		}
		if m, is := send.(*notify.Mail); is && name == n.People.Through {
			out.people = m.Letters
		}
		if c.Kind != config.ChannelMail || len(c.To) > 0 {
			out.all = append(out.all, channel{name: name, Channel: c, send: send})
		}
		if m, is := send.(*notify.Mail); is && (out.escalate == nil || name == n.People.Through) {
			out.escalate = m
		}
	}
	out.escalated(cfg)
	return out, wrong
}

// toEscalated is the name by which it is remembered what those in escalate: to were told; no channel's name begins so.
const toEscalated = "@escalate"

// escalated sends what has waited for too long to those who should hear of it then.
func (c *channels) escalated(cfg *config.File) {
	to := cfg.Approvals.Escalate.Addresses()
	if c.escalate == nil || cfg.Approvals.Escalate.After == 0 || len(to) == 0 {
		return
	}
	m := *c.escalate
	m.To = to
	c.all = append(c.all, channel{name: toEscalated, Channel: &config.Channel{Kind: config.ChannelMail, About: []string{"alarms"}}, send: &m, only: escalatedKey})
}

func (a *app) channel(cfg *config.File, c *config.Channel) (notify.Channel, error) {
	secret := func(s engine.Secret) func() (string, error) {
		return func() (string, error) { return a.secrets(cfg.Dir)(s) }
	}
	if c.Kind == config.ChannelMail {
		return mailOf(cfg, c, secret(c.Password))
	}
	h := &notify.Hook{Address: secret(c.Address), Chat: c.Kind == config.ChannelChat, Client: notify.NoRedirects()}
	if c.URL != "" {
		h.Address = func() (string, error) { return c.URL, nil }
	}
	if !c.Secret.IsZero() {
		h.Secret = secret(c.Secret)
	}
	return h, nil
}

func mailOf(cfg *config.File, c *config.Channel, password func() (string, error)) (*notify.Mail, error) {
	server, err1 := url.Parse(c.Server)
	from, err2 := mail.ParseAddress(c.From)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	m := &notify.Mail{Server: server, TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Plain: config.OnThisMachine(server.Hostname()), User: c.User, Password: password, From: from}
	for _, text := range c.To {
		to, err := mail.ParseAddress(text)
		if err != nil {
			return nil, err
		}
		m.To = append(m.To, to)
	}
	if c.CA == "" {
		return m, nil
	}
	pem, err := os.ReadFile(cfg.In(c.CA))
	if err != nil {
		return nil, err
	}
	if m.TLS.RootCAs = x509.NewCertPool(); !m.TLS.RootCAs.AppendCertsFromPEM(pem) {
		return nil, errors.New(c.CA + " holds no certificate; it begins with -----BEGIN CERTIFICATE-----")
	}
	return m, nil
}

// address of the page for people, "" where there is none.
func pageAddress(cfg *config.File) string {
	if cfg.Listen == "" {
		return ""
	}
	if cfg.Login != nil && cfg.Login.URL != "" {
		return cfg.Login.URL
	}
	return "http://" + cfg.Listen
}

const (
	tellTime    = 20 * time.Second // that all of it is given after a run: less than there is between two slots of a schedule
	channelTime = 15 * time.Second // for one of them, beside the others
	messageTime = 8 * time.Second  // for one message
	peopleTime  = 20 * time.Second // after that, for what people are told of their own access
)
