package grpcapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/courier"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/pkg/secret"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/events"
	"vestibule.dev/services/payments/internal/grpcapi"
	"vestibule.dev/services/payments/internal/postgres"
	"vestibule.dev/services/payments/migrations"
)

const config = `{"payments": {"testMode": true, "items": {"credits": {"displayName": "Credits", "customerType": "user"}}}}`

// open knows every project, user and team.
type open struct{ config string }

func (open) UserExists(context.Context, ids.Tenant, string) (bool, error) { return true, nil }
func (open) TeamExists(context.Context, ids.Tenant, string) (bool, error) { return true, nil }
func (open) Membership(context.Context, ids.Tenant, string, string) ([]string, bool, error) {
	return []string{"team_admin"}, true, nil
}

func (open) Holders(context.Context, ids.Tenant, string, string) ([]string, error) { return nil, nil }

func (o open) Project(_ context.Context, tenant ids.Tenant, _ int64) (*app.Project, error) {
	parsed, err := projectconfig.Parse([]byte(o.config))
	if err != nil {
		return nil, err
	}
	parsed.Tenant = tenant
	catalog, err := domain.ParseCatalog([]byte(o.config))
	return &app.Project{Config: parsed, Catalog: catalog}, err
}

func newServer(t *testing.T) *grpctest.Harness { return newServerWith(t, config, nil) }

func newServerWith(t *testing.T, config string, provider app.Stripe) *grpctest.Harness {
	t.Helper()
	db := pgtest.New(t, outbox.Migrations(), onetime.Migrations(), courier.Migrations(), migrations.Source())
	codes, err := onetime.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	application := app.New(app.Deps{
		Store: postgres.NewStore(db, codes, box(t), events.Encode), Projects: open{config}, Users: open{}, Teams: open{}, Clock: clock.System(),
		Stripe: provider, StripePublishableKey: "pk_test", CheckoutURL: "https://pay.example.com", DashboardURL: "https://dash.example.com",
	})
	return grpctest.New(t, "payments", func(r grpc.ServiceRegistrar) { grpcapi.Register(r, application) })
}

func box(t *testing.T) *secret.Box {
	t.Helper()
	ring, err := secret.ParseKeyRing(secret.Secret("k1:" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))))
	if err != nil {
		t.Fatal(err)
	}
	return secret.NewBox(ring)
}

var (
	server = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessServer}
	user   = ids.NewUUID()
	client = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessClient, UserID: user}
)

func TestItemService_changeAndRead(t *testing.T) {
	items := paymentsv1.NewItemServiceClient(newServer(t).Conn)
	update := func(delta int64, expiresAt *string) error {
		_, err := items.UpdateItemQuantity(grpctest.As(t.Context(), server), &paymentsv1.UpdateItemQuantityRequest{
			CustomerType: "user", CustomerId: user, ItemId: "credits",
			Change: &paymentsv1.ItemQuantityChange{Delta: delta, ExpiresAt: expiresAt, Description: new("gift")},
		})
		return err
	}
	for _, tt := range []struct {
		delta     int64
		expiresAt *string
		code      string
	}{
		{12, nil, ""},
		{5, new("2999-01-01T00:00:00.000Z"), ""},
		{5, new("2001-01-01"), ""},
		{-18, nil, apierr.CodeItemQuantityInsufficientAmount},
		{1, new("tomorrow"), apierr.CodeSchemaError},
		{1, new(""), apierr.CodeSchemaError},
	} {
		if err := update(tt.delta, tt.expiresAt); (err == nil) != (tt.code == "") || err != nil && !apierr.HasCode(err, tt.code) {
			t.Errorf("%d until %v: %v, want %q", tt.delta, tt.expiresAt, err, tt.code)
		}
	}
	got, err := items.GetItem(grpctest.As(t.Context(), client), &paymentsv1.GetItemRequest{CustomerType: "user", CustomerId: user, ItemId: "credits"})
	if err != nil || got.GetId() != "credits" || got.GetDisplayName() != "Credits" || got.GetQuantity() != 17 {
		t.Errorf("GetItem = %v, %v", got, err)
	}
}

func TestItemService_clientOrMalformed_isRefused(t *testing.T) {
	items := paymentsv1.NewItemServiceClient(newServer(t).Conn)
	_, err := items.UpdateItemQuantity(grpctest.As(t.Context(), client), &paymentsv1.UpdateItemQuantityRequest{
		CustomerType: "user", CustomerId: user, ItemId: "credits", Change: &paymentsv1.ItemQuantityChange{Delta: 1},
	})
	if !apierr.HasCode(err, apierr.CodeInsufficientAccessType) {
		t.Errorf("a client changes a quantity: %v", err)
	}
	_, err = items.GetItem(grpctest.As(t.Context(), server), &paymentsv1.GetItemRequest{CustomerType: "robot", CustomerId: user, ItemId: "credits"})
	if !apierr.HasCode(err, apierr.CodeSchemaError) {
		t.Errorf("a robot is a customer: %v", err)
	}
}
