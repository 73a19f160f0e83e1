package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/onetime"
	"vestibule.dev/pkg/tenancy"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/postgres/db"
)

// purchaseCode is the kind of the codes in purchase URLs.
const purchaseCode = "purchase"

// codeData is what a purchase code stands for.
type codeData struct {
	CustomerType domain.CustomerType `json:"customer_type"`
	CustomerID   string              `json:"customer_id"`
	ProductID    *string             `json:"product_id"`
	Product      domain.Product      `json:"product"`
	Stripe       *app.StripeData     `json:"stripe,omitempty"`
}

// Tenancy implements app.Store.
func (s *Store) Tenancy(ctx context.Context, tenancyID string) (tenant ids.Tenant, found bool, err error) {
	ctx = tenancy.ForAllProjects(ctx) // the id says which project's it is
	row, err := db.New(s.db.Querier(ctx)).Tenancy(ctx, tenancyID)
	if errors.Is(err, pgx.ErrNoRows) {
		return ids.Tenant{}, false, nil
	}
	return ids.Tenant{ProjectID: row.ProjectID, BranchID: row.BranchID}, err == nil, err
}

// FindPurchaseCode implements app.Store.
func (s *Store) FindPurchaseCode(ctx context.Context, tenant ids.Tenant, code string) (*app.PurchaseCode, error) {
	row, err := s.codes.Find(ctx, s.db, tenant, purchaseCode, code)
	if err != nil {
		return nil, err
	}
	var data codeData
	if err := json.Unmarshal(row.Data, &data); err != nil {
		return nil, fmt.Errorf("read stored offer: %w", err)
	}
	return &app.PurchaseCode{Tenant: tenant, ID: row.ID, Offer: domain.Offer{
		Customer:  domain.Customer{Type: data.CustomerType, ID: data.CustomerID},
		ProductID: data.ProductID, Product: data.Product,
	}, Stripe: data.Stripe}, nil
}

func (t *tx) TenancyID(ctx context.Context, tenant ids.Tenant) (string, error) {
	return t.queries.TenancyID(ctx, db.TenancyIDParams{ID: ids.NewUUID(), ProjectID: tenant.ProjectID, BranchID: tenant.BranchID})
}

func (t *tx) IssuePurchaseCode(ctx context.Context, tenant ids.Tenant, offer domain.Offer, stripe *app.StripeData, ttl time.Duration) (string, error) {
	data, err := json.Marshal(codeData{
		CustomerType: offer.Customer.Type, CustomerID: offer.Customer.ID, ProductID: offer.ProductID, Product: offer.Product, Stripe: stripe,
	})
	if err != nil {
		return "", err
	}
	text, _, err := t.codes.Issue(ctx, t.tx, onetime.Code{Tenant: tenant, Kind: purchaseCode, Data: data, TTL: ttl})
	return text, err
}

func (t *tx) ConsumePurchaseCode(ctx context.Context, code *app.PurchaseCode) error {
	return t.codes.Consume(ctx, t.tx, &onetime.Row{Tenant: code.Tenant, Kind: purchaseCode, ID: code.ID})
}
