package oauthprovider

import (
	"encoding/json"
	"strings"

	"vestibule.dev/services/identity/internal/domain"
)

// reader reads an account from what a provider's endpoint for user info says,
// and from its list of addresses if it has one.
type reader func(userInfo, emails []byte) (domain.ExternalAccount, error)

// text is a JSON string, or a number as it is written.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '"' {
		var number json.Number
		if err := json.Unmarshal(data, &number); err != nil {
			return err
		}
		*t = text(number)
		return nil
	}
	return json.Unmarshal(data, (*string)(t))
}

// flag is a JSON boolean, or one that Apple writes as a string.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(data []byte) error {
	*f = flag(strings.Trim(string(data), `"`) == "true")
	return nil
}

// readStandard reads the claims of OpenID Connect Core section 5.1.
func readStandard(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var claims struct {
		Subject       text   `json:"sub"`
		Email         string `json:"email"`
		EmailVerified flag   `json:"email_verified"`
		Name          string `json:"name"`
		Picture       string `json:"picture"`
	}
	err := json.Unmarshal(userInfo, &claims)
	return domain.ExternalAccount{
		ID: string(claims.Subject), Email: claims.Email, EmailVerified: bool(claims.EmailVerified),
		DisplayName: claims.Name, ProfileImageURL: claims.Picture,
	}, err
}

func readGitHub(userInfo, emails []byte) (domain.ExternalAccount, error) {
	var user struct {
		ID     text   `json:"id"`
		Login  string `json:"login"`
		Name   string `json:"name"`
		Avatar string `json:"avatar_url"`
	}
	if err := json.Unmarshal(userInfo, &user); err != nil {
		return domain.ExternalAccount{}, err
	}
	account := domain.ExternalAccount{ID: string(user.ID), DisplayName: firstOf(user.Name, user.Login), ProfileImageURL: user.Avatar}
	if emails == nil {
		return account, nil
	}
	var list []struct {
		Email    string `json:"email"`
		Primary  bool   `json:"primary"`
		Verified bool   `json:"verified"`
	}
	err := json.Unmarshal(emails, &list)
	for _, e := range list {
		if e.Primary {
			account.Email, account.EmailVerified = e.Email, e.Verified
		}
	}
	return account, err
}

func readMicrosoft(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var user struct {
		ID            text   `json:"id"`
		DisplayName   string `json:"displayName"`
		Mail          string `json:"mail"`
		PrincipalName string `json:"userPrincipalName"`
	}
	err := json.Unmarshal(userInfo, &user)
	return domain.ExternalAccount{ID: string(user.ID), DisplayName: user.DisplayName, Email: firstOf(user.Mail, user.PrincipalName)}, err
}

func readSpotify(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var user struct {
		ID          text   `json:"id"`
		DisplayName string `json:"display_name"`
		Email       string `json:"email"`
		Images      []struct {
			URL string `json:"url"`
		} `json:"images"`
	}
	err := json.Unmarshal(userInfo, &user)
	account := domain.ExternalAccount{ID: string(user.ID), DisplayName: user.DisplayName, Email: user.Email}
	if len(user.Images) > 0 {
		account.ProfileImageURL = user.Images[0].URL
	}
	return account, err
}

func readFacebook(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var user struct {
		ID      text   `json:"id"`
		Name    string `json:"name"`
		Email   string `json:"email"`
		Picture struct {
			Data struct {
				URL string `json:"url"`
			} `json:"data"`
		} `json:"picture"`
	}
	err := json.Unmarshal(userInfo, &user)
	return domain.ExternalAccount{ID: string(user.ID), DisplayName: user.Name, Email: user.Email, ProfileImageURL: user.Picture.Data.URL}, err
}

func readDiscord(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var user struct {
		ID         text   `json:"id"`
		Username   string `json:"username"`
		GlobalName string `json:"global_name"`
		Avatar     string `json:"avatar"`
		Email      string `json:"email"`
		Verified   flag   `json:"verified"`
	}
	err := json.Unmarshal(userInfo, &user)
	account := domain.ExternalAccount{
		ID: string(user.ID), DisplayName: firstOf(user.GlobalName, user.Username), Email: user.Email, EmailVerified: bool(user.Verified),
	}
	if user.Avatar != "" {
		account.ProfileImageURL = "https://cdn.discordapp.com/avatars/" + account.ID + "/" + user.Avatar + ".png"
	}
	return account, err
}

func readGitLab(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var user struct {
		ID          text    `json:"id"`
		Username    string  `json:"username"`
		Name        string  `json:"name"`
		Avatar      string  `json:"avatar_url"`
		Email       string  `json:"email"`
		ConfirmedAt *string `json:"confirmed_at"`
	}
	err := json.Unmarshal(userInfo, &user)
	return domain.ExternalAccount{
		ID: string(user.ID), DisplayName: firstOf(user.Name, user.Username), ProfileImageURL: user.Avatar,
		Email: user.Email, EmailVerified: user.ConfirmedAt != nil && *user.ConfirmedAt != "",
	}, err
}

func readBitbucket(userInfo, emails []byte) (domain.ExternalAccount, error) {
	var user struct {
		AccountID   text   `json:"account_id"`
		DisplayName string `json:"display_name"`
		Links       struct {
			Avatar struct {
				Href string `json:"href"`
			} `json:"avatar"`
		} `json:"links"`
	}
	if err := json.Unmarshal(userInfo, &user); err != nil {
		return domain.ExternalAccount{}, err
	}
	account := domain.ExternalAccount{ID: string(user.AccountID), DisplayName: user.DisplayName, ProfileImageURL: user.Links.Avatar.Href}
	if emails == nil {
		return account, nil
	}
	var list struct {
		Values []struct {
			Email       string `json:"email"`
			IsPrimary   bool   `json:"is_primary"`
			IsConfirmed bool   `json:"is_confirmed"`
		} `json:"values"`
	}
	err := json.Unmarshal(emails, &list)
	for _, e := range list.Values {
		if e.IsPrimary {
			account.Email, account.EmailVerified = e.Email, e.IsConfirmed
		}
	}
	return account, err
}

func readX(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var user struct {
		Data struct {
			ID    text   `json:"id"`
			Name  string `json:"name"`
			Image string `json:"profile_image_url"`
		} `json:"data"`
	}
	err := json.Unmarshal(userInfo, &user)
	return domain.ExternalAccount{ID: string(user.Data.ID), DisplayName: user.Data.Name, ProfileImageURL: user.Data.Image}, err
}

func readTwitch(userInfo, _ []byte) (domain.ExternalAccount, error) {
	var users struct {
		Data []struct {
			ID          text   `json:"id"`
			DisplayName string `json:"display_name"`
			Email       string `json:"email"`
			Image       string `json:"profile_image_url"`
		} `json:"data"`
	}
	if err := json.Unmarshal(userInfo, &users); err != nil || len(users.Data) == 0 {
		return domain.ExternalAccount{}, err
	}
	user := users.Data[0]
	return domain.ExternalAccount{ID: string(user.ID), DisplayName: user.DisplayName, Email: user.Email, ProfileImageURL: user.Image}, nil
}

// appleName reads the name that Apple tells once, beside the code.
func appleName(user string) string {
	var told struct {
		Name struct {
			First string `json:"firstName"`
			Last  string `json:"lastName"`
		} `json:"name"`
	}
	if json.Unmarshal([]byte(user), &told) != nil {
		return ""
	}
	return strings.TrimSpace(told.Name.First + " " + told.Name.Last)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}
