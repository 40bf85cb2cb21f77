package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rolecall/rolecall/cmd/rolecall/notify"
	"github.com/rolecall/rolecall/engine"
)

// makesSecrets says whether a kind of program knows one-time secrets at all.
func makesSecrets(c engine.Connector) bool {
	_, can := c.(engine.SecretMaker)
	return can
}

// sendSecrets sends the first secrets of new accounts to whom the run's people show.
func (s *system) sendSecrets(ctx context.Context, o *engine.Outlook) (sent int, err error) {
	if s.channels.secrets == nil {
		return 0, nil
	}
	return s.engine.SendSecrets(ctx, o, func(ctx context.Context) (engine.SecretPost, error) {
		by, err := s.channels.secrets(ctx)
		if err != nil {
			return nil, err
		}
		return &secretPost{s, by}, nil
	})
}

// secretPost sends secrets by mail.
type secretPost struct {
	*system
	by notify.Letters
}

// Send implements engine.SecretPost.
func (p *secretPost) Send(_ context.Context, l *engine.SecretLetter) error {
	to := notify.AddressOf(l.Address, l.To.Name())
	if to == nil {
		return errors.New("what the directory has of " + l.To.Key + " is no address that mail can be sent to")
	}
	now := p.engine.Now()
	subject, text, err := p.channels.texts.RenderSecret(notify.SecretData{To: l.To.Name(), For: l.For.Name(), Own: l.To.Key == l.For.Key, Program: l.Program, Account: l.Account, Secret: l.Secret})
	if err != nil {
		return err
	}
	id := digest(fmt.Sprint(l.Program, "\n", l.For.Key, "\n", now.UnixNano())) // not of the secret
	return p.by.Send(to, notify.Message{Version: 1, ID: id, About: notify.SecretWord, Time: now.In(zone(p.cfg)), Subject: subject, Text: text})
}

// Close implements engine.SecretPost.
func (p *secretPost) Close() { p.by.Close() }

// secretTime is how long sending them may take.
const secretTime = 60 * time.Second

// sendSecrets sends what first secrets are due, while no other machine does. It does not hold up work.
func (s *server) sendSecrets(ctx context.Context) {
	sys, done := s.use()
	o := s.outlook.Load()
	if o == nil || sys.channels.secrets == nil {
		done()
		return
	}
	s.former.Go(func() {
		defer done()
		s.secrets.Lock() // of another program, whose letters are on their way
		defer s.secrets.Unlock()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), secretTime)
		defer cancel()
		free, ok, err := s.alone(ctx, "secrets")
		if err != nil || !ok {
			s.log.Warn("first secrets are not sent now: another machine does, or nobody can tell", "error", err)
			return
		}
		defer free()
		n, err := sys.sendSecrets(ctx, o)
		if err != nil {
			s.log.Error("first secrets were sent, but not all; the rest is tried again", "letters", n, "error", err)
		} else if n > 0 {
			s.log.Info("first secrets were sent", "letters", n)
		}
	})
}
