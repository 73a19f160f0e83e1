package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/ids"
	identityv1 "vestibule.dev/proto/identity/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

// UserInternal implements identityv1.UserInternalServiceServer.
type UserInternal struct {
	identityv1.UnimplementedUserInternalServiceServer
	app *app.App
}

// GetTokenSubject implements identityv1.UserInternalServiceServer.
func (s *UserInternal) GetTokenSubject(ctx context.Context, req *identityv1.GetTokenSubjectRequest) (*identityv1.GetTokenSubjectResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	subject, err := s.app.GetTokenSubject(ctx, tenant, req.GetUserId())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetTokenSubjectResponse{Subject: userpb.TokenSubject(*subject)}, nil
}

// GetSignInSubject implements identityv1.UserInternalServiceServer.
func (s *UserInternal) GetSignInSubject(ctx context.Context, req *identityv1.GetSignInSubjectRequest) (*identityv1.GetSignInSubjectResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	subject, err := s.app.GetSignInSubject(ctx, tenant, req.GetUserId(), req.GetAuthorizationCode())
	if err != nil {
		return nil, err
	}
	return &identityv1.GetSignInSubjectResponse{Subject: userpb.TokenSubject(*subject)}, nil
}

// ListUserContacts implements identityv1.UserInternalServiceServer.
func (s *UserInternal) ListUserContacts(ctx context.Context, req *identityv1.ListUserContactsRequest) (*identityv1.ListUserContactsResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	contacts, err := s.app.ListUserContacts(ctx, tenant, req.GetUserIds())
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListUserContactsResponse{Users: make([]*identityv1.UserContact, 0, len(contacts))}
	for _, contact := range contacts {
		message := &identityv1.UserContact{UserId: contact.UserID}
		if contact.DisplayName != nil {
			message.DisplayName = wrapperspb.String(*contact.DisplayName)
		}
		if contact.PrimaryEmail != nil {
			message.PrimaryEmail = wrapperspb.String(contact.PrimaryEmail.Value)
			message.PrimaryEmailVerified = contact.PrimaryEmail.IsVerified
		}
		res.Users = append(res.Users, message)
	}
	return res, nil
}

// ListUsersById implements identityv1.UserInternalServiceServer.
func (s *UserInternal) ListUsersById(ctx context.Context, req *identityv1.ListUsersByIdRequest) (*identityv1.ListUsersByIdResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	users, err := s.app.ListUsersByID(ctx, tenant, req.GetUserIds())
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListUsersByIdResponse{}
	for i := range users {
		message, err := userpb.Server(&users[i])
		if err != nil {
			return nil, err
		}
		res.Users = append(res.Users, message)
	}
	return res, nil
}

// ListVerifiedEmails implements identityv1.UserInternalServiceServer.
func (s *UserInternal) ListVerifiedEmails(ctx context.Context, req *identityv1.ListVerifiedEmailsRequest) (*identityv1.ListVerifiedEmailsResponse, error) {
	tenant := ids.Tenant{ProjectID: req.GetProjectId(), BranchID: req.GetBranchId()}
	emails, err := s.app.ListVerifiedEmails(ctx, tenant, req.GetUserIds())
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListVerifiedEmailsResponse{}
	for userID, list := range emails {
		res.Users = append(res.Users, &identityv1.VerifiedEmails{UserId: userID, Emails: list})
	}
	return res, nil
}
