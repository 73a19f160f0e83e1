package routes

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	testv1 "vestibule.dev/gateway/internal/gatewaytest/v1"
)

var thingService = NewService(testv1.ThingService_ServiceDesc, testv1.NewThingServiceClient, testv1.RegisterThingServiceHandlerClient)

func TestServices_everyAnnotatedService_isBound(t *testing.T) {
	var table Table
	var bound []string
	for _, s := range Services() {
		if err := table.bind(t.Context(), s, &recorder{}); err != nil {
			t.Error(err)
		}
		bound = append(bound, string(s.name))
	}
	protoregistry.GlobalFiles.RangeFiles(func(fd protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(fd.Package()), "gatewaytest.") {
			return true
		}
		for i := range fd.Services().Len() {
			s := fd.Services().Get(i)
			for j := range s.Methods().Len() {
				if proto.HasExtension(s.Methods().Get(j).Options(), annotations.E_Http) && !slices.Contains(bound, string(s.FullName())) {
					t.Errorf("%s has HTTP rules but is not bound", s.FullName())
					break
				}
			}
		}
		return true
	})
}

func TestBind_sameRouteTwice_fails(t *testing.T) {
	var table Table
	if err := table.bind(t.Context(), thingService, &recorder{}); err != nil {
		t.Fatal(err)
	}
	if err := table.bind(t.Context(), thingService, &recorder{}); err == nil {
		t.Error("a route was bound twice")
	}
}

func TestAdd_noPolicy_fails(t *testing.T) {
	var table Table
	if err := table.add(&Route{Method: http.MethodGet, Pattern: "/x"}); err == nil {
		t.Error("a route without policy was accepted")
	}
}

func TestFind_path_picksMostSpecificRoute(t *testing.T) {
	var table Table
	if err := table.bind(t.Context(), thingService, &recorder{}); err != nil {
		t.Fatal(err)
	}
	for _, r := range localRoutes() {
		if err := table.add(r); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		method, path string
		want         string // pattern, or the methods allowed, or nothing
		param        string
	}{
		{"GET", "/api/v1/things/me", "/api/v1/things/me", ""},
		{"HEAD", "/api/v1/things/me", "/api/v1/things/me", ""},
		{"GET", "/api/v1/things/abc", "/api/v1/things/{thing_id}", "abc"},
		{"GET", "/api/v1/things/a%2Fb", "/api/v1/things/{thing_id}", "a/b"},
		{"GET", "/api/v1/things/a%252Fb", "/api/v1/things/{thing_id}", "a%2Fb"},
		{"GET", "/api/v1/things/%6De", "/api/v1/things/me", ""},
		{"GET", "/api/v1/things/..", "/api/v1/things/{thing_id}", ".."},
		{"GET", "/api/v1/things/%ff", "/api/v1/things/{thing_id}", "\uFFFD"},
		{"GET", "/api/v1/things/me/raw", "/api/v1/things/{thing_id}/raw", "me"},
		{"GET", "/api/v1/things/abc:verb", "/api/v1/things/{thing_id}", "abc:verb"},
		{"PUT", "/api/v1/things", "GET, HEAD, OPTIONS, POST", ""},
		{"GET", "/api/v1/things/touch", "OPTIONS, POST", ""},
		{"DELETE", "/api/v1", "GET, HEAD, OPTIONS", ""},
		{"GET", "/api/v1/projects-anonymous-users/p/.well-known/a/b", "/api/v1/projects-anonymous-users/{project_id}/.well-known/{rest=**}", ""},
		{"GET", "/api/v1/things/", "", ""},
		{"GET", "/api/v1/nothing", "", ""},
		{"GET", "/api/v1/things/a/b/c", "", ""},
		{"GET", "/api/v1/things/%zz", "", ""},
		{"GET", "/", "", ""},
		{"OPTIONS", "*", "", ""},
	}
	for _, tt := range tests {
		m := table.Find(tt.method, tt.path)
		got := strings.Join(m.Allow, ", ")
		if m.Route != nil {
			got = m.Route.Pattern
		}
		if got != tt.want || tt.param != "" && m.Params["thing_id"] != tt.param {
			t.Errorf("%s %s: %q with %v, want %q with %q", tt.method, tt.path, got, m.Params, tt.want, tt.param)
		}
	}
}

func TestParsePattern_unusable_isRefused(t *testing.T) {
	for _, p := range []string{"", "x", "/", "/a//b", "/a/{b", "/a/{b.c}", "/a/*", "/a:verb", "/a/{b=c/*}", "/a/{b=**}/c", "/{}"} {
		if _, _, err := parsePattern(p); err == nil {
			t.Errorf("%q was accepted", p)
		}
	}
}
