package grpcapi

import (
	"context"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/sessions/internal/app"
)

// Sessions implements sessionsv1.SessionServiceServer.
type Sessions struct {
	sessionsv1.UnimplementedSessionServiceServer
	app *app.App
}

// NewSessions returns the session service over the use cases.
func NewSessions(application *app.App) *Sessions {
	return &Sessions{app: application}
}

// ListSessions implements sessionsv1.SessionServiceServer.
func (s *Sessions) ListSessions(ctx context.Context, req *sessionsv1.ListSessionsRequest) (*sessionsv1.ListSessionsResponse, error) {
	caller, _ := principal.FromContext(ctx)
	sessions, err := s.app.ListSessions(ctx, caller, req.GetUserId())
	if err != nil {
		return nil, err
	}
	res := &sessionsv1.ListSessionsResponse{Items: make([]*sessionsv1.Session, 0, len(sessions))}
	for _, session := range sessions {
		res.Items = append(res.Items, toSession(session, caller.SessionID))
	}
	return res, nil
}

// DeleteSession implements sessionsv1.SessionServiceServer.
func (s *Sessions) DeleteSession(ctx context.Context, req *sessionsv1.DeleteSessionRequest) (*typesv1.Success, error) {
	caller, _ := principal.FromContext(ctx)
	// Part of the schema for clients, where it then has no use (auth.md §7).
	if caller.Access == principal.AccessClient && req.UserId == nil {
		return nil, apierr.SchemaError("query.user_id is required for client access")
	}
	if err := s.app.DeleteSession(ctx, caller, req.GetId()); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// DeleteCurrentSession implements sessionsv1.SessionServiceServer.
func (s *Sessions) DeleteCurrentSession(ctx context.Context, _ *sessionsv1.DeleteCurrentSessionRequest) (*typesv1.Success, error) {
	caller, _ := principal.FromContext(ctx)
	if err := s.app.DeleteCurrentSession(ctx, caller); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// RefreshCurrentSession implements sessionsv1.SessionServiceServer.
func (s *Sessions) RefreshCurrentSession(ctx context.Context, req *sessionsv1.RefreshCurrentSessionRequest) (*sessionsv1.RefreshCurrentSessionResponse, error) {
	caller, _ := principal.FromContext(ctx)
	tenant := ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}
	token, err := s.app.RefreshSession(ctx, tenant, req.GetRefreshToken())
	if err != nil {
		return nil, err
	}
	return &sessionsv1.RefreshCurrentSessionResponse{AccessToken: token}, nil
}
