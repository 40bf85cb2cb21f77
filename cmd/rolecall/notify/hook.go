package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Hook posts messages as JSON.
type Hook struct {
	Address func() (string, error) // asked for each message, so that it may change
	Secret  func() (string, error) // signs what is sent; nil: nothing is signed
	Chat    bool                   // in the form of a chat
	Client  *http.Client
}

// Send implements Channel. Errors do not name the address, which may be secret.
func (h *Hook) Send(ctx context.Context, m Message) error {
	address, err := h.Address()
	if err != nil {
		return err
	}
	body, err := h.body(m)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSpace(address), bytes.NewReader(body))
	if err != nil {
		return errors.New("its address can't be read")
	}
	if r.URL.Scheme != "https" && r.URL.Scheme != "http" {
		return errors.New("its address is neither https:// nor http://")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "Rolecall")
	r.Header.Set("Idempotency-Key", m.ID)
	if err := h.sign(r, body); err != nil {
		return err
	}
	return h.post(r)
}

func (h *Hook) body(m Message) ([]byte, error) {
	if h.Chat {
		return json.Marshal(map[string]string{"text": m.Subject + "\n\n" + m.Text})
	}
	return json.Marshal(m)
}

func (h *Hook) sign(r *http.Request, body []byte) error {
	if h.Secret == nil {
		return nil
	}
	secret, err := h.Secret()
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r.Header.Set("Rolecall-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return nil
}

func (h *Hook) post(r *http.Request) error {
	answer, err := h.Client.Do(r)
	if err != nil {
		var wrong *url.Error
		if errors.As(err, &wrong) { // whose text has the address
			err = wrong.Err
		}
		return err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10))
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}

// NoRedirects is a client for hooks: what is meant for one address goes nowhere else.
func NoRedirects() *http.Client {
	return &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
