// Package notify tells people what a run found: by mail, by a webhook, in a chat. What is to be told is its caller's affair, and so is
// that nothing is told twice.
package notify

import (
	"context"
	"errors"
	"time"
)

// Line is one thing that is told.
type Line struct {
	Text    string    `json:"text"` // a sentence
	Program string    `json:"program,omitempty"`
	Person  string    `json:"person,omitempty"` // key
	Name    string    `json:"name,omitempty"`   // of the person
	Link    string    `json:"link,omitempty"`   // where the page shows it
	Since   time.Time `json:"since,omitzero"`
}

// Message is what is told at once, all of it about the same.
type Message struct {
	Version int       `json:"version"`
	ID      string    `json:"id"`    // the same if it comes once more: whoever receives it drops the second
	About   string    `json:"about"` // approvals, programs, leavers, contracts, credentials, alarms, weekly
	Time    time.Time `json:"time"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`  // the whole, to be read
	Lines   []Line    `json:"lines"` // the same, to be worked with
}

// RefusedError says that the message was taken, but not for these receivers.
type RefusedError struct {
	To  []string
	Why []error
}

func (e *RefusedError) Error() string {
	return "the other receivers have the message, and it is not sent again: " + errors.Join(e.Why...).Error()
}

// Channel is one way to tell. A nil error and a *RefusedError say that somebody took the message.
type Channel interface {
	Send(ctx context.Context, m Message) error
}
