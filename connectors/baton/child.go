package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	wrapper "github.com/conductorone/baton-sdk/pb/c1/connector_wrapper/v1"
	"github.com/conductorone/baton-sdk/pkg/utls"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/protobuf/proto"
)

// child is a running connector. All of it may be called concurrently.
type child struct {
	cmd      *exec.Cmd
	stdin    io.WriteCloser
	conn     *grpc.ClientConn
	sessions *sessions
	dead     chan struct{} // closed when the process has ended

	types   v2.ResourceTypesServiceClient
	things  v2.ResourcesServiceClient
	rights  v2.EntitlementsServiceClient
	grants  v2.GrantsServiceClient
	manager v2.GrantManagerServiceClient
	account v2.AccountManagerServiceClient
	remover v2.ResourceManagerServiceClient
	service v2.ConnectorServiceClient
}

const maxMessage = 64 << 20 // bytes of one page

// start starts a connector in its service mode (baton-sdk internal/connector): it takes a listening socket as file 3, and
// on standard input one line with the port and the keys of TLS; it ends when that input does.
func start(ctx context.Context, command, env []string, files []*os.File, log io.Writer) (*child, error) {
	ours, theirs, err := utls.GenerateClientServerCredentials(ctx)
	if err != nil {
		return nil, err
	}
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	socket, err := l.File()
	if err != nil {
		return nil, err
	}
	defer socket.Close()
	c := &child{dead: make(chan struct{})}
	if c.sessions, err = listenSessions(ctx, theirs); err != nil {
		return nil, err
	}
	port := l.Addr().(*net.TCPAddr).Port
	c.cmd = exec.Command(command[0], append(command[1:len(command):len(command)], "-p", "_connector-service")...) // #nosec G204 -- the configuration names it
	c.cmd.Env = append(env, "BATON_CONNECTOR_SERVICE_LISTENER_FD=3")
	c.cmd.Stdout, c.cmd.Stderr = log, log // our own standard output is Rolecall's
	c.cmd.ExtraFiles = append([]*os.File{socket}, files...)
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := c.cmd.Start(); err != nil {
		c.sessions.stop()
		return nil, fmt.Errorf("the connector can't be started: %w", err)
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.dead)
	}()
	config, err := proto.Marshal(wrapper.ServerConfig_builder{Credential: theirs, ListenPort: uint32(port), SessionStoreListenPort: uint32(c.sessions.port)}.Build()) // #nosec G115 -- ports
	if err == nil {
		_, err = io.WriteString(c.stdin, base64.StdEncoding.EncodeToString(config)+"\n")
	}
	if err == nil {
		tls, wrong := utls.ClientConfig(ctx, ours)
		if err = wrong; err == nil {
			err = c.dial(fmt.Sprintf("passthrough:///127.0.0.1:%d", port), credentials.NewTLS(tls))
		}
	}
	if err != nil {
		c.stop()
		return nil, fmt.Errorf("the connector can't be talked to: %w", err)
	}
	return c, nil
}

func (c *child) dial(address string, tls credentials.TransportCredentials) (err error) {
	c.conn, err = grpc.NewClient(address, grpc.WithTransportCredentials(tls), grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return err
	}
	c.types, c.things = v2.NewResourceTypesServiceClient(c.conn), v2.NewResourcesServiceClient(c.conn)
	c.rights, c.grants = v2.NewEntitlementsServiceClient(c.conn), v2.NewGrantsServiceClient(c.conn)
	c.manager, c.account = v2.NewGrantManagerServiceClient(c.conn), v2.NewAccountManagerServiceClient(c.conn)
	c.remover, c.service = v2.NewResourceManagerServiceClient(c.conn), v2.NewConnectorServiceClient(c.conn)
	return nil
}

// ready waits until the connector answers and has tried its credentials, and gives what it says of itself.
func (c *child) ready(ctx context.Context) (*v2.ConnectorMetadata, error) {
	ctx, stop := context.WithTimeout(ctx, openFor)
	defer stop()
	go func() {
		select {
		case <-c.dead:
			stop()
		case <-ctx.Done():
		}
	}()
	about, err := c.service.GetMetadata(ctx, &v2.ConnectorServiceGetMetadataRequest{}, grpc.WaitForReady(true))
	if err == nil {
		_, err = c.service.Validate(ctx, &v2.ConnectorServiceValidateRequest{})
	}
	select {
	case <-c.dead:
		return nil, fmt.Errorf("the connector ended (%s) before it was ready; what it said stands in the log", c.cmd.ProcessState)
	default:
	}
	if err != nil {
		return nil, fmt.Errorf("the connector is not ready: %s", plain(err))
	}
	return about.GetMetadata(), nil
}

// stop ends the connector: by the end of its input, else by its process id.
func (c *child) stop() {
	_ = c.stdin.Close()
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.sessions.stop()
	select {
	case <-c.dead:
	case <-time.After(2 * time.Second):
		_ = c.cmd.Process.Kill()
		<-c.dead
	}
}

// environment is what a connector gets: where it is, and the fields of its configuration, as BATON_ and the name.
func environment(own []string, fields map[string]string) (env []string) {
	for _, e := range own {
		if name, _, _ := strings.Cut(e, "="); name == "PATH" || name == "HOME" || name == "TMPDIR" || name == "LANG" {
			env = append(env, e)
		}
	}
	for name, value := range fields {
		env = append(env, variable(name)+"="+value)
	}
	return env
}

// variable is the environment variable from which the SDK reads a field.
func variable(field string) string {
	return "BATON_" + strings.ToUpper(strings.ReplaceAll(field, "-", "_"))
}

// unlinked is a file with a secret, for connectors that want a path: it has no name any more, and ends with who holds it.
func unlinked(text string) (*os.File, error) {
	f, err := os.CreateTemp("", "rolecall-baton-") // mode 0600
	if err != nil {
		return nil, err
	}
	err = os.Remove(f.Name())
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}
