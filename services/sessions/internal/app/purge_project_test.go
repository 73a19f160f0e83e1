package app_test

import (
	"testing"

	"vestibule.dev/pkg/apierr"
)

func TestPurgeProject_rows_areGoneAndStayAway(t *testing.T) {
	s := newSystem(t)
	s.open(t, request(userID))
	elsewhere := request(userID)
	elsewhere.Tenant.ProjectID = otherProjectID
	s.open(t, elsewhere)
	for range 2 {
		if err := s.PurgeProject(t.Context(), projectID); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count(t, "SELECT count(*) FROM sessions"); n != 1 {
		t.Errorf("%d sessions left", n)
	}
	if n := s.count(t, "SELECT count(*) FROM signing_keys WHERE project_id = $1", projectID); n != 0 {
		t.Errorf("%d keys left", n)
	}
	_, err := s.CreateSession(t.Context(), request(userID))
	checkError(t, err, apierr.ProjectNotFound(projectID))
	if _, err := s.GetVerificationKeys(t.Context(), projectID); err == nil {
		t.Error("a deleted project has got new keys")
	}
}
