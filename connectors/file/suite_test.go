package file_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rolecall/rolecall/connectors/file"
	"github.com/rolecall/rolecall/engine"
	"github.com/rolecall/rolecall/engine/conformance"
	"github.com/rolecall/rolecall/engine/enginetest"
)

func TestConnectorSuite(t *testing.T) {
	enginetest.ConnectorSuite(t, func(t *testing.T) *enginetest.ConnectorUnderTest {
		wire := &conformance.Wire{Prompt: true}
		p, _ := openWith(t, wire.Step, "account,active,entitlements,person\nann,yes,,\nBen Smith,yes,,\n\"Łucja, ø\",yes,,\nold,no,Write all,\n", "read", "Write all")
		gone, err := file.Open(file.Config{Path: filepath.Join(t.TempDir(), "gone.csv")}, file.Options{Program: "wiki", Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		return &enginetest.ConnectorUnderTest{
			Connector: p, Accounts: []string{"ann", "Ben Smith", "Łucja, ø"}, Rights: []string{"read", "Write all"},
			Stranger: "nobody", NoRight: "fly", NewNames: []string{"dan", "Eve É"}, Broken: []engine.Connector{gone}, Wire: wire,
		}
	})
}
