package login

import (
	"encoding/json"
	"strings"
)

// Identity is who somebody is, as the provider or a token says.
type Identity struct {
	By      string   // "oidc" or "token"
	Subject string   // the provider's, never reused; the name of the token
	Name    string   // for people to read; "" if nobody says
	Login   string   // the provider's preferred_username, "" if it does not say
	Mail    string   // "" if the provider does not say, or says that it is not verified
	Person  string   // what the person is called in the directory, "" if nothing says so
	Groups  []string // of the provider
	Proof   string   // of a token: what must still be kept for the session to go on
}

// Actor is how the journal calls them: what can't be chosen first.
func (i Identity) Actor() string {
	subject := i.Subject
	if strings.ContainsAny(subject, " ()") { // so that nobody's subject ends in another's name
		subject = "“" + subject + "”"
	}
	if i.Name == "" || i.Name == i.Subject {
		return i.By + ":" + subject
	}
	return i.By + ":" + subject + " (" + i.Name + ")"
}

// Words are all that the person may be called by elsewhere: logins, addresses and names.
func (i Identity) Words() (out []string) {
	for _, w := range []string{i.Person, i.Login, i.Mail, i.Name, i.Subject} {
		if w != "" {
			out = append(out, w)
		}
	}
	return out
}

func encoded(i Identity) []byte {
	text, err := json.Marshal(i)
	if err != nil {
		panic("texts can't fail to marshal: " + err.Error())
	}
	return text
}

func decoded(text []byte) (i Identity, err error) {
	err = json.Unmarshal(text, &i)
	return i, err
}
