package scim_test

import (
	"testing"

	"github.com/rolecall/rolecall/engine/enginetest/servers"
)

// provider is a SCIM service provider whose every answer a test can bend.
type provider struct{ *servers.Provider }

func newProvider(t *testing.T) *provider {
	t.Helper()
	return &provider{servers.NewProvider(t)}
}
