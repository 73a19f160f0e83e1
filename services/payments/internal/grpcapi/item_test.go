package grpcapi_test

import (
	"bytes"
	"context"
	"testing"

	"google.golang.org/grpc"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/clock"
	"vestibule.dev/pkg/grpctest"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/outbox"
	"vestibule.dev/pkg/pgtest"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/pkg/projectconfig"
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
type open struct{}

func (open) UserExists(context.Context, ids.Tenant, string) (bool, error) { return true, nil }
func (open) TeamExists(context.Context, ids.Tenant, string) (bool, error) { return true, nil }
func (open) Membership(context.Context, ids.Tenant, string, string) ([]string, bool, error) {
	return []string{"team_admin"}, true, nil
}

func (open) Holders(context.Context, ids.Tenant, string, string) ([]string, error) { return nil, nil }

func (open) Project(_ context.Context, tenant ids.Tenant, _ int64) (*app.Project, error) {
	parsed, err := projectconfig.Parse([]byte(config))
	if err != nil {
		return nil, err
	}
	parsed.Tenant = tenant
	catalog, err := domain.ParseCatalog([]byte(config))
	return &app.Project{Config: parsed, Catalog: catalog}, err
}

func newServer(t *testing.T) *grpctest.Harness {
	db := pgtest.New(t, outbox.Migrations(), onetime.Migrations(), migrations.Source())
	codes, err := onetime.New(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	application := app.New(app.Deps{
		Store: postgres.NewStore(db, codes, nil, events.Encode), Projects: open{}, Users: open{}, Teams: open{}, Clock: clock.System(),
	})
	return grpctest.New(t, "payments", func(r grpc.ServiceRegistrar) { grpcapi.Register(r, application) })
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
