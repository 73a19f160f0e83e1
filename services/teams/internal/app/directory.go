package app

import (
	"context"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/services/teams/internal/domain"
)

// Directory answers about many memberships at once.
type Directory interface {
	// MemberIDs lists the members of a team in no order; none for an unknown
	// team.
	MemberIDs(ctx context.Context, tenant ids.Tenant, teamID string) (userIDs []string, err error)
	// Memberships returns those that exist, in no order.
	Memberships(ctx context.Context, tenant ids.Tenant, among []MembershipKey) ([]MembershipKey, error)
	// Teams reads the teams that exist, in no order.
	Teams(ctx context.Context, tenant ids.Tenant, teamIDs []string) ([]domain.Team, error)
}

// MembershipKey is one user in one team.
type MembershipKey struct{ TeamID, UserID string }
