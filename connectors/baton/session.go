package main

import (
	"cmp"
	"context"
	"net"
	"slices"
	"sync"

	session "github.com/conductorone/baton-sdk/pb/c1/connectorapi/baton/v1"
	tls "github.com/conductorone/baton-sdk/pb/c1/utls/v1"
	"github.com/conductorone/baton-sdk/pkg/utls"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

// sessions is what some connectors keep between their calls: they have the one who started them keep it. It is forgotten
// with them.
type sessions struct {
	session.UnimplementedBatonSessionServiceServer
	port   int
	server *grpc.Server
	mu     sync.Mutex
	size   int
	values map[sessionKey][]byte
}

type sessionKey struct{ sync, prefix, key string }

const maxSessions = 256 << 20 // bytes of all values

func listenSessions(ctx context.Context, keys *tls.Credential) (*sessions, error) {
	config, err := utls.ListenerConfig(ctx, keys)
	if err != nil {
		return nil, err
	}
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	s := &sessions{port: l.Addr().(*net.TCPAddr).Port, server: grpc.NewServer(grpc.Creds(credentials.NewTLS(config))), values: map[sessionKey][]byte{}}
	session.RegisterBatonSessionServiceServer(s.server, s)
	go func() { _ = s.server.Serve(l) }()
	return s, nil
}

func (s *sessions) stop() { s.server.Stop() }

func (s *sessions) set(k sessionKey, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	grows := len(value) - len(s.values[k])
	if s.size+grows > maxSessions {
		return status.Errorf(codes.ResourceExhausted, "the connector keeps more than %d bytes", maxSessions)
	}
	s.size += grows
	s.values[k] = value
	return nil
}

func (s *sessions) remove(k sessionKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size -= len(s.values[k])
	delete(s.values, k)
}

func (s *sessions) drop(match func(sessionKey) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, v := range s.values {
		if match(k) {
			s.size -= len(v)
			delete(s.values, k)
		}
	}
}

func (s *sessions) Get(_ context.Context, r *session.GetRequest) (*session.GetResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	value, found := s.values[sessionKey{r.GetSyncId(), r.GetPrefix(), r.GetKey()}]
	return session.GetResponse_builder{Value: value, Found: found}.Build(), nil
}

func (s *sessions) GetMany(_ context.Context, r *session.GetManyRequest) (*session.GetManyResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, size := session.GetManyResponse_builder{}, 0
	for _, key := range r.GetKeys() {
		value, found := s.values[sessionKey{r.GetSyncId(), r.GetPrefix(), key}]
		switch size += len(value); {
		case found && len(b.Items) > 0 && size > maxMany:
			b.UnprocessedKeys = append(b.UnprocessedKeys, key)
		case found:
			b.Items = append(b.Items, session.GetManyItem_builder{Key: key, Value: value}.Build())
		}
	}
	return b.Build(), nil
}

const maxMany = 3 << 20 // bytes of one answer: gRPC takes 4 MiB unless told otherwise

func (s *sessions) GetAll(_ context.Context, r *session.GetAllRequest) (*session.GetAllResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := []string{}
	for k := range s.values {
		if k.sync == r.GetSyncId() && k.prefix == r.GetPrefix() && k.key > r.GetPageToken() {
			keys = append(keys, k.key)
		}
	}
	slices.Sort(keys)
	b, size := session.GetAllResponse_builder{}, 0
	for i, key := range keys {
		value := s.values[sessionKey{r.GetSyncId(), r.GetPrefix(), key}]
		if size += len(value) + len(key); i > 0 && size > maxMany {
			b.PageToken = keys[i-1]
			break
		}
		b.Items = append(b.Items, session.GetAllItem_builder{Key: key, Value: value}.Build())
	}
	return b.Build(), nil
}

func (s *sessions) Set(_ context.Context, r *session.SetRequest) (*session.SetResponse, error) {
	return &session.SetResponse{}, s.set(sessionKey{r.GetSyncId(), r.GetPrefix(), r.GetKey()}, r.GetValue())
}

func (s *sessions) SetMany(_ context.Context, r *session.SetManyRequest) (_ *session.SetManyResponse, err error) {
	for key, value := range r.GetValues() {
		err = cmp.Or(err, s.set(sessionKey{r.GetSyncId(), r.GetPrefix(), key}, value))
	}
	return &session.SetManyResponse{}, err
}

func (s *sessions) Delete(_ context.Context, r *session.DeleteRequest) (*session.DeleteResponse, error) {
	s.remove(sessionKey{r.GetSyncId(), r.GetPrefix(), r.GetKey()})
	return &session.DeleteResponse{}, nil
}

func (s *sessions) DeleteMany(_ context.Context, r *session.DeleteManyRequest) (*session.DeleteManyResponse, error) {
	for _, key := range r.GetKeys() {
		s.remove(sessionKey{r.GetSyncId(), r.GetPrefix(), key})
	}
	return &session.DeleteManyResponse{}, nil
}

func (s *sessions) Clear(_ context.Context, r *session.ClearRequest) (*session.ClearResponse, error) {
	s.drop(func(k sessionKey) bool {
		return k.sync == r.GetSyncId() && (r.GetPrefix() == "" || k.prefix == r.GetPrefix())
	})
	return &session.ClearResponse{}, nil
}
