package app

import (
	"context"
)

// maxUnrendered is how many mails of a tenant may wait to be rendered before its
// mailings wait too: mails of others must not queue up behind a hundred thousand.
const maxUnrendered = 2 * usersAtOnce

// ExpandMailings makes mails of one mailing for the users who are next, and
// returns how many. Mails and progress commit together, so that no user gets two,
// whoever is killed.
func (a *App) ExpandMailings(ctx context.Context) (int, error) {
	var made int
	var last *Mailing // whose known users all have their mail
	err := a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		made, last = 0, nil
		mailing, err := tx.ClaimMailing(ctx, usersAtOnce, maxUnrendered)
		if err != nil || mailing == nil {
			return err
		}
		if mailing.Unreadable != nil {
			a.Logger.ErrorContext(ctx, "a mailing is lost", "project", mailing.Email.ProjectID, "error", mailing.Unreadable)
			return tx.DeleteMailing(ctx, mailing)
		}
		if made = len(mailing.UserIDs); made > 0 {
			if err := tx.CreateUserEmails(ctx, mailing.Email, mailing.UserIDs); err != nil {
				return err
			}
		}
		done := mailing.Done + made
		if done == mailing.Total && mailing.After == "" {
			return tx.DeleteMailing(ctx, mailing)
		}
		if done == mailing.Total {
			last = mailing
		}
		return tx.AdvanceMailing(ctx, mailing, done)
	})
	if err != nil || last == nil {
		return made, err
	}
	return made, a.continueMailing(ctx, last)
}

// continueMailing looks up who follows the last user.
func (a *App) continueMailing(ctx context.Context, mailing *Mailing) error {
	next, after, err := a.usersAfter(ctx, mailing.Email.Tenant, mailing.After, maxResults)
	if err != nil {
		return err
	}
	return a.Store.RunTx(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.ContinueMailing(ctx, mailing, next, after); err != nil {
			return err
		}
		return tx.WakeWorkers(ctx)
	})
}
