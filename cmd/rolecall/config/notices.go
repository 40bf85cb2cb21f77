package config

import (
	"fmt"
	"maps"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// Notices says who is told what by the daemon, each thing once.
type Notices struct {
	// Channels are the ways to tell, by name. What was told is remembered by this name.
	Channels map[string]*Channel `yaml:"channels"`
	// Ahead is how long before a date (notice of a contract, end of a credential) it is told.
	Ahead time.Duration `yaml:"ahead"`
	// Ends are the last days of credentials that nobody can read from them, by what they are called: `{"token of crm": 2027-03-01}`.
	Ends map[string]time.Time `yaml:"ends"`
	// Templates is a folder with texts of your own, `approvals.txt` and so on; what is not there keeps its text.
	Templates string `yaml:"templates"`
	// People says which of those who are concerned are told by mail of their own access and that of their team; left out, nobody is.
	People PeopleNotices `yaml:"people"`
}

// PeopleNotices are for those whose access changes and for their managers: one mail for each of them, at most once in the time of `every`.
type PeopleNotices struct {
	// Through is the channel of kind `mail` whose server and sender is used. It may have no `to:`; then it tells nobody else.
	Through string `yaml:"through"`
	// Person is what people are told of themselves: `gains`, `losses` that come, `joiners` and what is there on their first day, or `nothing`. Left out, all of it. A list.
	Person []string `yaml:"person"`
	// Manager is what managers are told of those whose job names them: `gains`, `losses`, `joiners` and what they still lack, `leavers` and what was taken, or `nothing`. Left out, all of it. A list.
	Manager []string `yaml:"manager"`
	// Reviewer is when those are reminded who have open lines in a review of access: at its `start`, at `half` of its time, when it is `due` soon, or `nothing`. Left out, all three. A list.
	Reviewer []string `yaml:"reviewer"`
	// Due is how long before the end of its last day a review is due soon.
	Due time.Duration `yaml:"due"`
	// Ahead is how long before the end of a dated extra it is told as a loss.
	Ahead time.Duration `yaml:"ahead"`
	// Every is how much time lies between two mails to the same person; `0s` sends one after each run that has something.
	Every time.Duration `yaml:"every"`
	// Language is the attribute that says which language somebody reads, like `preferredLanguage`: `de`, or `de-AT, en;q=0.5`. It chooses among the files `people.de.txt` and so on in the folder of `templates:`.
	Language string `yaml:"language"`
	// Except are people who are told nothing, by key, login or mail. A list.
	Except []string `yaml:"except"`
}

// NewsAbout are the words for what people and managers are told.
func NewsAbout() (person, manager []string) {
	person = []string{"gains", "losses", "joiners"}
	return person, append(slices.Clone(person), "leavers")
}

// ReminderStages are the words for when reviewers are reminded, in this order.
func ReminderStages() []string { return []string{"start", "half", "due"} }

// Reminds says whether reviewers are reminded then.
func (n *PeopleNotices) Reminds(stage string) bool {
	return len(n.Reviewer) == 0 || slices.Contains(n.Reviewer, stage)
}

// noNews is the word for nothing of it.
const noNews = "nothing"

// On says whether anybody is told of their own access.
func (n *PeopleNotices) On() bool { return n.Through != "" }

// TellsPerson says whether people are told of it.
func (n *PeopleNotices) TellsPerson(about string) bool {
	person, _ := NewsAbout()
	return slices.Contains(person, about) && (len(n.Person) == 0 || slices.Contains(n.Person, about))
}

// TellsManager says whether managers are told of it.
func (n *PeopleNotices) TellsManager(about string) bool {
	return len(n.Manager) == 0 || slices.Contains(n.Manager, about)
}

// Channel is one way to tell.
type Channel struct {
	// Kind is `mail`, `webhook` (JSON) or `chat` (the form that Slack, Mattermost and others take: `{"text": …}`).
	Kind string `yaml:"kind"`
	// About is what is told: `approvals` that wait, `programs` that can't be read or changed, `leavers` that nothing happens to, `contracts` before their notice, `credentials` before their end, other `alarms`, the `weekly` summary. Left out, all of it. A list.
	About []string `yaml:"about"`
	// URL is where a webhook or chat takes it, `https://`; `http://` on this machine only.
	URL string `yaml:"url"`
	// Address is the same, kept secret: whoever knows the address of a chat can write there.
	Address engine.Secret `yaml:"address"`
	// Secret signs what a webhook is sent: `Rolecall-Signature: sha256=` and the HMAC of the body, in hex.
	Secret engine.Secret `yaml:"secret"`
	// Server takes mail: `smtps://mail.example.com:465`, or `smtp://mail.example.com:587` which must offer STARTTLS unless it is on this machine.
	Server string `yaml:"server"`
	// CA is the file with the certificates of those who sign the server's; left out, the machine's own.
	CA string `yaml:"ca"`
	// User signs in to the mail server, with `password`.
	User string `yaml:"user"`
	// Password of the user.
	Password engine.Secret `yaml:"password"`
	// From is the sender of mail.
	From string `yaml:"from"`
	// To are the receivers of mail. A list.
	To []string `yaml:"to"`
}

// The kinds of channels.
const (
	ChannelMail    = "mail"
	ChannelWebhook = "webhook"
	ChannelChat    = "chat"
)

// NoticeAbout are the words for what is told.
func NoticeAbout() []string {
	return []string{"approvals", "programs", "leavers", "contracts", "credentials", "alarms", "weekly"}
}

// Wants says whether the channel is told of it.
func (c *Channel) Wants(about string) bool {
	return len(c.About) == 0 || slices.Contains(c.About, about)
}

func (c *checks) notices() {
	n := &c.Notices
	for _, name := range slices.Sorted(maps.Keys(n.Channels)) {
		if !nameForm.MatchString(name) {
			c.add(n.Channels[name], fmt.Sprintf("%q is no name of a channel", name), "lower-case letters, digits, dots, dashes, underscores")
		}
		c.channel(name, n.Channels[name])
	}
	c.people(&n.People)
	if len(n.Channels) == 0 && (len(n.Ends) > 0 || n.Templates != "") {
		c.add(n, "notices has no channel to tell anybody by", "channels: {it: {kind: mail, …}}")
	}
	if n.Ahead < 0 || n.Ahead > 366*24*time.Hour {
		c.add(&n.Ahead, "ahead is up to a year", "ahead: 30d")
	}
}

// people checks what those are told whose access changes.
func (c *checks) people(n *PeopleNotices) {
	if !n.On() {
		if len(n.Person)+len(n.Manager)+len(n.Reviewer)+len(n.Except) > 0 || n.Language != "" {
			c.add(n, "people are told by no channel", "through: NAME of a channel of kind mail")
		}
		return
	}
	if ch := c.Notices.Channels[n.Through]; ch == nil || ch.Kind != ChannelMail {
		c.add(&n.Through, fmt.Sprintf("%q is no channel of kind mail", n.Through), "through: NAME, and channels: {NAME: {kind: mail, …}}")
	}
	person, manager := NewsAbout()
	c.newsWords("person", n.Person, person)
	c.newsWords("manager", n.Manager, manager)
	c.newsWords("reviewer", n.Reviewer, ReminderStages())
	const year = 366 * 24 * time.Hour
	if n.Ahead < 0 || n.Ahead > year {
		c.add(&n.Ahead, "ahead is up to a year", "ahead: 14d")
	}
	if n.Due < 0 || n.Due > year {
		c.add(&n.Due, "due is up to a year", "due: 3d")
	}
	if n.Every < 0 || n.Every > 7*24*time.Hour {
		c.add(&n.Every, "every is up to a week: what is older is told nobody", "every: 24h")
	}
	names := c.attributeNames()
	if !slices.Contains(names, "mail") {
		c.add(&n.Through, "nobody has an address: the directories declare no attribute mail", "attributes: {mail: mail}")
	}
	if n.Language != "" && !slices.Contains(names, n.Language) {
		c.add(&n.Language, fmt.Sprintf("%s is not declared in the attributes of a directory", n.Language), "attributes: {"+n.Language+": preferredLanguage}")
	}
}

func (c *checks) newsWords(key string, given, known []string) {
	for i := range given {
		if given[i] != noNews && !slices.Contains(known, given[i]) {
			c.word(&given[i], key, given[i], append(slices.Clone(known), noNews)...)
		}
	}
	if slices.Contains(given, noNews) && len(given) > 1 {
		c.add(&given[0], key+" says "+noNews+" and something", "one of the two")
	}
}

func (c *checks) channel(name string, ch *Channel) {
	for i := range ch.About {
		if !slices.Contains(NoticeAbout(), ch.About[i]) {
			c.word(&ch.About[i], "about", ch.About[i], NoticeAbout()...)
		}
	}
	switch ch.Kind {
	case ChannelMail:
		c.mail(name, ch)
	case ChannelWebhook, ChannelChat:
		c.hook(name, ch)
	default:
		c.word(&ch.Kind, "kind", ch.Kind, ChannelMail, ChannelWebhook, ChannelChat)
	}
}

func (c *checks) hook(name string, ch *Channel) {
	if (ch.URL == "") == ch.Address.IsZero() {
		c.add(ch, "the channel "+name+" has not exactly one of url and address", "url: https://…, or address: {file: PATH} where the address is a secret")
	}
	if ch.URL != "" && !safeURL(ch.URL) {
		c.add(&ch.URL, fmt.Sprintf("%q is no https:// address", ch.URL), "http:// is for 127.0.0.1 and localhost")
	}
	if ch.Kind == ChannelChat && !ch.Secret.IsZero() {
		c.add(&ch.Secret, "a chat checks no signature", "remove secret:")
	}
	if ch.Server != "" || ch.User != "" || ch.From != "" || len(ch.To) > 0 || ch.CA != "" || !ch.Password.IsZero() {
		c.add(ch, "server, ca, user, password, from and to are for mail, and the channel "+name+" is none", "")
	}
}

func (c *checks) mail(name string, ch *Channel) {
	u, err := url.Parse(ch.Server)
	if err != nil || u.Scheme != "smtps" && u.Scheme != "smtp" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/")+u.RawQuery != "" {
		said := strconv.Quote(ch.Server)
		if err != nil || u.User != nil {
			said = "what is written" // it may hold a password
		}
		c.add(ch, fmt.Sprintf("the channel %s: %s is no mail server", name, said), "server: smtps://mail.example.com:465, user: and password: apart")
	}
	if _, err := mail.ParseAddress(ch.From); err != nil {
		c.add(ch, fmt.Sprintf("the channel %s: from %q is no address", name, ch.From), "from: rolecall@example.com")
	}
	if len(ch.To) == 0 && name != c.Notices.People.Through {
		c.add(ch, "the channel "+name+" tells nobody", "to: [it@example.com]")
	}
	for i := range ch.To {
		if _, err := mail.ParseAddress(ch.To[i]); err != nil {
			c.add(&ch.To[i], fmt.Sprintf("%q is no address", ch.To[i]), "")
		}
	}
	if (ch.User == "") != ch.Password.IsZero() {
		c.add(ch, "the channel "+name+" has only one of user and password", "")
	}
	if ch.URL != "" || !ch.Address.IsZero() || !ch.Secret.IsZero() {
		c.add(ch, "url, address and secret are for webhooks, and the channel "+name+" is mail", "")
	}
}

// OnThisMachine says whether a host is this machine, so that nobody on the way can read what is said to it.
func OnThisMachine(host string) bool { return host == "localhost" || net.ParseIP(host).IsLoopback() }
