package grpcapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"vestibule.dev/pkg/grpcx"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/principal"
	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/app"
)

// Modes of completing a log-in (auth.md §8.3).
const (
	modeCheck = "check"
	modeClaim = "claim-anon-session"
)

// isoMillis is ISO 8601 with milliseconds, for times in UTC.
const isoMillis = "2006-01-02T15:04:05.000Z"

// CLILogins implements sessionsv1.CliLoginServiceServer.
type CLILogins struct {
	sessionsv1.UnimplementedCliLoginServiceServer
	app *app.App
}

// NewCLILogins returns the service of command-line log-ins over the use cases.
func NewCLILogins(application *app.App) *CLILogins {
	return &CLILogins{app: application}
}

// BeginCliLogin implements sessionsv1.CliLoginServiceServer.
func (s *CLILogins) BeginCliLogin(ctx context.Context, req *sessionsv1.BeginCliLoginRequest) (*sessionsv1.BeginCliLoginResponse, error) {
	request := app.CLILoginRequest{Tenant: tenant(ctx), AnonymousToken: req.AnonRefreshToken}
	if req.ExpiresInMillis != nil {
		request.Lifetime = new(millis(req.GetExpiresInMillis()))
	}
	begun, err := s.app.BeginCLILogin(ctx, request)
	if err != nil {
		return nil, err
	}
	return &sessionsv1.BeginCliLoginResponse{
		PollingCode: begun.PollingCode,
		LoginCode:   begun.LoginCode,
		ExpiresAt:   begun.ExpiresAt.UTC().Truncate(time.Millisecond).Format(isoMillis),
	}, nil
}

// PollCliLogin implements sessionsv1.CliLoginServiceServer.
func (s *CLILogins) PollCliLogin(ctx context.Context, req *sessionsv1.PollCliLoginRequest) (*sessionsv1.PollCliLoginResponse, error) {
	status, refreshToken, err := s.app.PollCLILogin(ctx, tenant(ctx), req.GetPollingCode())
	if err != nil {
		return nil, err
	}
	res := &sessionsv1.PollCliLoginResponse{Status: string(status)}
	if status == app.CLILoginSuccess {
		// SDKs take a success for one only with this status.
		grpcx.SetHeader(ctx, grpcx.HeaderHTTPStatus, strconv.Itoa(http.StatusCreated))
		res.RefreshToken = &refreshToken
	}
	return res, nil
}

// CompleteCliLogin implements sessionsv1.CliLoginServiceServer.
func (s *CLILogins) CompleteCliLogin(ctx context.Context, req *sessionsv1.CompleteCliLoginRequest) (*sessionsv1.CompleteCliLoginResponse, error) {
	switch req.GetMode() {
	case modeCheck:
		anonymous, err := s.app.CheckCLILogin(ctx, tenant(ctx), req.GetLoginCode())
		if err != nil {
			return nil, err
		}
		state := "none"
		if anonymous {
			state = "anonymous"
		}
		return &sessionsv1.CompleteCliLoginResponse{CliSessionState: &state}, nil
	case modeClaim:
		tokens, err := s.app.ClaimCLILogin(ctx, tenant(ctx), req.GetLoginCode())
		if err != nil {
			return nil, err
		}
		return &sessionsv1.CompleteCliLoginResponse{AccessToken: &tokens.AccessToken, RefreshToken: &tokens.RefreshToken}, nil
	default:
		if err := s.app.CompleteCLILogin(ctx, tenant(ctx), req.GetLoginCode(), req.GetRefreshToken()); err != nil {
			return nil, err
		}
		return &sessionsv1.CompleteCliLoginResponse{Success: new(true)}, nil
	}
}

// tenant is the caller's.
func tenant(ctx context.Context) ids.Tenant {
	caller, _ := principal.FromContext(ctx)
	return ids.Tenant{ProjectID: caller.ProjectID, BranchID: caller.BranchID}
}
