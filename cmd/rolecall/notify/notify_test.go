package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

func message() Message {
	return Message{Version: 1, ID: "4711", About: "approvals", Time: time.Date(2027, 1, 4, 12, 0, 0, 0, time.UTC), Subject: "Zwölf warten", Text: "Änne: grant crm\n.\nein Punkt\n",
		Lines: []Line{{Text: "Änne: grant crm", Program: "crm"}}}
}

// mailer sends to a server whose certificate is a test's.
func mailer(t *testing.T, s *servers.SMTP, scheme string, ca *servers.CA) *Mail {
	t.Helper()
	pool := x509.NewCertPool()
	if ca != nil {
		text, err := os.ReadFile(ca.File)
		if err != nil || !pool.AppendCertsFromPEM(text) {
			t.Fatal(err)
		}
	}
	server, err := url.Parse(scheme + "://" + s.Address)
	if err != nil {
		t.Fatal(err)
	}
	return &Mail{Server: server, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, From: &mail.Address{Name: "Rolecall", Address: "rolecall@example.com"},
		To: []*mail.Address{{Address: "it@example.com"}, {Name: "Ü, \"B\"", Address: "audit@example.com"}}}
}

func smtpDir() string { return filepath.Join("..", "testdata", "smtp") }

// A real server takes mail over TLS from the beginning and by STARTTLS, from who signs in; what arrives is what was said.
func TestMail(t *testing.T) {
	ca := servers.NewCA(t, t.TempDir())
	cert, key := ca.Issue(t, "mail", "127.0.0.1")
	for scheme, secure := range map[string]string{"smtps": "yes", "smtp": "no"} {
		s := servers.NewSMTP(t, smtpDir(), "CERT="+cert, "KEY="+key, "SECURE="+secure, "AUTH=rolecall:hunter2")
		m := mailer(t, s, scheme, ca)
		m.User, m.Password = "rolecall", func() (string, error) { return "hunter2", nil }
		if err := m.Send(t.Context(), message()); err != nil {
			t.Fatal(scheme, err)
		}
		taken := s.Taken()
		if len(taken) != 1 || !taken[0].Safe || taken[0].User != "rolecall" || taken[0].From != "rolecall@example.com" || strings.Join(taken[0].To, " ") != "it@example.com audit@example.com" {
			t.Fatalf("%s: %+v", scheme, taken)
		}
		read(t, taken[0].Text)
		m.Password = func() (string, error) { return "wrong", nil }
		if err := m.Send(t.Context(), message()); err == nil || strings.Contains(err.Error(), "wrong") || len(s.Taken()) != 1 {
			t.Errorf("%s with a wrong password: %v", scheme, err)
		}
		m.TLS = &tls.Config{MinVersion: tls.VersionTLS12} // who does not know the CA
		if err := m.Send(t.Context(), message()); err == nil || len(s.Taken()) != 1 {
			t.Errorf("%s to a stranger: %v", scheme, err)
		}
	}
}

// read takes a message apart as a mail program does.
func read(t *testing.T, text string) {
	t.Helper()
	got, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	to, errTo := got.Header.AddressList("To")
	if err != nil || errTo != nil || subject != "Zwölf warten" || len(to) != 2 || to[1].Name != "Ü, \"B\"" || got.Header.Get("Message-ID") != "<4711@rolecall>" || got.Header.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("headers: %v %v %v", got.Header, err, errTo)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil || strings.ReplaceAll(string(body), "\r", "") != message().Text {
		t.Errorf("%q %v", body, err)
	}
}

// Nothing is sent that could be read on the way, but on this machine; a receiver that is not there is said, and keeps it from nobody else.
func TestMailIsCareful(t *testing.T) {
	s := servers.NewSMTP(t, smtpDir(), "REFUSE=audit@example.com")
	m := mailer(t, s, "smtp", nil)
	if err := m.Send(t.Context(), message()); err == nil || !strings.Contains(err.Error(), "STARTTLS") || len(s.Taken()) != 0 {
		t.Errorf("in the clear: %v %v", err, s.Taken())
	}
	m.Plain = true
	m.To = []*mail.Address{m.To[1], m.To[0]}
	var refused *RefusedError
	if err := m.Send(t.Context(), message()); !errors.As(err, &refused) || !slices.Equal(refused.To, []string{"audit@example.com"}) || !strings.Contains(err.Error(), "nobody of that name") {
		t.Errorf("to one that is not there: %v", err)
	}
	if got := s.Taken(); len(got) != 1 || !slices.Equal(got[0].To, []string{"it@example.com"}) {
		t.Fatalf("to the other: %+v", got)
	}
	both := m.To
	m.To = both[:1]
	if err := m.Send(t.Context(), message()); err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), "audit@example.com") || len(s.Taken()) != 1 {
		t.Errorf("to nobody: %v %v", err, s.Taken())
	}
	m.To = both[1:]
	if err := m.Send(t.Context(), message()); err != nil || len(s.Taken()) != 2 {
		t.Errorf("on this machine: %v %v", err, s.Taken())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if m.Send(ended, message()) == nil {
		t.Error("sent after its end")
	}
}

// A webhook is sent all of it, signed; a chat its text. What is not taken is an error that does not name the address.
func TestHooks(t *testing.T) {
	var body []byte
	var header http.Header
	status, to := http.StatusOK, ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		if header = r.Header; to != "" {
			w.Header().Set("Location", to)
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	h := &Hook{Address: func() (string, error) { return server.URL + "/secret-part", nil }, Secret: func() (string, error) { return "s3", nil }, Client: NoRedirects()}
	if err := h.Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	var got Message
	mac := hmac.New(sha256.New, []byte("s3"))
	mac.Write(body)
	if err := json.Unmarshal(body, &got); err != nil || got.ID != "4711" || got.Lines[0].Program != "crm" || header.Get("Idempotency-Key") != "4711" || header.Get("Rolecall-Signature") != "sha256="+hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("%s %v %v", body, header, err)
	}
	h.Chat, h.Secret = true, nil
	if err := h.Send(t.Context(), message()); err != nil || string(body) != `{"text":"Zwölf warten\n\nÄnne: grant crm\n.\nein Punkt\n"}` || header.Get("Rolecall-Signature") != "" {
		t.Errorf("%s %v", body, err)
	}
	for _, status = range []int{http.StatusFound, http.StatusForbidden, http.StatusInternalServerError} {
		to = server.URL + "/elsewhere"
		if err := h.Send(t.Context(), message()); err == nil || strings.Contains(err.Error(), "secret-part") {
			t.Errorf("%d: %v", status, err)
		}
	}
	server.Close()
	if err := h.Send(t.Context(), message()); err == nil || strings.Contains(err.Error(), "secret-part") {
		t.Error(err)
	}
	for _, wrong := range []string{"file:///etc/passwd", "://", ""} {
		h.Address = func() (string, error) { return wrong, nil }
		if h.Send(t.Context(), message()) == nil {
			t.Errorf("%q is taken for an address", wrong)
		}
	}
	if h.Address = func() (string, error) { return "", errors.New("no such file") }; h.Send(t.Context(), message()) == nil {
		t.Error("without an address")
	}
}

// A company's own text takes the place of ours; one that can't be filled is refused before it must be.
func TestTemplates(t *testing.T) {
	words := []string{"approvals", "weekly"}
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, "weekly.txt"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("Subject: {{.Count}} Dinge bis {{day .Now}}\n\n{{range .Lines}}{{.Text}} ({{.Name}}) {{end}}\n")
	texts, err := Load(dir, words)
	if err != nil {
		t.Fatal(err)
	}
	d := sample("weekly")
	d.Lines[0].Text, d.Lines[0].Name = "x", "Ann\r\nBcc: evil@example.com"
	if subject, text, err := texts.Render(d); err != nil || subject != "2 Dinge bis 2027-01-04" || !strings.HasPrefix(text, "x (Ann") {
		t.Errorf("%q %q %v", subject, text, err)
	}
	d = sample("approvals")
	d.Lines[0].Text = "a name\u202ewith a trick\nand a line"
	if subject, text, err := texts.Render(d); err != nil || subject != "2 changes wait for an approval" || !strings.Contains(text, "- a name\\u202ewith a trick\\x0aand a line\n") || !strings.Contains(text, "Decide here: https://rolecall.example.com/waiting") {
		t.Errorf("%q %q %v", subject, text, err)
	}
	for _, wrong := range []string{"", "no subject\n\ntext", "Subject: \n\ntext", "Subject: x\n", "Subject: {{.Nothing}}\n\nx", "Subject: {{end}}\n\nx"} {
		if write(wrong); true {
			if _, err := Load(dir, words); err == nil || !strings.Contains(err.Error(), "weekly.txt") {
				t.Errorf("%q: %v", wrong, err)
			}
		}
	}
}

// A letter is in the language of its receiver where there is a text in it; what a directory says opens no other file, and forges no line.
func TestLetters(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"people.de.txt": "Subject: Zugriff von {{.To}}\n\n{{range .Team}}{{.Name}}{{end}}\n", "people.de-AT.txt": "Subject: Servus\n\nx\n", "other.txt": "{{"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	texts, err := Load(dir, []string{PeopleWord})
	if err != nil {
		t.Fatal(err)
	}
	l := sampleLetter()
	l.To = "Ann\r\nBcc: evil@example.com\u202e"
	l.Team[0].Name = "Eve\n\nDan has left:\n- everything was taken"
	for languages, want := range map[string]string{
		"": "Your access changes, and that of your team", "fr": "Your access changes, and that of your team", "../de": "Your access changes, and that of your team", "en, de": "Your access changes, and that of your team",
		"de": `Zugriff von Ann\x0d\x0aBcc: evil@example.com\u202e`, "DE-ch;q=0.8, fr": `Zugriff von Ann\x0d\x0aBcc: evil@example.com\u202e`, "fr, de-at": "Servus", strings.Repeat("-,;", 9): "Your access changes, and that of your team",
	} {
		if subject, text, err := texts.RenderLetter(l, languages); err != nil || subject != want || strings.Contains(text, "\nDan has left:\n- everything") || strings.Contains(text, "\nBcc") {
			t.Errorf("%q: %q %q %v", languages, subject, text, err)
		}
	}
	if _, text, err := texts.RenderLetter(sampleLetter(), ""); err != nil || !strings.Contains(text, "Bob starts on 2027-01-04:\n- crm is there\n- vpn is missing: a reason\n") || !strings.Contains(text, "Cid starts on 2027-01-04:\n- all access is there: crm\n") ||
		!strings.Contains(text, "Dan has left:\n- was given crm\n- will lose wiki, from 2027-01-04 on\n- crm was taken\n- crm is still open\n") || !strings.Contains(text, "… and 1 more person\n\nthe review of access 2027-q1 goes on until 2027-01-04: 3 lines wait for your decision\nhttps://rolecall.example.com/reviews/2027-q1?whose=mine&state=open\n") ||
		!strings.Contains(text, "the review of access all ends soon, on 2027-01-04: 2 lines") || !strings.Contains(text, "\n\nWhat you have and why: https://rolecall.example.com/mine\n") {
		t.Errorf("%s %v", text, err)
	}
	if err := os.WriteFile(filepath.Join(dir, "people.fr.txt"), []byte("Subject: {{.Nothing}}\n\nx\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(dir, []string{PeopleWord}); err == nil || !strings.Contains(err.Error(), "people.fr.txt") {
		t.Errorf("a text that can't be filled: %v", err)
	}
	if _, err := Load(filepath.Join(dir, "nothing"), []string{PeopleWord}); err != nil {
		t.Error(err)
	}
}

// An address is one address and nothing else.
func TestAddresses(t *testing.T) {
	for text, want := range map[string]bool{"ann@example.com": true, "a.b+c@x.example": true, "": false, "ann": false, "a@b, c@d": false, "Ann <a@b.example>": false, "a@b\r\nRCPT TO:<c@d>": false,
		"\"a b\"@x": false, "ä@x.example": false, " a@b.example": false, "a@b.example (x)": false, strings.Repeat("a", 255) + "@b.example": false} {
		if got := AddressOf(text, "Ann"); (got != nil) != want || got != nil && got.Address != text {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// Many letters go by one session; a server's no to one of them keeps no other back, and is told apart: nobody there, or not this letter.
func TestManyLetters(t *testing.T) {
	s := servers.NewSMTP(t, smtpDir(), "REFUSE=audit@example.com")
	m := mailer(t, s, "smtp", nil)
	m.Plain = true
	by, err := m.Letters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer by.Close()
	var refused *RefusedLetterError
	for _, to := range []string{"a@example.com", "audit@example.com", "b@example.com"} {
		err := by.Send(&mail.Address{Address: to}, message())
		if is := errors.As(err, &refused); is != (to == "audit@example.com") || is && !refused.Nobody || !is && err != nil {
			t.Errorf("%s: %v", to, err)
		} else if is && err.Error() != "the mail server answered 550 5.1.1" && err.Error() != "the mail server answered 550" { // and neither the address nor its words
			t.Errorf("what goes to the log: %v", err)
		}
	}
	if all := s.Taken(); len(all) != 2 || !slices.Equal(all[0].To, []string{"a@example.com"}) || !slices.Equal(all[1].To, []string{"b@example.com"}) {
		t.Errorf("%+v", all)
	}
	for said, want := range map[string]bool{"550 5.1.1 no such user": true, "550 no such user": true, "550 5.7.1 you are blocked": false, "554 no": false, "452 4.1.1 later": false, "553 5.1.3 bad": true} {
		code, text, _ := strings.Cut(said, " ")
		n, _ := strconv.Atoi(code)
		if noMailbox(&textproto.Error{Code: n, Msg: text}) != want {
			t.Error(said)
		}
	}
}

// A server quotes the address in its answers; what is logged has only the codes.
func TestAddressesAreNotQuoted(t *testing.T) {
	for want, err := range map[string]error{
		"the mail server answered 550 5.1.1":       &receiverError{"a@example.com", &textproto.Error{Code: 550, Msg: "5.1.1 <a@example.com>: nobody"}},
		"the mail server answered 452":             fmt.Errorf("x: %w", &textproto.Error{Code: 452, Msg: "a@example.com has no room"}),
		"the mail server's answer is none of SMTP": textproto.ProtocolError("short response: a@example.com"),
		"EOF": io.EOF,
	} {
		if got := unquoted(err).Error(); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}
