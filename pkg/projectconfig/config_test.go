package projectconfig_test

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/pkg/projectconfig"
)

func readConfig(t *testing.T) *projectconfig.Config {
	t.Helper()
	data, err := os.ReadFile("testdata/rendered.json")
	if err != nil {
		t.Fatal(err)
	}
	c, err := projectconfig.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestParse_complete_fillsEveryField(t *testing.T) {
	c := readConfig(t)
	month := &projectconfig.Interval{Count: 1, Unit: "month"}
	description := "May invite"
	want := &projectconfig.Config{
		Project: projectconfig.Project{RequirePublishableClientKey: true},
		Auth: projectconfig.Auth{
			AllowSignUp: true,
			Password:    projectconfig.Method{AllowSignIn: true},
			OTP:         projectconfig.Method{AllowSignIn: true},
			Passkey:     projectconfig.Method{AllowSignIn: true},
			OAuth: projectconfig.OAuth{
				AccountMergeStrategy: "link_method",
				Providers: map[string]projectconfig.OAuthProvider{
					"google": {Type: "google", AllowSignIn: true, AllowConnectedAccounts: true, IsShared: true},
					"corp": {
						Type: "microsoft", AllowSignIn: true, ClientID: "id", ClientSecret: "oauth-secret", MicrosoftTenantID: "tenant",
						FacebookConfigID: "fb", AppleBundles: map[string]projectconfig.AppleBundle{"b1": {BundleID: "com.example.app"}},
					},
				},
			},
			SignUpRules: projectconfig.SignUpRules{
				{ID: "c", Enabled: true, DisplayName: "First", Priority: 20, Condition: `emailDomain == "x.com"`, Action: projectconfig.SignUpAction{Type: "reject", Message: "no"}},
				{ID: "a", Enabled: true, Priority: 10, Action: projectconfig.SignUpAction{Type: "log"}},
				{ID: "b", Priority: 10, Action: projectconfig.SignUpAction{Type: "allow"}},
			},
			SignUpRulesDefaultAction: "reject",
		},
		Onboarding: projectconfig.Onboarding{RequireEmailVerification: true},
		Users:      projectconfig.Users{AllowClientUserDeletion: true},
		Teams:      projectconfig.Teams{CreatePersonalTeamOnSignUp: true, AllowClientTeamCreation: true},
		RBAC: projectconfig.RBAC{
			Permissions: map[string]projectconfig.Permission{
				"team_member": {Description: &description, Scope: "team", ContainedPermissionIDs: projectconfig.IDSet{"$read_members": true, "gone": false}},
				"moderate":    {Scope: "project", ContainedPermissionIDs: projectconfig.IDSet{}},
			},
			DefaultPermissions: projectconfig.DefaultPermissions{
				TeamCreator: projectconfig.IDSet{"team_admin": true},
				TeamMember:  projectconfig.IDSet{"team_member": true},
				SignUp:      projectconfig.IDSet{"moderate": true},
			},
		},
		Domains: projectconfig.Domains{
			AllowLocalhost: true,
			TrustedDomains: map[string]projectconfig.TrustedDomain{"d1": {BaseURL: "https://*.example.com", HandlerPath: "/handler"}},
		},
		Emails: projectconfig.Emails{
			Server: projectconfig.EmailServer{
				Provider: "smtp", Host: "smtp.example.com", Port: 587, Username: "u", Password: "smtp-secret", SenderName: "Example", SenderEmail: "no-reply@example.com",
				ManagedSubdomain: "mail.example.com", ManagedSenderLocalPart: "hi",
			},
			SelectedThemeID: "1df07ae6-abf3-4a40-83a5-a1a2cbe336ac",
			Themes:          map[string]projectconfig.EmailTheme{"1df07ae6-abf3-4a40-83a5-a1a2cbe336ac": {DisplayName: "Light", TSXSource: "<html/>"}},
			Templates: map[string]projectconfig.EmailTemplate{
				"a70fb3a4-56c1-4e42-af25-49d25603abd0": {DisplayName: "Own theme", TSXSource: "x", Theme: projectconfig.ThemeChoice{ID: "a0172b5d-cff0-463b-83bb-85124697373a"}},
				"822687fe-8d0a-4467-a0d1-416b6e639478": {DisplayName: "No theme", TSXSource: "y", Theme: projectconfig.ThemeChoice{None: true}},
				"e7d009ce-8d47-4528-b245-5bf119f2ffa3": {DisplayName: "Null theme", TSXSource: "z"},
				"e84de395-2076-4831-9c19-8e9a96a868e4": {DisplayName: "Absent theme"},
			},
		},
		Payments: projectconfig.Payments{
			TestMode: true, BlockNewPurchases: true,
			ProductLines: map[string]projectconfig.ProductLine{"plans": {DisplayName: "Plans", CustomerType: "team"}, "old": {}},
			Products: map[string]projectconfig.Product{
				"pro": {
					DisplayName: "Pro", CustomerType: "team", ProductLineID: "plans", Stackable: true, FreeTrial: &projectconfig.Interval{Count: 14, Unit: "day"},
					Prices: projectconfig.Prices{ByID: map[string]projectconfig.Price{
						"monthly":  {Amounts: map[string]string{"USD": "9.99", "JPY": "1500"}, Interval: month, FreeTrial: &projectconfig.Interval{Count: 0, Unit: "year"}},
						"lifetime": {Amounts: map[string]string{"EUR": "99"}, ServerOnly: true},
					}},
					IncludedItems: map[string]projectconfig.IncludedItem{
						"seats":   {Quantity: 5, Expires: "when-purchase-expires"},
						"credits": {Quantity: 100.5, Repeat: projectconfig.Repeat{Every: month}, Expires: "when-repeated"},
					},
				},
				"free":  {DisplayName: "Free", CustomerType: "team", ProductLineID: "plans", Prices: projectconfig.Prices{IncludeByDefault: true}},
				"extra": {DisplayName: "Extra", CustomerType: "team", ServerOnly: true, IsAddOnTo: projectconfig.AddOnTo{"pro": true}},
			},
			Items: map[string]projectconfig.Item{"seats": {DisplayName: "Seats", CustomerType: "team"}},
		},
	}
	want.APIKeys.Enabled.User, want.APIKeys.Enabled.Team = true, true
	for i := range reflect.TypeFor[projectconfig.Config]().NumField() {
		field := reflect.TypeFor[projectconfig.Config]().Field(i)
		if !field.IsExported() {
			continue
		}
		got, want := reflect.ValueOf(c).Elem().Field(i), reflect.ValueOf(want).Elem().Field(i)
		if !reflect.DeepEqual(got.Interface(), want.Interface()) {
			t.Errorf("%s:\n got %+v\nwant %+v", field.Name, got, want)
		}
		if tag := field.Tag.Get("json"); tag != "-" && got.IsZero() {
			t.Errorf("the test says nothing about %s", field.Name)
		}
	}
}

func TestParse_emptyOrNull_isZero(t *testing.T) {
	for _, data := range []string{`{}`, `{"auth":null,"payments":{"products":null},"unknown":{"deep":[1,2]}}`} {
		c, err := projectconfig.Parse([]byte(data))
		if err != nil || c.Auth.AllowSignUp || len(c.Auth.SignUpRules) != 0 || c.Domains.AllowLocalhost {
			t.Errorf("%s: %+v, %v", data, c, err)
		}
	}
}

func TestParse_wrongTypes_areRefused(t *testing.T) {
	for _, data := range []string{
		``, `[]`, `"x"`, `{"auth":1}`, `{"auth":{"allowSignUp":"yes"}}`, `{"auth":{"signUpRules":[]}}`, `{"emails":{"server":{"port":"25"}}}`,
		`{"emails":{"templates":{"t":{"themeId":true}}}}`, `{"emails":{"templates":{"t":{"themeId":{}}}}}`,
		`{"payments":{"products":{"p":{"isAddOnTo":true}}}}`, `{"payments":{"products":{"p":{"prices":"free"}}}}`,
		`{"payments":{"products":{"p":{"prices":{"m":{"USD":9.99}}}}}}`, `{"payments":{"products":{"p":{"prices":{"m":7}}}}}`,
		`{"payments":{"products":{"p":{"freeTrial":[1]}}}}`, `{"payments":{"products":{"p":{"freeTrial":["day",1]}}}}`,
		`{"payments":{"products":{"p":{"freeTrial":[1,"hour"]}}}}`, `{"payments":{"products":{"p":{"freeTrial":[-1,"day"]}}}}`,
		`{"payments":{"products":{"p":{"includedItems":{"i":{"repeat":"always"}}}}}}`,
	} {
		if c, err := projectconfig.Parse([]byte(data)); err == nil {
			t.Errorf("%s is accepted: %+v", data, c)
		}
	}
}

func TestParse_errorNearSecret_doesNotQuoteIt(t *testing.T) {
	for _, data := range []string{
		`{"emails":{"server":{"port":"hunter2"}}}`, `{"emails":{"server":{"password":["hunter2"]}}}`, `{"auth":{"allowSignUp":"hunter2"}}`, `{"emails":{"server":{"password":"hunter2`,
		`{"payments":{"products":{"p":{"prices":"hunter2"}}}}`, `{"auth":{"signUpRules":"hunter2"}}`,
	} {
		_, err := projectconfig.Parse([]byte(data))
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestConfig_printed_hidesSecrets(t *testing.T) {
	c := readConfig(t)
	asJSON, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", *c), string(asJSON)} {
		for _, s := range []string{"oauth-secret", "smtp-secret"} {
			if strings.Contains(out, s) {
				t.Errorf("%s is shown: %s", s, out)
			}
		}
	}
}

func TestIDSet_sorted_listsMembersOnly(t *testing.T) {
	if got := (projectconfig.IDSet{"b": true, "a": true, "c": false}).Sorted(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	if got := projectconfig.IDSet(nil).Sorted(); got == nil || len(got) != 0 {
		t.Errorf("got %#v, want an empty list", got)
	}
}
