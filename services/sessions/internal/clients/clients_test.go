package clients_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/sessions/internal/clients"
)

// identity is a fake of the identity context behind its real contract.
type identity struct {
	identityv1.UnimplementedProjectInternalServiceServer
	identityv1.UnimplementedUserInternalServiceServer
	calls   atomic.Int32
	project *identityv1.GetProjectAccessResponse
	subject *identityv1.TokenSubject
}

func (i *identity) GetProjectAccess(context.Context, *identityv1.GetProjectAccessRequest) (*identityv1.GetProjectAccessResponse, error) {
	i.calls.Add(1)
	return i.project, nil
}

func (i *identity) GetTokenSubject(context.Context, *identityv1.GetTokenSubjectRequest) (*identityv1.GetTokenSubjectResponse, error) {
	if i.subject == nil {
		return nil, apierr.UserNotFound()
	}
	return &identityv1.GetTokenSubjectResponse{Subject: i.subject}, nil
}

// serve returns a connection of sessions to the fake.
func (i *identity) serve(t *testing.T) *grpc.ClientConn {
	t.Helper()
	return grpctest.New(t, "identity", func(registrar grpc.ServiceRegistrar) {
		identityv1.RegisterProjectInternalServiceServer(registrar, i)
		identityv1.RegisterUserInternalServiceServer(registrar, i)
	}).Caller("sessions")
}

func TestProject_known_isAskedOnceUntilForgotten(t *testing.T) {
	expires := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	fake := &identity{project: &identityv1.GetProjectAccessResponse{
		Found: true, ProjectId: "internal", RequirePublishableClientKey: true, Branches: []string{"main"},
		KeySets: []*identityv1.ProjectKeySet{{PublishableClientKeyHash: []byte("hash"), ExpiresAt: timestamppb.New(expires)}, {}},
	}}
	projects := clients.NewProjects(fake.serve(t), clock.System())
	for range 3 {
		project, err := projects.Project(t.Context(), "internal")
		if err != nil {
			t.Fatal(err)
		}
		if !project.RequirePublishableClientKey || !project.HasBranch("main") || len(project.Keys) != 2 ||
			!project.Keys[0].ExpiresAt.Equal(expires) || !project.Keys[1].ExpiresAt.IsZero() {
			t.Errorf("project %+v", project)
		}
	}
	if n := fake.calls.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
	projects.Forget("internal")
	if _, err := projects.Project(t.Context(), "internal"); err != nil || fake.calls.Load() != 2 {
		t.Errorf("asked %d times after the change, %v", fake.calls.Load(), err)
	}
}

func TestProject_unknown_isNilAndRemembered(t *testing.T) {
	fake := &identity{project: &identityv1.GetProjectAccessResponse{}}
	projects := clients.NewProjects(fake.serve(t), clock.System())
	for range 3 {
		if project, err := projects.Project(t.Context(), "internal"); project != nil || err != nil {
			t.Errorf("project %v, %v", project, err)
		}
	}
	if n := fake.calls.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestTokenSubject_user_isRead(t *testing.T) {
	fake := &identity{subject: &identityv1.TokenSubject{
		UserId: "u", Name: wrapperspb.String(""), Email: wrapperspb.String("ada@example.com"), EmailVerified: true,
		SignedUpAt: timestamppb.New(time.Unix(1, 0)), IsRestricted: true, RestrictedReason: "email_not_verified", RequiresTotpMfa: true,
	}}
	subject, err := clients.NewUsers(fake.serve(t)).TokenSubject(t.Context(), ids.Tenant{ProjectID: "internal", BranchID: "main"}, "u")
	if err != nil {
		t.Fatal(err)
	}
	if subject.UserID != "u" || subject.Name == nil || *subject.Name != "" || *subject.Email != "ada@example.com" || !subject.EmailVerified ||
		subject.SelectedTeamID != nil || subject.SignedUpAt.Unix() != 1 || !subject.Restricted || subject.Anonymous ||
		subject.RestrictedReason != "email_not_verified" || !subject.RequiresTOTP {
		t.Errorf("subject %+v", subject)
	}
}

func TestTokenSubject_userGone_isKnownError(t *testing.T) {
	_, err := clients.NewUsers((&identity{}).serve(t)).TokenSubject(t.Context(), ids.Tenant{}, "u")
	if !apierr.HasCode(err, apierr.CodeUserNotFound) {
		t.Errorf("error %v", err)
	}
}
