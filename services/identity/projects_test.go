package identity

import (
	"context"
	"encoding/base64"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/pbjson"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/secret"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/domain/config"
	"vestibule.dev/services/identity/internal/events"
	"vestibule.dev/services/identity/internal/grpcapi"
	"vestibule.dev/services/identity/internal/postgres"
)

const projectID = "3241a285-8329-4d69-8f3d-316e08cf140c"

// rig serves the project services over a database of their own, with one
// project.
type rig struct {
	*grpctest.Harness
	app *app.App
}

func testBox(t *testing.T) *secret.Box {
	t.Helper()
	ring, err := secret.ParseKeyRing(secret.Secret("k1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewBox(ring)
}

func newRig(t *testing.T) *rig {
	t.Helper()
	store := postgres.NewStore(pgtest.New(t, Command().Sources()...), nil, testBox(t), events.Encode)
	logger := slog.New(slog.DiscardHandler)
	renditions := app.NewProjectRenditions(store, logger)
	application := app.New(app.Deps{
		Store: store, Configs: renditions, Renditions: renditions, Logger: logger, Announce: func(string) {},
	})
	if err := application.SeedProject(t.Context(), app.ProjectSeed{ID: projectID, DisplayName: "Shop", Environment: config.NewProject()}); err != nil {
		t.Fatal(err)
	}
	harness := grpctest.New(t, "identity", func(r grpc.ServiceRegistrar) { grpcapi.RegisterProjects(r, application) })
	return &rig{Harness: harness, app: application}
}

func as(t *testing.T, access principal.Access) context.Context {
	return grpctest.As(t.Context(), principal.Principal{ProjectID: projectID, BranchID: "main", Access: access})
}

// The gateway forgets a project when an answer says that it changed.
func TestProjectServices_changes_tellTheGateway(t *testing.T) {
	r := newRig(t)
	admin := as(t, principal.AccessAdmin)
	projects, sets, configs := identityv1.NewProjectServiceClient(r.Conn), identityv1.NewApiKeySetServiceClient(r.Conn), identityv1.NewConfigServiceClient(r.Conn)
	var setID string
	for _, tt := range []struct {
		name    string
		call    func(header grpc.CallOption) error
		changes bool
	}{
		{"read project", func(h grpc.CallOption) error {
			_, err := projects.GetAdminProject(admin, &identityv1.GetAdminProjectRequest{}, h)
			return err
		}, false},
		{"update project", func(h grpc.CallOption) error {
			_, err := projects.UpdateProject(admin, &identityv1.UpdateProjectRequest{
				Project: &identityv1.ProjectPatch{DisplayName: proto.String("New")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name"}},
			}, h)
			return err
		}, true},
		{"create keys", func(h grpc.CallOption) error {
			set, err := sets.CreateApiKeySet(admin, &identityv1.CreateApiKeySetRequest{ExpiresAtMillis: 1}, h)
			setID = set.GetId()
			return err
		}, true},
		{"revoke keys", func(h grpc.CallOption) error {
			_, err := sets.UpdateApiKeySet(admin, &identityv1.UpdateApiKeySetRequest{
				ApiKeyId: setID, ApiKeySet: &identityv1.ApiKeySetPatch{Revoked: proto.Bool(true)}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"revoked"}},
			}, h)
			return err
		}, true},
		{"list keys", func(h grpc.CallOption) error {
			_, err := sets.ListApiKeySets(admin, &identityv1.ListApiKeySetsRequest{}, h)
			return err
		}, false},
		{"update override", func(h grpc.CallOption) error {
			_, err := configs.UpdateConfigOverride(admin, &identityv1.UpdateConfigOverrideRequest{Level: "branch", ConfigOverrideString: "{}"}, h)
			return err
		}, true},
		{"delete project", func(h grpc.CallOption) error {
			_, err := projects.DeleteProject(admin, &identityv1.DeleteProjectRequest{}, h)
			return err
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var header metadata.MD
			if err := tt.call(grpc.Header(&header)); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(header.Get(grpcx.HeaderProjectChanged), ","); (got == projectID) != tt.changes || !tt.changes && got != "" {
				t.Errorf("header %q", got)
			}
		})
	}
}

func TestProjectServices_answers_haveTheirShape(t *testing.T) {
	r := newRig(t)
	projects := identityv1.NewProjectServiceClient(r.Conn)
	client, err := projects.GetCurrentProject(as(t, principal.AccessClient), &identityv1.GetCurrentProjectRequest{})
	if err != nil {
		t.Fatal(err)
	}
	wantJSON(t, client, `{"id":"`+projectID+`","display_name":"Shop","config":{"sign_up_enabled":true,"credential_enabled":true,`+
		`"magic_link_enabled":false,"passkey_enabled":false,"client_team_creation_enabled":false,"client_user_deletion_enabled":false,`+
		`"allow_user_api_keys":false,"allow_team_api_keys":false,"allow_localhost":true,"enabled_oauth_providers":[],"domains":[]}}`)

	legacy, err := structpb.NewStruct(map[string]any{
		"oauth_providers": []any{map[string]any{
			"id": "apple", "type": "standard", "client_id": "c", "client_secret": "s", "apple_bundle_ids": []any{"com.example.shop"},
		}},
		"email_config": map[string]any{
			"type": "standard", "host": "mail.example.com", "port": 25.0, "username": "u", "password": "p", "sender_name": "n", "sender_email": "n@example.com",
		},
		"domains": []any{map[string]any{"domain": "https://*.example.com", "handler_path": "/h"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := projects.UpdateProject(as(t, principal.AccessAdmin), &identityv1.UpdateProjectRequest{
		Project: &identityv1.ProjectPatch{Config: legacy},
		// A null description is an empty one; masks of free-form fields are deep.
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"description", "config.oauth_providers", "config.email_config.type", "config.domains"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	admin.CreatedAtMillis = 1
	wantJSON(t, admin, `{"id":"`+projectID+`","display_name":"Shop","description":"","logo_url":null,"logo_full_url":null,`+
		`"logo_dark_mode_url":null,"logo_full_dark_mode_url":null,"created_at_millis":1,"is_production_mode":false,"owner_team_id":null,`+
		`"onboarding_status":"completed","config":{"sign_up_enabled":true,"credential_enabled":true,"magic_link_enabled":false,"passkey_enabled":false,`+
		`"oauth_account_merge_strategy":"link_method","oauth_providers":[{"provider_config_id":"apple","id":"apple","type":"standard","client_id":"c",`+
		`"client_secret":"s","apple_bundle_ids":["com.example.shop"]}],"enabled_oauth_providers":[{"id":"apple"}],"client_team_creation_enabled":false,`+
		`"create_team_on_sign_up":false,"client_user_deletion_enabled":false,"allow_localhost":true,"domains":[{"domain":"https://*.example.com","handler_path":"/h"}],`+
		`"email_config":{"type":"standard","host":"mail.example.com","port":25,"username":"u","password":"p","sender_name":"n","sender_email":"n@example.com"},`+
		`"email_theme":"`+config.ThemeLight+`","team_creator_default_permissions":[{"id":"team_admin"}],"team_member_default_permissions":[{"id":"team_member"}],`+
		`"user_default_permissions":[],"allow_user_api_keys":false,"allow_team_api_keys":false}}`)
}

func TestApiKeySetService_answers_haveTheirShape(t *testing.T) {
	r := newRig(t)
	admin, sets := as(t, principal.AccessAdmin), identityv1.NewApiKeySetServiceClient(r.Conn)
	// The latest date that browsers know.
	created, err := sets.CreateApiKeySet(admin, &identityv1.CreateApiKeySetRequest{
		Description: "d", ExpiresAtMillis: 8640000000000000, HasSecretServerKey: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	key := created.GetSecretServerKey()
	if created.PublishableClientKey != nil || created.SuperSecretAdminKey != nil || created.GetExpiresAtMillis() != 8640000000000000 {
		t.Errorf("created %v", created)
	}
	list, err := sets.ListApiKeySets(admin, &identityv1.ListApiKeySetsRequest{})
	if err != nil || len(list.GetItems()) != 2 { // one was seeded, without keys
		t.Fatalf("list %v, %v", list, err)
	}
	newest := list.GetItems()[0]
	newest.Id, newest.CreatedAtMillis = "x", 1
	wantJSON(t, newest, `{"id":"x","description":"d","created_at_millis":1,"expires_at_millis":8640000000000000,"secret_server_key":{"last_four":"`+key[len(key)-4:]+`"}}`)
}

func TestProjectServices_badRequest_isRefused(t *testing.T) {
	r := newRig(t)
	projects, sets, configs := identityv1.NewProjectServiceClient(r.Conn), identityv1.NewApiKeySetServiceClient(r.Conn), identityv1.NewConfigServiceClient(r.Conn)
	admin, server := as(t, principal.AccessAdmin), as(t, principal.AccessServer)
	for name, tt := range map[string]struct {
		call func() error
		want *apierr.Error
	}{
		"server deletes project": {func() error {
			_, err := projects.DeleteProject(server, &identityv1.DeleteProjectRequest{})
			return err
		}, apierr.InsufficientAccessType("server", "admin")},
		"server resets keys": {func() error {
			_, err := configs.ResetConfigKeys(server, &identityv1.ResetConfigKeysRequest{Level: "branch"})
			return err
		}, apierr.InsufficientAccessType("server", "admin")},
		"reset at level project": {func() error {
			_, err := configs.ResetConfigKeys(admin, &identityv1.ResetConfigKeysRequest{Level: "project"})
			return err
		}, apierr.SchemaError()},
		"unknown level": {func() error {
			_, err := configs.GetConfigOverride(admin, &identityv1.GetConfigOverrideRequest{Level: "team"})
			return err
		}, apierr.SchemaError()},
		"keys given back": {func() error {
			_, err := sets.UpdateApiKeySet(admin, &identityv1.UpdateApiKeySetRequest{
				ApiKeyId: projectID, ApiKeySet: &identityv1.ApiKeySetPatch{Revoked: proto.Bool(false)}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"revoked"}},
			})
			return err
		}, apierr.SchemaError()},
		"expiry beyond all calendars": {func() error {
			_, err := sets.CreateApiKeySet(admin, &identityv1.CreateApiKeySetRequest{ExpiresAtMillis: 1e300})
			return err
		}, apierr.SchemaError()},
		"unknown status": {func() error {
			_, err := projects.UpdateProject(admin, &identityv1.UpdateProjectRequest{
				Project: &identityv1.ProjectPatch{OnboardingStatus: proto.String("done")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"onboarding_status"}},
			})
			return err
		}, apierr.SchemaError()},
		"read-only field": {func() error {
			_, err := projects.UpdateProject(admin, &identityv1.UpdateProjectRequest{
				Project: &identityv1.ProjectPatch{}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"owner_team_id"}},
			})
			return err
		}, apierr.SchemaError()},
		"empty logo": {func() error {
			_, err := projects.UpdateProject(admin, &identityv1.UpdateProjectRequest{
				Project: &identityv1.ProjectPatch{LogoUrl: wrapperspb.String("")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"logo_url"}},
			})
			return err
		}, apierr.SchemaError()},
	} {
		t.Run(name, func(t *testing.T) {
			err, _ := tt.call().(*apierr.Error)
			if err == nil || !err.Is(tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// A rendered configuration is far larger than what gRPC receives by default.
func TestProjectServices_largeConfiguration_travels(t *testing.T) {
	r := newRig(t)
	admin, configs := as(t, principal.AccessAdmin), identityv1.NewConfigServiceClient(r.Conn)
	long := strings.Repeat("x", config.MaxDocumentLength-5000)
	for _, write := range [][2]string{
		{"branch", `{"payments.items.a":{"displayName":"` + long + `"}}`},
		{"environment", `{"payments.items.b":{"displayName":"` + long + `"}}`},
	} {
		if _, err := configs.UpdateConfigOverride(admin, &identityv1.UpdateConfigOverrideRequest{Level: write[0], ConfigOverrideString: write[1]}); err != nil {
			t.Fatal(err)
		}
	}
	const want = 9_900_000
	rendered, err := configs.GetConfig(admin, &identityv1.GetConfigRequest{})
	if err != nil || len(rendered.GetConfigString()) < want {
		t.Errorf("GetConfig: %d bytes, %v", len(rendered.GetConfigString()), err)
	}
	res, err := identityv1.NewProjectInternalServiceClient(r.Caller("teams")).GetProjectConfig(t.Context(),
		&identityv1.GetProjectConfigRequest{ProjectId: projectID, BranchId: "main"})
	if err != nil || len(res.GetConfig()) < want {
		t.Errorf("GetProjectConfig: %d bytes, %v", len(res.GetConfig()), err)
	}
}

func TestProjectInternalService_callers(t *testing.T) {
	r := newRig(t)
	expires := time.Now().Add(time.Hour)
	ctx := principal.NewContext(t.Context(), principal.Principal{ProjectID: projectID, BranchID: "main", Access: principal.AccessAdmin})
	set, keys, err := r.app.CreateAPIKeySet(ctx, app.NewAPIKeySet{ExpiresAt: expires, PublishableClientKey: true})
	if err != nil || keys.PublishableClientKey == "" {
		t.Fatal(err)
	}
	for caller, allowed := range map[string]bool{"gateway": true, "sessions": true, "identity": false} {
		t.Run(caller, func(t *testing.T) {
			internal := identityv1.NewProjectInternalServiceClient(r.Caller(caller))
			res, err := internal.GetProjectAccess(t.Context(), &identityv1.GetProjectAccessRequest{ProjectId: projectID})
			if (err == nil) != allowed {
				t.Fatalf("error %v", err)
			}
			if !allowed {
				return
			}
			found := false
			for _, keySet := range res.GetKeySets() {
				if keySet.GetId() == set.ID {
					found = string(keySet.GetPublishableClientKeyHash()) == string(set.PublishableClientKey.Hash) &&
						len(keySet.GetSecretServerKeyHash()) == 0 && keySet.GetExpiresAt().AsTime().UnixMilli() == expires.UnixMilli()
				}
			}
			if !res.GetFound() || !found || res.GetConfigVersion() == 0 {
				t.Errorf("access %v", res)
			}
			unknown, err := internal.GetProjectAccess(t.Context(), &identityv1.GetProjectAccessRequest{ProjectId: "none"})
			if err != nil || unknown.GetFound() {
				t.Errorf("unknown project: %v, %v", unknown, err)
			}
		})
	}
	outcome, err := identityv1.NewProjectInternalServiceClient(r.Caller("gateway")).AuthorizeAdmin(t.Context(),
		&identityv1.AuthorizeAdminRequest{UserId: projectID, ProjectId: projectID})
	if err != nil || outcome.GetOutcome() != identityv1.AuthorizeAdminResponse_OUTCOME_USER_GONE {
		t.Errorf("AuthorizeAdmin: %v, %v", outcome, err)
	}
}

func wantJSON(t *testing.T, message proto.Message, want string) {
	t.Helper()
	got, err := pbjson.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("answer\n%s\nwant\n%s", got, want)
	}
}
