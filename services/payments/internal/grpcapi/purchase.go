package grpcapi

import (
	"context"

	"google.golang.org/protobuf/types/known/wrapperspb"

	paymentsv1 "vestibule.dev/proto/payments/v1"
	typesv1 "vestibule.dev/proto/types/v1"
	"vestibule.dev/services/payments/internal/app"
	"vestibule.dev/services/payments/internal/productpb"
)

// Purchases implements paymentsv1.PurchaseServiceServer.
type Purchases struct {
	paymentsv1.UnimplementedPurchaseServiceServer
	app *app.App
}

// CreatePurchaseURL implements paymentsv1.PurchaseServiceServer.
func (s *Purchases) CreatePurchaseURL(ctx context.Context, req *paymentsv1.CreatePurchaseURLRequest) (*paymentsv1.CreatePurchaseURLResponse, error) {
	product, err := productRef(req.ProductId, req.GetProductInline())
	if err != nil {
		return nil, err
	}
	url, err := s.app.CreatePurchaseURL(ctx, app.NewPurchaseURL{Customer: customer(req), Product: product, ReturnURL: req.ReturnUrl})
	if err != nil {
		return nil, err
	}
	return &paymentsv1.CreatePurchaseURLResponse{Url: url}, nil
}

func productRef(productID *string, inline *paymentsv1.InlineProduct) (ref app.ProductRef, err error) {
	ref.ID = productID
	if inline != nil {
		ref.Inline, err = productpb.Product(inline, "body.product_inline")
	}
	return ref, err
}

// ValidatePurchaseCode implements paymentsv1.PurchaseServiceServer.
func (s *Purchases) ValidatePurchaseCode(ctx context.Context, req *paymentsv1.ValidatePurchaseCodeRequest) (*paymentsv1.ValidatePurchaseCodeResponse, error) {
	overview, err := s.app.ValidatePurchaseCode(ctx, req.GetFullCode(), req.ReturnUrl)
	if err != nil {
		return nil, err
	}
	return purchase(overview)
}

func purchase(overview *app.PurchaseOverview) (*paymentsv1.ValidatePurchaseCodeResponse, error) {
	product, err := productpb.Inline(&overview.Product)
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.ValidatePurchaseCodeResponse{
		Product:                   product,
		ProjectId:                 overview.Project.Tenant.ProjectID,
		AlreadyBoughtNonStackable: overview.AlreadyOwned,
		TestMode:                  overview.Project.Catalog.TestMode,
	}
	if logo := overview.Project.Logos.URL; logo != "" {
		res.ProjectLogoUrl = wrapperspb.String(logo)
	}
	for _, conflict := range overview.Conflicts {
		name := conflict.Product.DisplayName
		if name == "" {
			name = conflict.Key()
		}
		res.ConflictingProducts = append(res.ConflictingProducts, &paymentsv1.ConflictingProduct{ProductId: conflict.Key(), DisplayName: name})
	}
	return res, nil
}

// GetCheckout implements paymentsv1.PurchaseServiceServer.
func (s *Purchases) GetCheckout(ctx context.Context, req *paymentsv1.GetCheckoutRequest) (*paymentsv1.Checkout, error) {
	checkout, err := s.app.GetCheckout(ctx, req.GetFullCode(), req.ReturnUrl)
	if err != nil {
		return nil, err
	}
	shown, err := purchase(checkout.PurchaseOverview)
	if err != nil {
		return nil, err
	}
	res := &paymentsv1.Checkout{
		Purchase: shown, ProjectDisplayName: checkout.Project.DisplayName, Blocked: checkout.Project.Catalog.BlockNewPurchases,
	}
	if logo := checkout.Project.Logos.DarkModeURL; logo != "" {
		res.ProjectLogoDarkUrl = wrapperspb.String(logo)
	}
	if checkout.StripePublishableKey != "" {
		res.StripePublishableKey = wrapperspb.String(checkout.StripePublishableKey)
	}
	for _, price := range checkout.Product.Prices.ByID {
		res.PriceIds = append(res.PriceIds, price.ID)
	}
	for _, item := range checkout.Items {
		res.Items = append(res.Items, &paymentsv1.CheckoutItem{ItemId: item.ID, DisplayName: item.DisplayName})
	}
	return res, nil
}

// GetReturnURLValidity implements paymentsv1.PurchaseServiceServer.
func (s *Purchases) GetReturnURLValidity(ctx context.Context, req *paymentsv1.GetReturnURLValidityRequest) (*paymentsv1.GetReturnURLValidityResponse, error) {
	if err := s.app.CheckReturnURL(ctx, req.GetFullCode(), req.ReturnUrl); err != nil {
		return nil, err
	}
	return &paymentsv1.GetReturnURLValidityResponse{Valid: true}, nil
}

// CreatePurchaseSession implements paymentsv1.PurchaseServiceServer.
func (s *Purchases) CreatePurchaseSession(ctx context.Context, req *paymentsv1.CreatePurchaseSessionRequest) (*paymentsv1.CreatePurchaseSessionResponse, error) {
	if err := s.app.CreatePurchaseSession(idempotent(ctx, req), choice(req)); err != nil {
		return nil, err
	}
	return &paymentsv1.CreatePurchaseSessionResponse{}, nil
}

// CreateTestModePurchase implements paymentsv1.PurchaseServiceServer.
func (s *Purchases) CreateTestModePurchase(ctx context.Context, req *paymentsv1.CreateTestModePurchaseRequest) (*typesv1.Success, error) {
	if err := s.app.CreateTestModePurchase(idempotent(ctx, req), choice(req)); err != nil {
		return nil, err
	}
	return &typesv1.Success{Success: true}, nil
}

// choice reads what was chosen; the quantity is at least 1.
func choice(req interface {
	GetFullCode() string
	GetPriceId() string
	GetQuantity() int32
}) app.PurchaseChoice {
	return app.PurchaseChoice{FullCode: req.GetFullCode(), PriceID: req.GetPriceId(), Quantity: int64(max(1, req.GetQuantity()))}
}
