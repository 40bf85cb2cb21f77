package sql

import (
	"context"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/lib/pq"

	"github.com/rolecall/rolecall/engine"
)

// secretLife is how long a role can sign in by a secret unless the configuration says otherwise.
const secretLife = 7 * 24 * time.Hour

// NewSecret gives a role a new password, which ends after some time. PostgreSQL gets what it keeps of it (SCRAM-SHA-256), and not the
// password, as from psql's \password: statements may stand in its log.
func (p *Postgres) NewSecret(ctx context.Context, account string) (string, error) {
	name, err := p.changeable(ctx, account, "set its password")
	if err != nil {
		return "", p.explain(err)
	}
	if name == "" {
		return "", p.explain(refuse("there is no account %q", account))
	}
	secret := engine.OneTimeSecret()
	verifier, err := scramVerifier(secret)
	if err != nil {
		return "", p.explain(err)
	}
	statement := "ALTER ROLE " + pq.QuoteIdentifier(name) + " PASSWORD " + pq.QuoteLiteral(verifier) +
		" VALID UNTIL " + pq.QuoteLiteral(p.options.Now().UTC().Add(p.secretFor).Format(time.RFC3339))
	if _, err := p.db.ExecContext(ctx, statement); err != nil {
		return "", engine.Scrub(p.explain(err), secret, verifier)
	}
	return secret, nil
}

const scramRounds = 4096 // PostgreSQL's own

// scramVerifier is what PostgreSQL keeps of a password (RFC 5803; src/common/scram-common.c). The password is ASCII, which SASLprep
// leaves as it is.
func scramVerifier(password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, salt, scramRounds, sha256.Size)
	if err != nil {
		return "", err
	}
	mac := func(text string) []byte {
		h := hmac.New(sha256.New, salted)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	stored := sha256.Sum256(mac("Client Key"))
	b64 := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s", scramRounds, b64(salt), b64(stored[:]), b64(mac("Server Key"))), nil
}
