package plugin

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/rolecall/rolecall/engine"
)

// Protocol is the version of the protocol that is spoken, see docs/plugins.md.
const Protocol = 1

const (
	maxLine  = 1 << 20 // bytes of one line
	maxName  = 4096    // bytes of the name of an account or a right
	maxDepth = 8       // objects and lists inside one another
)

// request is a line to the plug-in.
type request struct {
	JSONRPC string `json:"jsonrpc"`
	ID      int64  `json:"id"`
	Method  string `json:"method"`
	Params  any    `json:"params,omitempty"`
}

// message is a line from the plug-in: an answer, which has an id and either result or error, or one account of a list.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      *int64          `json:"id"`
	Method  *string         `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code    int             `json:"code"`
		Message string          `json:"message"`
		Data    json.RawMessage `json:"data"`
	} `json:"error"`
}

// noSuchMethod is JSON-RPC's code of what a plug-in does not know; it certainly did nothing.
const noSuchMethod = -32601

// parse reads one line strictly: what encoding/json would pass over in silence is a mistake here.
func parse(text []byte) (message, error) {
	var m message
	if err := strict(text, &m); err != nil {
		return m, err
	}
	answer := m.ID != nil && m.Method == nil && m.Params == nil && (m.Result != nil) != (m.Error != nil)
	account := m.ID == nil && m.Method != nil && *m.Method == "account" && m.Params != nil && m.Result == nil && m.Error == nil
	switch {
	case m.JSONRPC != "2.0":
		return m, errors.New(`jsonrpc is not "2.0"`)
	case !answer && !account:
		return m, errors.New("it is neither an answer, with id and either result or error, nor a notification of the method account")
	}
	return m, nil
}

// strict decodes JSON, and refuses text that would be changed by it, keys that come twice or are unknown, and what is nested deeply.
func strict(text []byte, into any) error {
	if !utf8.Valid(text) {
		return errors.New("it is not UTF-8")
	}
	if !json.Valid(text) {
		return errors.New("it is not JSON")
	}
	if loneSurrogate(text) {
		return errors.New("it holds half of a surrogate pair")
	}
	if err := checkKeys(json.NewDecoder(bytes.NewReader(text)), "", 0); err != nil {
		return err
	}
	return known(text, into)
}

// known decodes JSON and refuses keys that are unknown; the text is part of a line that strict has seen.
func known(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// checkKeys walks through one value that stands under a key. Keys are lower-case ASCII, but for those of free mappings such as
// attributes: encoding/json takes "Outcome" and "reſult" for "outcome" and "result". It takes null for nothing at all, which
// would make people of unknown rights hold none; null says something only of an account that is not there.
func checkKeys(d *json.Decoder, under string, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	free := under == "attributes" || under == "data"
	if token == nil && under != "account" && under != "data" {
		return fmt.Errorf("%s is null; say what it is, or leave the key out where it may be", cmp.Or(under, "it"))
	}
	open, ok := token.(json.Delim)
	if !ok {
		return nil
	}
	if depth == maxDepth {
		return errors.New("it is nested too deeply")
	}
	seen := map[string]bool{}
	for d.More() {
		inner := under
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			key, _ := token.(string)
			if seen[key] {
				return fmt.Errorf("the key %s comes twice", quote(key))
			}
			if !free && !plain(key) {
				return fmt.Errorf("the key %s is unknown", quote(key))
			}
			seen[key] = true
			if !free {
				inner = key
			}
		}
		if err := checkKeys(d, inner, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

// plain says that encoding/json can't take a key for another one.
func plain(key string) bool {
	return !strings.ContainsFunc(key, func(r rune) bool { return r > 'z' || 'A' <= r && r <= 'Z' })
}

// loneSurrogate finds an escape like \ud800 without its other half, which encoding/json replaces by U+FFFD.
func loneSurrogate(text []byte) bool {
	unit := func(at int) rune {
		if at+6 > len(text) || text[at] != '\\' || text[at+1] != 'u' {
			return 0
		}
		n, _ := strconv.ParseUint(string(text[at+2:at+6]), 16, 16)
		return rune(n)
	}
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' {
			continue
		}
		if r := unit(i); !utf16.IsSurrogate(r) {
			i++
		} else if utf16.DecodeRune(r, unit(i+6)) == utf8.RuneError {
			return true
		} else {
			i += 11
		}
	}
	return false
}

// abilities is the answer to describe.
type abilities struct {
	Protocol  int     `json:"protocol"`
	Name      string  `json:"name"`
	Version   string  `json:"version"`
	Accounts  bool    `json:"accounts"`
	Lifecycle bool    `json:"lifecycle"`
	Update    bool    `json:"update"`
	Keyed     bool    `json:"keyed"`
	Read      bool    `json:"read"`
	Catalogue bool    `json:"catalogue"`
	Batch     int     `json:"batch"`
	Parallel  int     `json:"parallel"`
	Lag       float64 `json:"lag"`
	Deletes   string  `json:"deletes"`
}

func (a *abilities) check() error {
	switch {
	case a.Protocol != Protocol:
		return fmt.Errorf("it speaks version %d of the protocol, and this program version %d", a.Protocol, Protocol)
	case a.Keyed && a.Lifecycle:
		return errors.New("it declares keyed and lifecycle, which exclude each other: accounts that are people's keys are not created")
	case a.Batch < 0 || a.Batch > 10_000 || a.Parallel < 0 || a.Parallel > 1000:
		return errors.New("it declares a batch (0 to 10,000) or parallel (0 to 1,000) that can't be")
	case !(a.Lag >= 0 && a.Lag <= 86400):
		return errors.New("it declares a lag that is no number of seconds from 0 to 86,400")
	}
	return nil
}

// like says that two processes can do the same, whatever they are called.
func (a abilities) like(b abilities) bool {
	a.Name, a.Version, a.Deletes = b.Name, b.Version, b.Deletes
	return a == b
}

func (a *abilities) lag() time.Duration { return time.Duration(a.Lag * float64(time.Second)) }

// opened is the answer to open.
type opened struct {
	Identity string `json:"identity"`
}

// entitlements is the answer to entitlements.
type entitlements struct {
	Entitlements []string `json:"entitlements"`
}

// listed are the params of the notification account.
type listed struct {
	Of      int64        `json:"of"`
	Account *wireAccount `json:"account"`
}

// one is the answer to account; Account is the text null if there is none, and nil if it does not say.
type one struct {
	ID      string          `json:"id"`
	Account json.RawMessage `json:"account"`
}

// wireAccount is an account with all that it holds.
type wireAccount struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	Display      string            `json:"display"`
	Kind         string            `json:"kind"`
	Person       string            `json:"person"`
	Active       *bool             `json:"active"`
	Entitlements []string          `json:"entitlements"`
	Attributes   map[string]string `json:"attributes"`
	LastUse      *time.Time        `json:"last_use"`
}

// mark is the answer to holdings, and the only thing that makes a list whole.
type mark struct {
	Complete *bool  `json:"complete"`
	Accounts *int   `json:"accounts"`
	Reason   string `json:"reason"`
}

// changed is the answer to every change; what was asked for comes back with it.
type changed struct {
	Outcome     engine.Outcome `json:"outcome"`
	Account     string         `json:"account"`
	Entitlement string         `json:"entitlement"`
	Name        string         `json:"name"`
	Reason      string         `json:"reason"`
}

// check says whether this is an answer to that question.
func (c *changed) check(q *change) error {
	good := c.Outcome == engine.Done || c.Outcome == engine.Already
	switch {
	case !good && c.Outcome != engine.Refused && c.Outcome != engine.Failed && c.Outcome != engine.Uncertain:
		return fmt.Errorf("%s is no outcome", quote(string(c.Outcome)))
	case good && c.Reason != "":
		return fmt.Errorf("the outcome %s comes with a reason why not", c.Outcome)
	case q.Name != c.Name:
		return fmt.Errorf("it answers for the name %s, and was asked about %s", quote(c.Name), quote(q.Name))
	case q.Method == methodCreate && good:
		return checkName("account", c.Account)
	case q.Account != c.Account && !(q.Method == methodCreate && c.Account == ""):
		return fmt.Errorf("it answers for the account %s, and was asked about %s", quote(c.Account), quote(q.Account))
	case q.Entitlement != c.Entitlement:
		return fmt.Errorf("it answers for the entitlement %s, and was asked about %s", quote(c.Entitlement), quote(q.Entitlement))
	}
	return nil
}

// checkName refuses names that can't be written down, or would not come back as they are.
func checkName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("the name of an %s is empty", what)
	case len(name) > maxName:
		return fmt.Errorf("the %s %s is longer than %d bytes", what, quote(name), maxName)
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return fmt.Errorf("the %s %s is not UTF-8 or holds a NUL", what, quote(name))
	}
	return nil
}

// quote shows a value of the outside world so that it can't be taken for text of ours, nor move a cursor. It does not cut: half
// a secret would not be found in it. What a plug-in said is cleaned and cut afterwards.
func quote(s string) string { return strconv.Quote(s) }
