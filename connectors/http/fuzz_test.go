package http

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/rolecall/rolecall/engine"
)

// roundTrip answers requests without a network.
type roundTrip func(*http.Request) *http.Response

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

func bodyOf(data []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(data)) }

func fuzzOptions(answers http.RoundTripper) Options {
	return Options{Program: "crm", Now: time.Now, Transport: answers, Secret: func(engine.Secret) (string, error) { return "token", nil },
		Wait: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}
