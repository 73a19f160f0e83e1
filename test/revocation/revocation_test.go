// Package revocation proves what an installation gets that does not let access
// tokens outlive their session (reliability R25): the other position of that
// setting is the API contract's, and tested with everything else.
package revocation

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"vestibule.dev/test/client"
	"vestibule.dev/test/stack"
)

const password = "correct horse battery"

func TestAccessToken_sessionEnded_isRefused(t *testing.T) {
	ctx := t.Context()
	system, err := stack.Start(ctx, "GATEWAY_REFUSE_REVOKED_FOR=10m")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := system.Stop(); err != nil {
			t.Error(err)
		}
	})
	secondURL, stop, err := system.AddGateway(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	visitor := client.For(system.BaseURL, system.Projects["dev"], client.Public)
	second := client.For(secondURL, system.Projects["dev"], client.Public)
	for name, end := range map[string]func(me *client.Client) error{
		"signed out": func(me *client.Client) error {
			return me.Expect(ctx, http.MethodDelete, "/auth/sessions/current", nil, nil)
		},
		"password changed": func(me *client.Client) error {
			return me.Expect(ctx, http.MethodPost, "/auth/password/update",
				map[string]any{"old_password": password, "new_password": "another password"}, nil)
		},
		"user deleted": func(me *client.Client) error { return me.Expect(ctx, http.MethodDelete, "/users/me", nil, nil) },
	} {
		t.Run(name, func(t *testing.T) {
			tokens, err := visitor.SignUp(ctx, client.FreshEmail("person"), password)
			if err != nil {
				t.Fatal(err)
			}
			other, err := visitor.SignUp(ctx, client.FreshEmail("person"), password)
			if err != nil {
				t.Fatal(err)
			}
			me := visitor.SignedIn(tokens)
			if err := me.Expect(ctx, http.MethodGet, "/users/me", nil, nil); err != nil {
				t.Fatal(err)
			}
			everywhere := map[string]*client.Client{"first": me, "second": second.SignedIn(tokens)}
			if err := everywhere["second"].Expect(ctx, http.MethodGet, "/users/me", nil, nil); err != nil {
				t.Fatal(err)
			}
			if err := end(me); err != nil {
				t.Fatal(err)
			}
			begin := time.Now()
			// A refresh asks who knows.
			if response, err := second.With("Refresh-Token", tokens.RefreshToken).Do(ctx, http.MethodPost, "/auth/sessions/current/refresh", nil); err != nil ||
				response.Code() != "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED" {
				t.Errorf("refresh: %s, %v", response, err)
			}
			// The word of it travels to every gateway as an event.
			for name, c := range everywhere {
				err = client.Poll(ctx, func(ctx context.Context) error {
					response, err := c.Do(ctx, http.MethodGet, "/users/me", nil)
					if err == nil && response.Code() != "ACCESS_TOKEN_EXPIRED" {
						err = fmt.Errorf("answered with %s", response)
					}
					return err
				})
				if err != nil {
					t.Errorf("%s gateway: %v", name, err)
				}
				t.Logf("the %s gateway refuses it %s after the answer", name, time.Since(begin).Round(time.Millisecond))
			}
			if err := visitor.SignedIn(other).Expect(ctx, http.MethodGet, "/users/me", nil, nil); err != nil {
				t.Errorf("somebody else: %v", err)
			}
		})
	}
}
