package config

import (
	"maps"
	"slices"

	"github.com/rolecall/rolecall/engine"
)

// firstLogin checks how people get into new accounts.
func (c *checks) firstLogin(name string, p *Program) {
	if p.FirstLogin != "" && !slices.Contains(engine.FirstLogins(), p.FirstLogin) {
		var words []string
		for _, way := range engine.FirstLogins() {
			words = append(words, string(way))
		}
		c.word(&p.FirstLogin, "first_login", string(p.FirstLogin), words...)
		return
	}
	if to := []string{engine.SecretToPerson, engine.SecretToManager}; p.FirstLoginTo != "" && !slices.Contains(to, p.FirstLoginTo) {
		c.word(&p.FirstLoginTo, "first_login_to", p.FirstLoginTo, to...)
	}
	if p.FirstLoginTo != "" && p.FirstLogin != engine.FirstSecret {
		c.add(&p.FirstLoginTo, "first_login_to says who is sent a one-time secret, and program "+name+" has none", "first_login: one-time-secret")
	}
	if p.FirstLogin != "" && p.Create == "" {
		c.add(&p.FirstLogin, "program "+name+": first_login is about new accounts, and none are made", "create: \"{login}\"")
	}
	if p.FirstLogin == engine.FirstSecret {
		c.firstSecret(name, p)
	}
}

// firstSecret checks that a secret can be sent: it has no other way to whom it is for.
func (c *checks) firstSecret(name string, p *Program) {
	switch mails := c.mailChannels(); {
	case len(mails) == 0:
		c.add(&p.FirstLogin, "program "+name+": a one-time secret is sent by mail, and there is no mail server", "notices: {channels: {NAME: {kind: mail, server: smtps://mail.example.com, from: …, to: […]}}}")
	case c.SecretChannel() == "":
		c.add(&p.FirstLogin, "program "+name+": a one-time secret is sent by mail, and there are several mail servers", "notices: {people: {through: NAME}} says which of them people are written by")
	}
	names := c.attributeNames()
	if !slices.Contains(names, "mail") {
		c.add(&p.FirstLogin, "program "+name+": nobody has an address to send a one-time secret to: the directories declare no attribute mail", "attributes: {mail: mail}")
	}
	if p.FirstLoginTo == engine.SecretToManager && !slices.Contains(names, "manager") {
		c.add(&p.FirstLoginTo, "nobody has a manager: the directories declare no attribute manager", "attributes: {manager: manager}")
	}
}

// mailChannels are the names of the channels of kind mail, sorted.
func (f *File) mailChannels() (out []string) {
	for _, name := range slices.Sorted(maps.Keys(f.Notices.Channels)) {
		if f.Notices.Channels[name].Kind == ChannelMail {
			out = append(out, name)
		}
	}
	return out
}

// SecretChannel is the channel by which one-time secrets are sent: the one that people are told by, or the only one of kind mail; ""
// if there is none.
func (f *File) SecretChannel() string {
	mails := f.mailChannels()
	if through := f.Notices.People.Through; slices.Contains(mails, through) {
		return through
	}
	if len(mails) == 1 {
		return mails[0]
	}
	return ""
}

// SendsSecrets says whether any program's new accounts get a one-time secret.
func (f *File) SendsSecrets() bool {
	for _, p := range f.Programs {
		if p.FirstLogin == engine.FirstSecret {
			return true
		}
	}
	return false
}
