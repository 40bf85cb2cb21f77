package http

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/httpconn"
)

// NewSecret makes the requests that give an account a new secret, made up here, or by the program where its answer is to be picked from.
func (p *Program) NewSecret(ctx context.Context, account string) (string, error) {
	if len(p.users.newSecret) == 0 {
		return "", p.explain(httpconn.Refuse("secrets can't be set here; users.new_secret would say how"))
	}
	a, err := p.find(ctx, account)
	if err == nil && a == nil {
		err = httpconn.Refuse("there is no account %q", account)
	}
	if err != nil {
		return "", p.explain(err)
	}
	secret := engine.OneTimeSecret()
	answered, err := p.sendSecret(ctx, a, secret)
	if err != nil {
		return "", engine.Scrub(p.explain(err), secret)
	}
	return answered, nil
}

// sendSecret gives the secret that holds. No error has words of an answer in which one may stand.
func (p *Program) sendSecret(ctx context.Context, a *account, secret string) (string, error) {
	var last *httpconn.Answer
	for i := range p.users.newSecret {
		call, err := p.request(&p.users.newSecret[i], values{"account": a.id, "secret": secret}, a.item)
		if err != nil {
			return "", err
		}
		if last, err = p.client.Do(ctx, call); err == nil {
			err = noPage(last)
		}
		if err != nil && p.users.secret != nil {
			return "", fmt.Errorf("request %d of users.new_secret failed%s", i+1, status(err))
		}
		if err != nil {
			return "", err
		}
	}
	if p.users.secret == nil {
		return secret, nil
	}
	var body any
	if json.Unmarshal(last.Body, &body) != nil {
		return "", errors.New("the answer of users.new_secret is no JSON, so that users.secret picks nothing")
	}
	if picked, err := p.users.secret.text(body, nil); err == nil && picked != "" {
		return picked, nil
	}
	return "", errors.New("users.secret picks nothing in the answer of users.new_secret")
}

// status is what may be told of an answer that may have a secret in it.
func status(err error) string {
	var s *httpconn.StatusError
	if errors.As(err, &s) {
		return fmt.Sprintf(" with the status %d", s.Status)
	}
	return ""
}
