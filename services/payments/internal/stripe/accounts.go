package stripe

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	stripego "github.com/stripe/stripe-go/v84"

	"vestibule.dev/services/payments/internal/app"
)

// tenancyID is the metadata that says whose an account is.
const tenancyID = "tenancyId"

// CreateAccount implements app.Stripe.
func (c *Client) CreateAccount(ctx context.Context, tenancy string) (string, error) {
	account, err := c.api.V1Accounts.Create(ctx, &stripego.AccountCreateParams{
		Params: stripego.Params{IdempotencyKey: new("account/" + tenancy)},
		Controller: &stripego.AccountCreateControllerParams{
			StripeDashboard: &stripego.AccountCreateControllerStripeDashboardParams{Type: new("none")},
		},
		Capabilities: &stripego.AccountCreateCapabilitiesParams{
			CardPayments: &stripego.AccountCreateCapabilitiesCardPaymentsParams{Requested: new(true)},
			Transfers:    &stripego.AccountCreateCapabilitiesTransfersParams{Requested: new(true)},
		},
		Country:  new("US"),
		Metadata: map[string]string{tenancyID: tenancy},
	})
	if err != nil {
		return "", err
	}
	return account.ID, nil
}

// CreateAccountLink implements app.Stripe.
func (c *Client) CreateAccountLink(ctx context.Context, accountID, returnURL string) (string, error) {
	link, err := c.api.V1AccountLinks.Create(ctx, &stripego.AccountLinkCreateParams{
		Account: &accountID, Type: new("account_onboarding"), RefreshURL: &returnURL, ReturnURL: &returnURL,
	})
	if err != nil {
		return "", err
	}
	return link.URL, nil
}

// Account implements app.Stripe.
func (c *Client) Account(ctx context.Context, accountID string) (*app.StripeAccount, error) {
	account, err := c.api.V1Accounts.GetByID(ctx, accountID, nil)
	if err != nil {
		return nil, err
	}
	return &app.StripeAccount{
		ID: account.ID, ChargesEnabled: account.ChargesEnabled, DetailsSubmitted: account.DetailsSubmitted,
		PayoutsEnabled: account.PayoutsEnabled, TenancyID: account.Metadata[tenancyID],
	}, nil
}

// CreateAccountSession implements app.Stripe.
func (c *Client) CreateAccountSession(ctx context.Context, accountID string) (string, error) {
	session, err := c.api.V1AccountSessions.Create(ctx, &stripego.AccountSessionCreateParams{
		Account: &accountID,
		Components: &stripego.AccountSessionCreateComponentsParams{
			Payments:           &stripego.AccountSessionCreateComponentsPaymentsParams{Enabled: new(true)},
			Payouts:            &stripego.AccountSessionCreateComponentsPayoutsParams{Enabled: new(true)},
			AccountManagement:  &stripego.AccountSessionCreateComponentsAccountManagementParams{Enabled: new(true)},
			AccountOnboarding:  &stripego.AccountSessionCreateComponentsAccountOnboardingParams{Enabled: new(true)},
			Balances:           &stripego.AccountSessionCreateComponentsBalancesParams{Enabled: new(true)},
			NotificationBanner: &stripego.AccountSessionCreateComponentsNotificationBannerParams{Enabled: new(true)},
		},
	})
	if err != nil {
		return "", err
	}
	return session.ClientSecret, nil
}

// methodNames are the ways to pay that are shown, by id.
var methodNames = map[string]string{
	"card": "Cards", "cartes_bancaires": "Cartes Bancaires", "apple_pay": "Apple Pay", "google_pay": "Google Pay", "link": "Link",
	"amazon_pay": "Amazon Pay", "cashapp": "Cash App Pay", "klarna": "Klarna", "affirm": "Affirm", "afterpay_clearpay": "Afterpay / Clearpay",
	"zip": "Zip", "ideal": "iDEAL", "bancontact": "Bancontact", "eps": "EPS", "p24": "Przelewy24", "blik": "BLIK", "alipay": "Alipay",
	"wechat_pay": "WeChat Pay", "sepa_debit": "SEPA Direct Debit", "bacs_debit": "Bacs Direct Debit",
	"acss_debit": "Pre-authorized debit", "us_bank_account": "ACH Direct Debit", "multibanco": "Multibanco",
	"customer_balance": "Bank transfer",
}

// PaymentMethods implements app.Stripe. It reads the configuration that is the
// account's default.
func (c *Client) PaymentMethods(ctx context.Context, accountID string) (string, []app.PaymentMethodSetting, error) {
	var chosen *stripego.PaymentMethodConfiguration
	for config, err := range c.api.V1PaymentMethodConfigurations.List(ctx, &stripego.PaymentMethodConfigurationListParams{ListParams: listed(accountID, 100)}) {
		if err != nil {
			return "", nil, err
		}
		if chosen == nil || config.IsDefault && !chosen.IsDefault {
			chosen = config
		}
	}
	if chosen == nil {
		return "", nil, errors.New("the account has no payment method configuration")
	}
	// The library has a type of its own for each of the methods.
	current, err := c.api.V1PaymentMethodConfigurations.Retrieve(ctx, chosen.ID, &stripego.PaymentMethodConfigurationRetrieveParams{Params: on(accountID, "")})
	if err != nil {
		return "", nil, err
	}
	var keys map[string]json.RawMessage
	if err := read(current.LastResponse, &keys); err != nil {
		return "", nil, err
	}
	var methods []app.PaymentMethodSetting
	for id, name := range methodNames {
		var method struct {
			Available         bool `json:"available"`
			DisplayPreference struct {
				Overridable bool   `json:"overridable"`
				Value       string `json:"value"`
			} `json:"display_preference"`
		}
		if raw, ok := keys[id]; !ok || string(raw) == "null" || json.Unmarshal(raw, &method) != nil {
			continue
		}
		methods = append(methods, app.PaymentMethodSetting{
			ID: id, Name: name, Available: method.Available,
			Enabled: method.DisplayPreference.Value == "on", Overridable: method.DisplayPreference.Overridable,
		})
	}
	return chosen.ID, methods, nil
}

// SetPaymentMethods implements app.Stripe.
func (c *Client) SetPaymentMethods(ctx context.Context, accountID, configID string, enabled map[string]bool) error {
	params := &stripego.PaymentMethodConfigurationUpdateParams{Params: on(accountID, "")}
	ids := make([]string, 0, len(enabled))
	for id := range enabled {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		preference := "off"
		if enabled[id] {
			preference = "on"
		}
		params.AddExtra(id+"[display_preference][preference]", preference)
	}
	_, err := c.api.V1PaymentMethodConfigurations.Update(ctx, configID, params)
	if missing(err) {
		return app.ErrPaymentMethodConfig
	}
	return err
}
