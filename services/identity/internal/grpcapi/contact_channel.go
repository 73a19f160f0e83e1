package grpcapi

import (
	"context"
	"strings"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pbpatch"
	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
	"vestibule.dev/services/identity/internal/userpb"
)

// ContactChannels implements identityv1.ContactChannelServiceServer.
type ContactChannels struct {
	identityv1.UnimplementedContactChannelServiceServer
	app *app.App
}

// ListContactChannels implements identityv1.ContactChannelServiceServer.
func (s *ContactChannels) ListContactChannels(ctx context.Context, req *identityv1.ListContactChannelsRequest) (*identityv1.ListContactChannelsResponse, error) {
	channels, err := s.app.ListContactChannels(ctx, app.ContactChannelFilter{
		UserID:    strings.ToLower(req.GetUserId()),
		ChannelID: strings.ToLower(req.GetContactChannelId()),
	})
	if err != nil {
		return nil, err
	}
	res := &identityv1.ListContactChannelsResponse{Items: make([]*identityv1.ContactChannel, 0, len(channels))}
	for _, channel := range channels {
		res.Items = append(res.Items, userpb.ContactChannel(&channel))
	}
	return res, nil
}

// CreateContactChannel implements identityv1.ContactChannelServiceServer.
func (s *ContactChannels) CreateContactChannel(ctx context.Context, req *identityv1.CreateContactChannelRequest) (*identityv1.ContactChannel, error) {
	if req.IsVerified != nil && !access(ctx).Trusted() {
		return nil, apierr.SchemaError("body.is_verified: unknown property")
	}
	channel, err := s.app.CreateContactChannel(ctx, app.NewContactChannel{
		UserID:      storedID(req.GetUserId()),
		Value:       req.GetValue(),
		UsedForAuth: req.GetUsedForAuth(),
		IsPrimary:   req.GetIsPrimary(),
		IsVerified:  req.GetIsVerified(),
	})
	if err != nil {
		return nil, err
	}
	return userpb.ContactChannel(channel), nil
}

// GetContactChannel implements identityv1.ContactChannelServiceServer.
func (s *ContactChannels) GetContactChannel(ctx context.Context, req *identityv1.GetContactChannelRequest) (*identityv1.ContactChannel, error) {
	channel, err := s.app.GetContactChannel(ctx, storedID(req.GetUserId()), storedID(req.GetContactChannelId()))
	if err != nil {
		return nil, err
	}
	return userpb.ContactChannel(channel), nil
}

// UpdateContactChannel implements identityv1.ContactChannelServiceServer. The
// type in the body says what is known: there is only one.
func (s *ContactChannels) UpdateContactChannel(ctx context.Context, req *identityv1.UpdateContactChannelRequest) (*identityv1.ContactChannel, error) {
	body := req.GetContactChannel()
	present, err := pbpatch.New(req.GetUpdateMask(), body, access(ctx))
	if err != nil {
		return nil, err
	}
	channel, err := s.app.UpdateContactChannel(ctx, storedID(req.GetUserId()), storedID(req.GetContactChannelId()), app.ContactChannelPatch{
		Value:       present.Word("value", body.Value),
		UsedForAuth: present.Flag("used_for_auth", body.UsedForAuth),
		IsPrimary:   present.Flag("is_primary", body.IsPrimary),
		IsVerified:  present.Flag("is_verified", body.IsVerified),
	})
	if err != nil {
		return nil, err
	}
	return userpb.ContactChannel(channel), nil
}

// DeleteContactChannel implements identityv1.ContactChannelServiceServer.
func (s *ContactChannels) DeleteContactChannel(ctx context.Context, req *identityv1.DeleteContactChannelRequest) (*typesv1.Success, error) {
	if err := s.app.DeleteContactChannel(ctx, storedID(req.GetUserId()), storedID(req.GetContactChannelId())); err != nil {
		return nil, err
	}
	return success(), nil
}

// SendPrimaryEmailVerificationCode implements
// identityv1.ContactChannelServiceServer.
func (s *ContactChannels) SendPrimaryEmailVerificationCode(ctx context.Context, req *identityv1.SendPrimaryEmailVerificationCodeRequest) (*typesv1.Success, error) {
	if err := s.app.SendPrimaryEmailVerificationCode(ctx, req.GetEmail(), req.GetCallbackUrl()); err != nil {
		return nil, err
	}
	return success(), nil
}

// SendContactChannelVerificationCode implements
// identityv1.ContactChannelServiceServer.
func (s *ContactChannels) SendContactChannelVerificationCode(ctx context.Context, req *identityv1.SendContactChannelVerificationCodeRequest) (*typesv1.Success, error) {
	if err := s.app.SendContactChannelVerificationCode(ctx, app.ContactChannelVerification{
		UserID:      strings.ToLower(req.GetUserId()),
		ChannelID:   strings.ToLower(req.GetContactChannelId()),
		CallbackURL: req.GetCallbackUrl(),
	}); err != nil {
		return nil, err
	}
	return success(), nil
}

// VerifyContactChannel implements identityv1.ContactChannelServiceServer.
func (s *ContactChannels) VerifyContactChannel(ctx context.Context, req *identityv1.VerifyContactChannelRequest) (*typesv1.Success, error) {
	if err := s.app.VerifyContactChannel(ctx, req.GetCode()); err != nil {
		return nil, err
	}
	return success(), nil
}

// CheckContactChannelVerificationCode implements
// identityv1.ContactChannelServiceServer.
func (s *ContactChannels) CheckContactChannelVerificationCode(ctx context.Context, req *identityv1.CheckContactChannelVerificationCodeRequest) (*typesv1.CodeValidity, error) {
	if err := s.app.CheckContactChannelVerificationCode(ctx, req.GetCode()); err != nil {
		return nil, err
	}
	return &typesv1.CodeValidity{IsCodeValid: true}, nil
}
