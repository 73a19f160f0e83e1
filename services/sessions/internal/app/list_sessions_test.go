package app_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/pg"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/sessions/internal/domain"
)

func listedIDs(sessions []domain.Session) []string {
	listed := make([]string, 0, len(sessions))
	for _, session := range sessions {
		listed = append(listed, session.ID)
	}
	return listed
}

func TestListSessions_callers_seeWhatTheyMay(t *testing.T) {
	s := newSystem(t)
	first := s.open(t, request(userID)).SessionID
	impersonated := request(userID)
	impersonated.IsImpersonation = true
	impersonation := s.open(t, impersonated).SessionID
	last := s.open(t, request(userID)).SessionID
	s.open(t, request(otherUserID))
	s.exec(t, "UPDATE sessions SET expires_at = now() WHERE id = $1", first)

	for name, tt := range map[string]struct {
		caller principal.Principal
		want   []string
	}{
		"client": {client(userID, last), []string{last, first}},
		"server": {backend(principal.AccessServer), []string{last, first}},
		"admin":  {backend(principal.AccessAdmin), []string{last, impersonation, first}},
	} {
		ctx, statements := pg.CountQueries(t.Context())
		sessions, err := s.ListSessions(ctx, tt.caller, userID)
		if err != nil {
			t.Fatal(err)
		}
		if got := listedIDs(sessions); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s sees %v, want %v", name, got, tt.want)
		}
		if statements.Load() != 1 {
			t.Errorf("%s costs %d statements", name, statements.Load())
		}
	}

	if _, err := s.ListSessions(t.Context(), client(userID, last), strings.ToUpper(userID)); err != nil {
		t.Errorf("the caller's id in upper case: %v", err)
	}
	_, err := s.ListSessions(t.Context(), client(userID, last), otherUserID)
	checkError(t, err, apierr.Text(http.StatusForbidden, ""))
	_, err = s.ListSessions(t.Context(), backend(principal.AccessClient), userID)
	checkError(t, err, apierr.CannotGetOwnUserWithoutUser())
	elsewhere := backend(principal.AccessAdmin)
	elsewhere.ProjectID = otherProjectID
	if sessions, err := s.ListSessions(t.Context(), elsewhere, userID); err != nil || len(sessions) != 0 {
		t.Errorf("another project sees %v, %v", sessions, err)
	}
}

func TestListSessions_ipInfo_isOfTheLastBrowser(t *testing.T) {
	s := newSystem(t)
	list := func() *domain.IPInfo {
		sessions, err := s.ListSessions(t.Context(), backend(principal.AccessServer), userID)
		if err != nil {
			t.Fatal(err)
		}
		return sessions[0].LastIPInfo
	}
	opened := s.open(t, request(userID))
	if got := list(); got != nil {
		t.Errorf("recorded %+v of a program", got)
	}
	if _, err := s.RefreshSession(fromBrowser(t.Context(), "203.0.113.7"), tenant, opened.RefreshToken); err != nil {
		t.Fatal(err)
	}
	want := &domain.IPInfo{
		IP: "203.0.113.7", CountryCode: "CH", CityName: "Zürich", Timezone: "Europe/Zurich",
		Coordinates: &domain.Coordinates{Latitude: 47.37, Longitude: 8.54},
	}
	if got := list(); !reflect.DeepEqual(got, want) {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	program := principal.NewRequestContext(t.Context(), principal.Request{ClientIP: "198.51.100.1", UserAgent: "node"})
	if _, err := s.RefreshSession(program, tenant, opened.RefreshToken); err != nil {
		t.Fatal(err)
	}
	if got := list(); !reflect.DeepEqual(got, want) {
		t.Errorf("a program left %+v, want %+v", got, want)
	}
}
