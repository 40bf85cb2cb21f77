package main

import "strings"

// firstSecrets takes the secrets of new accounts from the letters, the one place where they may be, signs in with one of them, and has
// that session ended. All are looked for from then on.
func (c *canaries) firstSecrets() {
	c.t.Helper()
	for _, m := range c.mails.Taken() {
		if found := password.FindStringSubmatch(m.Text); found != nil {
			c.secrets["first secret of "+m.To[0]] = found[1]
		}
	}
	secret := c.secrets["first secret of u003@example.com"]
	if secret == "" {
		c.t.Fatalf("no first secret was mailed to u003, %d letters", len(c.mails.Taken()))
	}
	db, err := signIn(c.pg, "u003", secret)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close()
	if pid(c.t, db) == 0 {
		c.t.Error("there is no session")
	}
	c.rolecall("cut", "u003", "--reason", "laptop stolen")
	if err := db.Ping(); err == nil {
		c.t.Error("the session goes on")
	}
	c.rolecall("audit", "list", "--limit", "0", "-o", "json")
	if !strings.Contains(c.said.String(), "its open sessions were ended") {
		c.t.Error("nothing says that the session was ended")
	}
	c.rolecall("cut", "u003", "--lift", "--reason", "found")
}
