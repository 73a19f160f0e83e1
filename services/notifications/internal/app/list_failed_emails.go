package app

import (
	"context"
	"time"

	"vestibule.dev/pkg/ids"
)

const (
	// digestAge is how far back a digest of failed mails goes, and digestSize how
	// many mails it has at most.
	digestAge  = 24 * time.Hour
	digestSize = 1000
)

// FailedEmailDigest is what the owners of a project would be told of.
type FailedEmailDigest struct {
	ids.Tenant

	Emails []FailedEmail
	Owners []string
}

// ListFailedEmails lists the mails of the last day that failed, by tenant,
// without those of projects whose owners have no address (notifications.md
// §6.10). authorization is the header of a scheduled call.
func (a *App) ListFailedEmails(ctx context.Context, authorization string) ([]FailedEmailDigest, error) {
	if err := a.authorizeSchedule(authorization); err != nil {
		return nil, err
	}
	failed, err := a.Store.FailedEmails(ctx, digestAge, digestSize)
	if err != nil {
		return nil, err
	}
	var tenants []ids.Tenant
	emails := map[ids.Tenant][]FailedEmail{}
	for _, email := range failed {
		if emails[email.Tenant] == nil {
			tenants = append(tenants, email.Tenant)
		}
		emails[email.Tenant] = append(emails[email.Tenant], email)
	}
	var digests []FailedEmailDigest
	for _, tenant := range tenants {
		owners, err := a.Users.Owners(ctx, tenant.ProjectID)
		if err != nil {
			return nil, err
		}
		if len(owners) > 0 {
			digests = append(digests, FailedEmailDigest{Tenant: tenant, Emails: emails[tenant], Owners: owners})
		}
	}
	return digests, nil
}
