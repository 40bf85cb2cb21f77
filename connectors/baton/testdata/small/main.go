// Command small is a Baton connector for tests, written on baton-sdk as the real ones are: its program is a JSON file. It
// pages by two, keeps something in the session between two calls, has groups below an organisation and groups in groups,
// and goes wrong as the file with .fault behind its name says.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"github.com/conductorone/baton-sdk/pkg/annotations"
	"github.com/conductorone/baton-sdk/pkg/cli"
	"github.com/conductorone/baton-sdk/pkg/config"
	"github.com/conductorone/baton-sdk/pkg/connectorbuilder"
	"github.com/conductorone/baton-sdk/pkg/connectorrunner"
	"github.com/conductorone/baton-sdk/pkg/field"
	"github.com/spf13/viper"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func main() {
	fields := field.NewConfiguration([]field.SchemaField{
		field.StringField("path", field.WithRequired(true)),
		field.StringField("api-token", field.WithRequired(true), field.WithIsSecret(true)),
		field.StringField("key-file"),
		field.BoolField("no-accounts"),
	})
	config.RunConnector(context.Background(), "small", "1", fields,
		func(_ context.Context, v *viper.Viper, _ *cli.ConnectorOpts) (connectorbuilder.ConnectorBuilderV2, []connectorbuilder.Opt, error) {
			return &small{file{v.GetString("path")}, v.GetString("api-token"), v.GetString("key-file"), v.GetBool("no-accounts")}, nil, nil
		}, connectorrunner.WithSessionStoreEnabled())
}

type small struct {
	file
	token, key string
	fixed      bool // it makes no accounts
}

// listed hides what else a type of resources can do.
type listed struct {
	connectorbuilder.ResourceSyncerV2
}

func (s *small) Metadata(context.Context) (*v2.ConnectorMetadata, error) {
	return v2.ConnectorMetadata_builder{DisplayName: "Small"}.Build(), nil
}

// Validate wants the token, and the key where there is to be one.
func (s *small) Validate(context.Context) (annotations.Annotations, error) {
	d, err := s.read()
	if err != nil {
		return nil, err
	}
	if s.token != d.Token {
		return nil, status.Error(codes.Unauthenticated, "wrong token")
	}
	for range 2 { // a path can be read as often as one likes
		if d.Key == "" {
			break
		}
		if key, err := os.ReadFile(s.key); err != nil || string(key) != d.Key {
			return nil, status.Errorf(codes.Unauthenticated, "wrong key (%v)", err)
		}
	}
	fmt.Fprintln(os.Stderr, "the token is", s.token) // as careless as connectors are
	fmt.Println("this is standard output")
	return nil, nil
}

func (s *small) ResourceSyncers(context.Context) []connectorbuilder.ResourceSyncerV2 {
	people := connectorbuilder.ResourceSyncerV2(&users{s.file})
	if s.fixed {
		people = listed{people}
	}
	return []connectorbuilder.ResourceSyncerV2{people, &orgs{s.file}, &groups{s.file}}
}

// fault goes wrong at a place, if the file for it says so: error, die, hang, or slow.
func (f file) fault(place string) error {
	text, err := os.ReadFile(f.path + ".fault")
	if err != nil {
		return nil
	}
	at, how, _ := strings.Cut(strings.TrimSpace(string(text)), " ")
	if at != place {
		return nil
	}
	switch how {
	case "die":
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "hang":
		time.Sleep(time.Hour)
	case "slow":
		time.Sleep(10 * time.Millisecond)
		return nil
	case "busy": // once
		_ = os.Remove(f.path + ".fault")
		return status.Error(codes.Unavailable, "too many requests")
	case "loses": // what it did
		return status.Error(codes.Internal, "lost")
	case "denies":
		return status.Error(codes.PermissionDenied, "not allowed")
	}
	return errors.New("broken at " + place)
}
