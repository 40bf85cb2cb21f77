package file

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// withKey lets the ssh of one command sign with the key, which stays in this process: ssh asks for it on a socket in a folder that
// nobody else can enter.
func (g *repository) withKey(cmd *exec.Cmd) (end func(), err error) {
	text, err := g.secret(g.config.Key)
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParseRawPrivateKey([]byte(text + "\n"))
	if err != nil {
		return nil, fmt.Errorf("the secret in %s is no private key without a passphrase; make one with ssh-keygen -t ed25519 -N ''", g.config.Key)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "rolecall-ssh-")
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	cmd.Env = append(cmd.Env, "SSH_AUTH_SOCK="+filepath.Join(dir, "agent"))
	s := &signer{ring: ring, listener: l}
	s.accepting.Go(s.accept)
	return func() { s.end(); _ = os.RemoveAll(dir) }, nil // nothing of it is needed again
}

// signer signs for whoever reaches its socket.
type signer struct {
	ring               agent.Agent
	listener           net.Listener
	accepting, serving sync.WaitGroup
	open               []net.Conn
}

func (s *signer) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return // it is closed
		}
		s.open = append(s.open, c)
		s.serving.Go(func() { _ = agent.ServeAgent(s.ring, c) }) // ends when ssh goes
	}
}

func (s *signer) end() {
	_ = s.listener.Close()
	s.accepting.Wait()
	for _, c := range s.open { // an ssh may outlive its Git
		_ = c.Close()
	}
	s.serving.Wait()
}
