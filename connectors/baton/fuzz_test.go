package main

import (
	"encoding/json"
	"testing"
	"time"

	v2 "github.com/conductorone/baton-sdk/pb/c1/connector/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// FuzzResource: whatever a connector says of a user becomes an account that can be passed on, by the id it has there.
func FuzzResource(f *testing.F) {
	for _, last := range []*timestamppb.Timestamp{nil, timestamppb.New(time.Unix(1_800_000_000, 0)), {Seconds: 1 << 50, Nanos: -1}} {
		trait, err := anypb.New(v2.UserTrait_builder{Login: "ann", LastLogin: last, EmployeeIds: []string{"7"}}.Build())
		if err != nil {
			f.Fatal(err)
		}
		data, err := proto.Marshal(v2.Resource_builder{Id: v2.ResourceId_builder{ResourceType: "us:er%", Resource: "1"}.Build(), DisplayName: "Ann", Annotations: []*anypb.Any{trait}}.Build())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &v2.Resource{}
		if proto.Unmarshal(data, r) != nil {
			t.Skip()
		}
		p := newProgram(nil, 1, nil)
		a := p.account(r)
		if _, err := json.Marshal(a); err != nil || a.ID != id(r.GetId()) {
			t.Errorf("%+v: %v", a, err)
		}
	})
}

// FuzzSettings: what is configured is taken whole or refused.
func FuzzSettings(f *testing.F) {
	for _, text := range []string{`{"target": "github:x", "fields": {"org": "x"}}`, `{"target": "t", "login": "often"}`, `{"target": 1}`, `{}`, ``, `{"target": "t"} {`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s settings
		if s.read(data) == nil && s.Target == "" {
			t.Error("without a target")
		}
	})
}
