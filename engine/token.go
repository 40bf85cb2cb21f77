package engine

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Token is what somebody may sign in to the page with. Only the hash of what they know is kept.
type Token struct {
	Name       string    `json:"name"`
	Permission string    `json:"permission"`
	Person     string    `json:"person,omitempty"` // key, login or mail of whoever has it; "" if nobody said
	Since      time.Time `json:"since"`
	Until      time.Time `json:"until"` // from then on it is nobody's
	Hash       string    `json:"-"`
}

// TokenLife is how long a token may be good for.
const TokenLife = 366 * 24 * time.Hour

var tokenName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// tokenData is the Data of a token's fact; its Text is the hash.
type tokenData struct {
	Permission string `json:"permission"`
	Person     string `json:"person,omitempty"`
}

// TokenSecret is what whoever has the token knows: its name, by which it is found, and 256 bits that nobody guesses.
func TokenSecret(name string, random [32]byte) string {
	return "rct_" + name + "." + hex.EncodeToString(random[:])
}

// TokenHash is what is kept of a secret; it has so many bits that a slow hash would add nothing.
func TokenHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// TokenKey is where a secret's token is found, and whether it has the form of one.
func TokenKey(secret string) (k FactKey, ok bool) {
	rest, marked := strings.CutPrefix(secret, "rct_")
	dot := strings.LastIndexByte(rest, '.')
	if !marked || dot < 0 || !tokenName.MatchString(rest[:dot]) {
		return k, false
	}
	return FactKey{Kind: FactToken, Key: rest[:dot]}, true
}

// TokenOf reads a fact; ok is false where the token is over.
func TokenOf(f Fact, now time.Time) (t Token, ok bool) {
	var d tokenData
	if json.Unmarshal(f.Data, &d) != nil || f.Text == "" {
		return t, false
	}
	return Token{f.Key, d.Permission, d.Person, f.Since, f.Until, f.Text}, now.Before(f.Until)
}

// Has says whether the secret is the token's.
func (t Token) Has(secret string) bool {
	return subtle.ConstantTimeCompare([]byte(TokenHash(secret)), []byte(t.Hash)) == 1
}

// Tokens are those that were made and not taken back, sorted by name, also those that are over.
func (m *Memory) Tokens() (out []Token) {
	for f := range m.each(FactToken) {
		t, _ := TokenOf(f, time.Time{})
		t.Name = f.Key
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Token) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// MakeToken records a token. One of the name must be over or taken back first: its records would be taken for the new one's.
func (e *Engine) MakeToken(ctx context.Context, actor string, t Token, reason string) error {
	now := e.Now().UTC()
	switch {
	case strings.TrimSpace(reason) == "":
		return ErrNoReason
	case !tokenName.MatchString(t.Name):
		return fmt.Errorf("%s is no name for a token; use lower-case letters, digits, dots, dashes, underscores", quote(t.Name))
	case !t.Until.After(now) || t.Until.After(now.Add(TokenLife)):
		return errors.New("a token ends in the future, within a year; choose another --until")
	}
	mem, err := e.Journal.Memory(ctx, now)
	if err != nil {
		return err
	}
	key := FactKey{Kind: FactToken, Key: t.Name}
	if old, is := mem.Fact(key); is && now.Before(old.Until) {
		return fmt.Errorf("there is a token %s until %s; take it back first: rolecall token revoke %s", quote(t.Name), day(old.Until), t.Name)
	}
	f := Fact{FactKey: key, Since: now, Until: t.Until.UTC(), Text: t.Hash, Data: mustJSON(tokenData{t.Permission, t.Person})}
	why := fmt.Sprintf("token %s, permission %s, until %s", t.Name, t.Permission, t.Until.UTC().Format(time.RFC3339))
	if t.Person != "" {
		why += ", of " + t.Person
	}
	return e.Journal.Append(ctx, Guard{Control: mem.Control}, []Record{{Kind: KindToken, Actor: actor, Why: []string{why, reason}, Set: []Fact{f}}})
}

// EndToken takes a token back: whoever has it is signed out at once, and what it was used to delegate ends.
func (e *Engine) EndToken(ctx context.Context, actor, name string) error {
	mem, err := e.Journal.Memory(ctx, e.Now())
	if err != nil {
		return err
	}
	key := FactKey{Kind: FactToken, Key: name}
	if _, is := mem.Fact(key); !is {
		return fmt.Errorf("there is no token %s; see: rolecall token list", quote(name))
	}
	return e.Journal.Append(ctx, Free, []Record{{Kind: KindToken, Actor: actor, Why: []string{"token " + name + " is taken back"}, Clear: append(mem.delegatedBy("token:"+name), key)}})
}

// delegatedBy are the delegations that an actor made.
func (m *Memory) delegatedBy(actor string) (out []FactKey) {
	for f := range m.each(FactDelegate) {
		if d := DelegationOf(f); d.By == actor {
			out = append(out, f.FactKey)
		}
	}
	return out
}
