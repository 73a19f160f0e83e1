package app

import (
	"context"

	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

// clientIPInfo is where the request came from; nil when that is unknown, or
// when the client is not a browser.
func clientIPInfo(ctx context.Context) *domain.IPInfo {
	request := principal.RequestFromContext(ctx)
	if request.ClientIP == "" || !domain.IsBrowserLike(request.UserAgent) {
		return nil
	}
	info := &domain.IPInfo{
		IP:          request.ClientIP,
		CountryCode: request.Country,
		RegionCode:  request.Region,
		CityName:    request.City,
		Timezone:    request.Timezone,
	}
	if c := request.Coordinates; c != nil {
		info.Coordinates = &domain.Coordinates{Latitude: c.Latitude, Longitude: c.Longitude}
	}
	return info
}
