package clients_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	teamsv1 "vestibule.dev/proto/teams/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/clients"
	"vestibule.dev/services/identity/internal/domain"
)

var tenant = ids.Tenant{ProjectID: "internal", BranchID: "main"}

// peers plays the other contexts and remembers the last request.
type peers struct {
	sessionsv1.UnimplementedSessionInternalServiceServer
	teamsv1.UnimplementedTeamInternalServiceServer

	got proto.Message
	err error
}

func (p *peers) CreateSession(_ context.Context, req *sessionsv1.CreateSessionRequest) (*sessionsv1.CreateSessionResponse, error) {
	p.got = req
	return &sessionsv1.CreateSessionResponse{SessionId: "s", AccessToken: "access", RefreshToken: "refresh"}, p.err
}

func (p *peers) RevokeUserSessions(_ context.Context, req *sessionsv1.RevokeUserSessionsRequest) (*sessionsv1.RevokeUserSessionsResponse, error) {
	p.got = req
	return &sessionsv1.RevokeUserSessionsResponse{}, p.err
}

func (p *peers) LookUpSession(_ context.Context, req *sessionsv1.LookUpSessionRequest) (*sessionsv1.LookUpSessionResponse, error) {
	p.got = req
	return &sessionsv1.LookUpSessionResponse{SessionId: "s"}, p.err
}

func (p *peers) GetMembership(_ context.Context, req *teamsv1.GetMembershipRequest) (*teamsv1.GetMembershipResponse, error) {
	p.got = req
	if req.GetTeamId() == "none" {
		return &teamsv1.GetMembershipResponse{}, p.err
	}
	return &teamsv1.GetMembershipResponse{Team: &teamsv1.Team{
		Id: req.GetTeamId(), DisplayName: "Mine", ProfileImageUrl: wrapperspb.String("https://example.com/t.png"),
		CreatedAtMillis: proto.Float64(1500), ServerMetadata: structpb.NewNumberValue(1), ClientMetadata: structpb.NewNullValue(),
	}}, p.err
}

func (p *peers) ListUserTeams(_ context.Context, req *teamsv1.ListUserTeamsRequest) (*teamsv1.ListUserTeamsResponse, error) {
	p.got = req
	return &teamsv1.ListUserTeamsResponse{TeamIds: []string{"a", "b"}}, p.err
}

func (p *peers) ProvisionUser(_ context.Context, req *teamsv1.ProvisionUserRequest) (*teamsv1.ProvisionUserResponse, error) {
	p.got = req
	return &teamsv1.ProvisionUserResponse{}, p.err
}

func (p *peers) RenamePersonalTeams(_ context.Context, req *teamsv1.RenamePersonalTeamsRequest) (*teamsv1.RenamePersonalTeamsResponse, error) {
	p.got = req
	return &teamsv1.RenamePersonalTeamsResponse{}, p.err
}

func (p *peers) RemoveUser(_ context.Context, req *teamsv1.RemoveUserRequest) (*teamsv1.RemoveUserResponse, error) {
	p.got = req
	return &teamsv1.RemoveUserResponse{}, p.err
}

func newPeers(t *testing.T) (*peers, *grpc.ClientConn) {
	p := &peers{}
	server := grpctest.New(t, "peers", func(r grpc.ServiceRegistrar) {
		sessionsv1.RegisterSessionInternalServiceServer(r, p)
		teamsv1.RegisterTeamInternalServiceServer(r, p)
	})
	return p, server.Caller("identity")
}

func TestClients_requests_nameEverything(t *testing.T) {
	p, conn := newPeers(t)
	sessions, teams := clients.NewSessions(conn), clients.NewTeams(conn)
	ctx := t.Context()
	for name, tt := range map[string]struct {
		call func() error
		want proto.Message
	}{
		"revoke": {
			func() error { return sessions.RevokeSessions(ctx, tenant, "u", "kept", app.ReasonPasswordChanged) },
			&sessionsv1.RevokeUserSessionsRequest{ProjectId: "internal", BranchId: "main", UserId: "u", KeptSessionId: "kept", Reason: "password_changed"},
		},
		"find": {
			func() error { _, err := sessions.FindSession(ctx, tenant, "u", "token"); return err },
			&sessionsv1.LookUpSessionRequest{ProjectId: "internal", BranchId: "main", UserId: "u", RefreshToken: "token"},
		},
		"list teams": {
			func() error { _, err := teams.TeamIDs(ctx, tenant, "u"); return err },
			&teamsv1.ListUserTeamsRequest{ProjectId: "internal", BranchId: "main", UserId: "u"},
		},
		"provision": {
			func() error {
				return teams.ProvisionUser(ctx, tenant, "u", app.Provision{
					PersonalTeam:  &app.PersonalTeam{ID: "t", DisplayName: "Mine", PermissionIDs: []string{"team_admin"}},
					PermissionIDs: []string{"beta"}, ConfigVersion: 3,
				})
			},
			&teamsv1.ProvisionUserRequest{
				ProjectId: "internal", BranchId: "main", UserId: "u", PermissionIds: []string{"beta"}, ConfigVersion: 3,
				PersonalTeam: &teamsv1.NewPersonalTeam{TeamId: "t", DisplayName: "Mine", PermissionIds: []string{"team_admin"}},
			},
		},
		"rename": {
			func() error { return teams.RenamePersonalTeams(ctx, tenant, "u", "", "ada@example.com") },
			&teamsv1.RenamePersonalTeamsRequest{ProjectId: "internal", BranchId: "main", UserId: "u", UserPrimaryEmail: wrapperspb.String("ada@example.com")},
		},
		"remove": {
			func() error { return teams.RemoveUser(ctx, tenant, "u") },
			&teamsv1.RemoveUserRequest{ProjectId: "internal", BranchId: "main", UserId: "u"},
		},
	} {
		if err := tt.call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !proto.Equal(p.got, tt.want) {
			t.Errorf("%s: sent %v, want %v", name, p.got, tt.want)
		}
	}
}

func TestCreateSession_answer_isTheTokens(t *testing.T) {
	p, conn := newPeers(t)
	user := domain.User{Tenant: tenant, ID: "u"}
	tokens, err := clients.NewSessions(conn).CreateSession(t.Context(), app.TokenSubject{User: user, RestrictedReason: "anonymous"})
	if err != nil || tokens != (app.Tokens{AccessToken: "access", RefreshToken: "refresh"}) {
		t.Errorf("%v, %v", tokens, err)
	}
	sent := p.got.(*sessionsv1.CreateSessionRequest)
	if sent.GetProjectId() != "internal" || sent.GetSubject().GetUserId() != "u" || !sent.GetSubject().GetIsRestricted() {
		t.Errorf("sent %v", sent)
	}
}

func TestMembership_answer_isTheTeamOrNil(t *testing.T) {
	_, conn := newPeers(t)
	teams := clients.NewTeams(conn)
	got, err := teams.Membership(t.Context(), tenant, "t", "u")
	if err != nil || got.ID != "t" || *got.ProfileImageURL != "https://example.com/t.png" || !got.CreatedAt.Equal(time.UnixMilli(1500)) ||
		string(got.ServerMetadata) != "1" || got.ClientMetadata != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := teams.Membership(t.Context(), tenant, "none", "u"); got != nil || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := teams.TeamIDs(t.Context(), tenant, "u"); !slices.Equal(got, []string{"a", "b"}) || err != nil {
		t.Errorf("%v, %v", got, err)
	}
}

// The teams of an answer that would be larger than a message come in several.
func TestMemberships_largeTeams_comeInSeveralAnswers(t *testing.T) {
	const teams, size = 40, 1_000_000
	server := grpctest.New(t, "peers", func(r grpc.ServiceRegistrar) {
		teamsv1.RegisterMembershipInternalServiceServer(r, largeTeams{size: size})
	})
	var members []app.TeamMember
	for i := range teams {
		members = append(members, app.TeamMember{TeamID: fmt.Sprint(i), UserID: "u"})
	}
	found, err := clients.NewTeams(server.Caller("identity")).Memberships(t.Context(), tenant, members)
	if err != nil || len(found) != teams {
		t.Fatalf("%d teams, %v", len(found), err)
	}
	for member, team := range found {
		if team.ID != member.TeamID || len(team.DisplayName) != size {
			t.Errorf("team %s of %d bytes for %s", team.ID, len(team.DisplayName), member.TeamID)
		}
	}
}

// largeTeams has every team, with a name of that many bytes and everybody as a
// member.
type largeTeams struct {
	teamsv1.UnimplementedMembershipInternalServiceServer

	size int
}

func (l largeTeams) BatchGetMemberships(_ context.Context, req *teamsv1.BatchGetMembershipsRequest) (*teamsv1.BatchGetMembershipsResponse, error) {
	res := &teamsv1.BatchGetMembershipsResponse{Memberships: req.GetMemberships()}
	for _, membership := range req.GetMemberships() {
		res.Teams = append(res.Teams, &teamsv1.Team{Id: membership.GetTeamId(), DisplayName: strings.Repeat("x", l.size), CreatedAtMillis: proto.Float64(1)})
	}
	return res, nil
}

func TestClients_peersError_arrivesUnchanged(t *testing.T) {
	p, conn := newPeers(t)
	p.err = apierr.Unavailable(3 * time.Second)
	for name, call := range map[string]func() error{
		"session": func() error {
			_, err := clients.NewSessions(conn).CreateSession(t.Context(), app.TokenSubject{})
			return err
		},
		"membership": func() error {
			_, err := clients.NewTeams(conn).Membership(t.Context(), tenant, "t", "u")
			return err
		},
	} {
		known, ok := call().(*apierr.Error)
		if !ok || known.HTTP != 503 || known.Header["Retry-After"] != "3" {
			t.Errorf("%s: %v", name, known)
		}
	}
}
