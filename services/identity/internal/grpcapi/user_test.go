package grpcapi_test

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/grpcapi"
)

// newServer serves the API of users without anything behind it: what is refused
// here never reaches a port.
func newServer(t *testing.T) *grpctest.Harness {
	application := app.New(app.Deps{})
	return grpctest.New(t, "identity", func(r grpc.ServiceRegistrar) {
		grpcapi.RegisterUsers(r, application)
	})
}

var member = principal.Principal{ProjectID: "internal", BranchID: "main", Access: principal.AccessClient, UserID: ids.Nil}

// R2.
func TestUpdateCurrentUser_serverOnlyFieldFromClient_isRefused(t *testing.T) {
	users := identityv1.NewUserServiceClient(newServer(t).Conn)
	_, err := users.UpdateCurrentUser(grpctest.As(t.Context(), member), &identityv1.UpdateCurrentUserRequest{
		User:       &identityv1.UserPatch{ServerMetadata: structpb.NewStringValue("mine")},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"display_name", "server_metadata"}},
	})
	if !apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("error %v", err)
	}
}

func TestUpdateCurrentUser_restrictionDetailsAlone_areRefused(t *testing.T) {
	users := identityv1.NewUserServiceClient(newServer(t).Conn)
	server := member
	server.Access = principal.AccessServer
	_, err := users.UpdateCurrentUser(grpctest.As(t.Context(), server), &identityv1.UpdateCurrentUserRequest{
		User: &identityv1.UserPatch{RestrictedByAdminReason: wrapperspb.String("why")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"restricted_by_admin_reason"}},
	})
	if !apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("error %v", err)
	}
}

// R4. What is public needs a principal, what is internal a caller that the
// policy names.
func TestRPCs_withoutProof_areRefused(t *testing.T) {
	server := newServer(t)
	raw := server.Raw()
	policies, err := grpcx.Policies(server.Server)
	if err != nil {
		t.Fatal(err)
	}
	for _, policy := range policies {
		method := policy.FullMethod
		if err := raw.Invoke(t.Context(), method, &identityv1.GetCurrentUserRequest{}, &identityv1.User{}); err == nil {
			t.Errorf("%s answers anybody", method)
		}
	}
	internal := identityv1.NewUserInternalServiceClient(server.Caller("payments"))
	if _, err := internal.GetTokenSubject(t.Context(), &identityv1.GetTokenSubjectRequest{}); err == nil {
		t.Error("payments may mint tokens")
	}
	if _, err := identityv1.NewUserInternalServiceClient(server.Conn).GetTokenSubject(grpctest.As(t.Context(), member), &identityv1.GetTokenSubjectRequest{}); err == nil {
		t.Error("the gateway may mint tokens")
	}
}
