package grpcapi

import (
	"encoding/base64"

	sessionsv1 "vestibule.dev/proto/sessions/v1"
	"vestibule.dev/services/sessions/internal/domain"
)

func toSession(session domain.Session, currentID string) *sessionsv1.Session {
	return &sessionsv1.Session{
		Id:                      session.ID,
		UserId:                  session.UserID,
		CreatedAt:               float64(session.CreatedAt.UnixMilli()),
		LastUsedAt:              float64(session.LastActiveAt.UnixMilli()),
		IsImpersonation:         session.IsImpersonation,
		IsCurrentSession:        session.ID == currentID,
		LastUsedAtEndUserIpInfo: toIPInfo(session.LastIPInfo),
	}
}

func toIPInfo(info *domain.IPInfo) *sessionsv1.EndUserIpInfo {
	if info == nil {
		return nil
	}
	message := &sessionsv1.EndUserIpInfo{
		Ip:           info.IP,
		CountryCode:  orAbsent(info.CountryCode),
		RegionCode:   orAbsent(info.RegionCode),
		CityName:     orAbsent(info.CityName),
		TzIdentifier: orAbsent(info.Timezone),
	}
	if c := info.Coordinates; c != nil {
		message.Latitude, message.Longitude = &c.Latitude, &c.Longitude
	}
	return message
}

func orAbsent(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func toJWKs(keys []domain.PublicKey) []*sessionsv1.Jwk {
	messages := make([]*sessionsv1.Jwk, 0, len(keys))
	for _, key := range keys {
		messages = append(messages, &sessionsv1.Jwk{
			Kty: "EC",
			Alg: "ES256",
			Crv: "P-256",
			X:   base64.RawURLEncoding.EncodeToString(key.X),
			Y:   base64.RawURLEncoding.EncodeToString(key.Y),
			Kid: key.KID,
		})
	}
	return messages
}
