package grpcapi

import (
	"context"
	"strings"

	identityv1 "vestibule.dev/proto/identity/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/identity/internal/app"
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
		res.Items = append(res.Items, &identityv1.ContactChannel{
			UserId:      channel.UserID,
			Id:          channel.ID,
			Type:        channel.Type,
			Value:       channel.Value,
			UsedForAuth: channel.UsedForAuth,
			IsVerified:  channel.IsVerified,
			IsPrimary:   channel.IsPrimary,
		})
	}
	return res, nil
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
