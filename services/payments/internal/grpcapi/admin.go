package grpcapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/pbjson"
	paymentsv1 "vestibule.dev/proto/payments/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/domain"
	"vestibule.dev/services/payments/internal/productpb"
)

// Admin implements paymentsv1.PaymentAdminServiceServer.
type Admin struct {
	paymentsv1.UnimplementedPaymentAdminServiceServer
	app *app.App
}

// SetUpPayments implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) SetUpPayments(ctx context.Context, _ *paymentsv1.SetUpPaymentsRequest) (*paymentsv1.SetUpPaymentsResponse, error) {
	url, err := s.app.SetUpPayments(ctx)
	if err != nil {
		return nil, err
	}
	return &paymentsv1.SetUpPaymentsResponse{Url: url}, nil
}

// GetStripeAccountInfo implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) GetStripeAccountInfo(ctx context.Context, _ *paymentsv1.GetStripeAccountInfoRequest) (*paymentsv1.StripeAccountInfo, error) {
	account, err := s.app.GetStripeAccountInfo(ctx)
	if err != nil {
		return nil, err
	}
	return &paymentsv1.StripeAccountInfo{
		AccountId: account.ID, ChargesEnabled: account.ChargesEnabled,
		DetailsSubmitted: account.DetailsSubmitted, PayoutsEnabled: account.PayoutsEnabled,
	}, nil
}

// CreateStripeAccountSession implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) CreateStripeAccountSession(ctx context.Context, _ *paymentsv1.CreateStripeAccountSessionRequest) (*paymentsv1.CreateStripeAccountSessionResponse, error) {
	clientSecret, err := s.app.CreateStripeAccountSession(ctx)
	if err != nil {
		return nil, err
	}
	return &paymentsv1.CreateStripeAccountSessionResponse{ClientSecret: clientSecret}, nil
}

// GetPaymentMethodConfig implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) GetPaymentMethodConfig(ctx context.Context, _ *paymentsv1.GetPaymentMethodConfigRequest) (*paymentsv1.PaymentMethodConfig, error) {
	configID, methods, err := s.app.GetPaymentMethodConfig(ctx)
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.PaymentMethodConfig{ConfigId: configID}
	for _, method := range methods {
		res.Methods = append(res.Methods, &paymentsv1.PaymentMethodSetting{
			Id: method.ID, Name: method.Name, Enabled: method.Enabled, Available: method.Available, Overridable: method.Overridable,
		})
	}
	return res, nil
}

// UpdatePaymentMethodConfig implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) UpdatePaymentMethodConfig(ctx context.Context, req *paymentsv1.UpdatePaymentMethodConfigRequest) (*typesv1.Success, error) {
	on := map[string]bool{}
	for id, value := range req.GetUpdates() {
		on[id] = value == "on"
	}
	if err := s.app.UpdatePaymentMethodConfig(ctx, req.GetConfigId(), on); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// Bounds of a page of transactions.
const (
	transactionsPage    = 50
	maxTransactionsPage = 200
)

// transactionCursor is where a list of transactions goes on: after this one.
type transactionCursor struct {
	// CreatedAtMillis has three decimals, since times are kept in
	// microseconds.
	CreatedAtMillis json.Number `json:"createdAtMillis"`
	TxnID           string      `json:"txnId"`
}

// ListTransactions implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) ListTransactions(ctx context.Context, req *paymentsv1.ListTransactionsRequest) (*paymentsv1.ListTransactionsResponse, error) {
	count := transactionsPage
	// Numbers that are too large are numbers all the same.
	if n, err := strconv.ParseInt(req.GetLimit(), 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		count = int(min(max(n, 1), maxTransactionsPage))
	}
	after, err := parseCursor(req.GetCursor())
	if err != nil {
		return nil, err
	}
	page, more, err := s.app.ListTransactions(ctx, app.TransactionFilter{
		Type: app.TransactionType(req.GetType()), CustomerType: req.GetCustomerType(),
	}, after, count)
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.ListTransactionsResponse{}
	for i := range page {
		shown, err := transaction(&page[i])
		if err != nil {
			return nil, err
		}
		res.Transactions = append(res.Transactions, shown)
	}
	if more {
		next, err := formatCursor(&page[len(page)-1])
		if err != nil {
			return nil, err
		}
		res.NextCursor = wrapperspb.String(next)
	}
	return res, nil
}

func parseCursor(encoded string) (after app.Position, err error) {
	if encoded == "" {
		return after, nil
	}
	wrong := apierr.Text(http.StatusBadRequest, "The cursor does not belong to this list.")
	text, err := base64.RawURLEncoding.DecodeString(encoded)
	if err != nil {
		return after, wrong
	}
	var cursor transactionCursor
	if json.Unmarshal(text, &cursor) != nil || !ids.ValidUUID(cursor.TxnID) {
		return after, wrong
	}
	millis, err := domain.ParseDecimal(cursor.CreatedAtMillis.String())
	if err != nil {
		return after, wrong
	}
	micros, err := strconv.ParseInt(millis.Mul(domain.Int(1000)).String(), 10, 64)
	if err != nil || micros < 0 {
		return after, wrong
	}
	createdAt := time.UnixMicro(micros).UTC()
	if createdAt.Year() > 9999 {
		return after, wrong
	}
	return app.Position{CreatedAt: createdAt, ID: cursor.TxnID}, nil
}

func formatCursor(last *app.Transaction) (string, error) {
	micros := last.CreatedAt.UnixMicro()
	text, err := json.Marshal(transactionCursor{
		CreatedAtMillis: json.Number(strconv.FormatInt(micros/1000, 10) + "." + strconv.FormatInt(micros%1000+1000, 10)[1:]), TxnID: last.ID,
	})
	return base64.RawURLEncoding.EncodeToString(text), err
}

func transaction(t *app.Transaction) (*paymentsv1.Transaction, error) {
	millis := float64(t.CreatedAt.UnixMilli())
	shown := &paymentsv1.Transaction{Id: t.ID, Type: string(t.Type), CreatedAtMillis: millis, EffectiveAtMillis: millis}
	purchase := t.Purchase()
	if purchase != nil {
		shown.TestMode = purchase.Source == domain.SourceTestMode
	}
	var entries []map[string]any
	switch t.Type {
	case app.TransactionPurchase:
		grant, err := productGrant(t, purchase)
		if err != nil {
			return nil, err
		}
		entries = append(entries, grant)
		if transfer := moneyTransfer(purchase); transfer != nil && !shown.GetTestMode() {
			entries = append(entries, transfer)
		}
		for _, item := range purchase.Product.IncludedItems {
			quantity := item.Value.Quantity.Mul(domain.Int(purchase.Quantity))
			entries = append(entries, entry("item_quantity_change", purchase.Customer, map[string]any{
				"item_id": item.ID, "quantity": quantity.Float64(),
			}))
		}
		for i := range t.Refunds {
			shown.AdjustedBy = append(shown.AdjustedBy, &paymentsv1.TransactionAdjustment{TransactionId: t.ID + ":refund", EntryIndex: int32(i)})
		}
	case app.TransactionRenewal:
		if transfer := moneyTransfer(purchase); transfer != nil {
			entries = append(entries, transfer)
		}
	case app.TransactionChange:
		entries = append(entries, entry("item_quantity_change", t.Change.Customer, map[string]any{
			"item_id": t.Change.ItemID, "quantity": domain.Int(t.Change.Delta).Float64(),
		}))
	}
	for _, fields := range entries {
		message, err := structpb.NewStruct(fields)
		if err != nil {
			return nil, err
		}
		shown.Entries = append(shown.Entries, message)
	}
	return shown, nil
}

// entry adds what all entries have in common.
func entry(kind string, customer domain.Customer, fields map[string]any) map[string]any {
	fields["type"], fields["customer_type"], fields["customer_id"] = kind, string(customer.Type), customer.ID
	fields["adjusted_transaction_id"], fields["adjusted_entry_index"] = nil, nil
	return fields
}

func productGrant(t *app.Transaction, purchase *domain.Purchase) (map[string]any, error) {
	message, err := productpb.Unordered(&purchase.Product)
	if err != nil {
		return nil, err
	}
	product, err := pbjson.Struct(message)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{
		"product_id": nil, "price_id": nil, "product": product.AsMap(), "quantity": domain.Int(purchase.Quantity).Float64(),
	}
	if purchase.ProductID != nil {
		fields["product_id"] = *purchase.ProductID
	}
	if purchase.PriceID != nil {
		fields["price_id"] = *purchase.PriceID
	}
	if t.Subscription != nil {
		fields["subscription_id"] = purchase.ID
	} else {
		fields["one_time_purchase_id"] = purchase.ID
	}
	return entry("product_grant", purchase.Customer, fields), nil
}

// moneyTransfer is what was charged for a purchase; nil if that was nothing.
func moneyTransfer(purchase *domain.Purchase) map[string]any {
	if purchase.PriceID == nil {
		return nil
	}
	price, ok := purchase.Product.Prices.ByID.Get(*purchase.PriceID)
	if !ok {
		return nil
	}
	charged, net := map[string]any{}, "0"
	for _, amount := range price.Amounts {
		value, err := amount.Value()
		if err != nil || value.Sign() == 0 {
			continue
		}
		total := value.Mul(domain.Int(purchase.Quantity)).String()
		charged[string(amount.Currency)] = total
		if amount.Currency == domain.USD {
			net = total
		}
	}
	if len(charged) == 0 {
		return nil
	}
	return entry("money_transfer", purchase.Customer, map[string]any{
		"charged_amount": charged, "net_amount": map[string]any{string(domain.USD): net},
	})
}

// RefundPurchase implements paymentsv1.PaymentAdminServiceServer.
func (s *Admin) RefundPurchase(ctx context.Context, req *paymentsv1.RefundPurchaseRequest) (*typesv1.Success, error) {
	refund := app.PurchaseRefund{Subscription: req.GetType() == "subscription", PurchaseID: req.GetId()}
	for _, entry := range req.GetRefundEntries() {
		refund.Entries = append(refund.Entries, app.RefundEntry{
			Index: int64(entry.GetEntryIndex()), Quantity: int64(entry.GetQuantity()), Amount: entry.GetAmountUsd(),
		})
	}
	if err := s.app.RefundPurchase(idempotent(ctx, req), refund); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}
