package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/projectconfig"
	"vestibule.dev/services/identity/internal/domain"
)

// What a sign-up rule does, and the default action that lets nobody in.
const (
	ruleAllows    = "allow"
	ruleRejects   = "reject"
	ruleRestricts = "restrict"
)

// rulesBudget is the usual time that the rules of a project may keep one sign-up.
const rulesBudget = 500 * time.Millisecond

// signUp is somebody who asks to become a user, the input of the project's
// sign-up policy (auth.md §4.3).
type signUp struct {
	// Email is normalised; empty when there is none.
	Email  string
	Method signUpMethod
	// OAuthProvider is the provider's id in the configuration; empty for other
	// methods.
	OAuthProvider string
	// CountryCode is empty when unknown.
	CountryCode string
	RiskScores  domain.RiskScores
}

// SignUpFacts is what the condition of a sign-up rule knows.
type SignUpFacts struct {
	Email, EmailDomain, CountryCode, AuthMethod, OAuthProvider string

	RiskScores domain.RiskScores
}

func (s signUp) facts() SignUpFacts {
	return SignUpFacts{
		Email:         s.Email,
		EmailDomain:   domain.EmailDomain(s.Email),
		CountryCode:   s.CountryCode,
		AuthMethod:    string(s.Method),
		OAuthProvider: s.OAuthProvider,
		RiskScores:    s.RiskScores,
	}
}

// admission is how a project takes somebody in.
type admission struct {
	// restriction tells administrators why the user is restricted; empty for
	// one who is not.
	restriction string
}

// applyTo restricts the user if that is how they were admitted. What was said
// of them before stays.
func (a admission) applyTo(user *domain.User) {
	if a.restriction == "" {
		return
	}
	details := a.restriction
	if before := deref(user.RestrictedByAdminPrivateDetails); before != "" {
		details = before + "\n\n" + details
	}
	user.RestrictedByAdmin = true
	user.RestrictedByAdminPrivateDetails = &details
}

// admit applies the project's sign-up policy and tells of the rules that
// matched, also when nobody is let in. It fails with SIGN_UP_REJECTED for
// somebody the project does not want.
func (a *App) admit(ctx context.Context, req request, s signUp) (admission, error) {
	verdict, err := a.judge(ctx, req.config, s.facts())
	if err != nil {
		return admission{}, err
	}
	if len(verdict.matched) > 0 {
		events := make([]Event, 0, len(verdict.matched))
		for _, rule := range verdict.matched {
			events = append(events, SignUpRuleTriggered{Tenant: req.tenant, RuleID: rule.ID, Action: rule.Action.Type, Facts: s.facts()})
		}
		if err := a.store.RunTx(ctx, func(ctx context.Context, tx Tx) error { return tx.Emit(ctx, events...) }); err != nil {
			return admission{}, err
		}
	}
	if verdict.rejected {
		return admission{}, apierr.SignUpRejected()
	}
	return verdict.admission, nil
}

// verdict is what the rules of a project say.
type verdict struct {
	admission

	rejected bool
	// matched are the rules whose conditions hold, in the order of evaluation,
	// up to the one that decided.
	matched []projectconfig.SignUpRule
}

// judge evaluates the rules in their order. A condition that cannot be evaluated
// does not hold, also when the rules before it have taken too long.
func (a *App) judge(ctx context.Context, config *projectconfig.Config, facts SignUpFacts) (verdict, error) {
	v := verdict{rejected: config.Auth.SignUpRulesDefaultAction == ruleRejects}
	bounded, cancel := context.WithTimeout(ctx, a.rulesBudget)
	defer cancel()
	for _, rule := range config.Auth.SignUpRules {
		if !rule.Enabled || strings.TrimSpace(rule.Condition) == "" {
			continue
		}
		holds, err := a.conditions.Hold(bounded, rule.Condition, facts)
		if ctx.Err() != nil {
			return verdict{}, ctx.Err()
		}
		if err != nil {
			a.logger.WarnContext(ctx, "a sign-up rule cannot be evaluated",
				slog.String("project_id", config.Tenant.ProjectID), slog.String("rule_id", rule.ID), slog.Any("error", err))
			continue
		}
		if !holds {
			continue
		}
		v.matched = append(v.matched, rule)
		switch rule.Action.Type {
		case ruleAllows:
			v.rejected = false
			return v, nil
		case ruleRejects:
			v.rejected = true
			return v, nil
		case ruleRestricts:
			if v.restriction == "" {
				v.restriction = restrictionText(rule)
			}
		}
	}
	return v, nil
}

// restrictionText names the rule to administrators.
func restrictionText(rule projectconfig.SignUpRule) string {
	text := "Restricted by sign-up rule " + rule.ID
	if rule.DisplayName != "" {
		text += " (" + rule.DisplayName + ")"
	}
	return text
}
