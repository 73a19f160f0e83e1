package signuprules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/dlclark/regexp2"

	"vestibule.dev/pkg/cache"
	"vestibule.dev/services/identity/internal/app"
)

const (
	// cached bounds the text of the conditions that are kept compiled, in bytes.
	cached = 4 << 20
	// maxCost bounds the steps of one condition.
	maxCost = 100_000
	// matchTimeout bounds one search by a regular expression.
	matchTimeout = 50 * time.Millisecond
)

// Conditions implements app.Conditions. What is compiled is remembered by its
// text, which a new version of the configuration mostly leaves as it is. It is
// safe for concurrent use.
type Conditions struct {
	env      *cel.Env
	programs *cache.Cache[string, compiled[cel.Program]]
	patterns *cache.Cache[string, compiled[*regexp2.Regexp]]
}

// compiled is what became of a text.
type compiled[T any] struct {
	value T
	err   error
}

// New returns Conditions that have compiled nothing yet.
func New() (*Conditions, error) {
	c := &Conditions{programs: newCache[cel.Program](), patterns: newCache[*regexp2.Regexp]()}
	var err error
	c.env, err = cel.NewCustomEnv(
		cel.StdLib(cel.StdLibSubset(language())),
		cel.CrossTypeNumericComparisons(true),
		cel.Variable("email", cel.StringType),
		cel.Variable("emailDomain", cel.StringType),
		cel.Variable("countryCode", cel.StringType),
		cel.Variable("authMethod", cel.StringType),
		cel.Variable("oauthProvider", cel.StringType),
		cel.Variable("riskScores", cel.MapType(cel.StringType, cel.IntType)),
		cel.Function(overloads.Matches, cel.MemberOverload("string_matches_ecmascript",
			[]*cel.Type{cel.StringType, cel.StringType}, cel.BoolType, cel.BinaryBinding(c.matches))),
	)
	return c, err
}

// language is the part of CEL that conditions may use.
func language() *env.LibrarySubset {
	subset := env.NewLibrarySubset().SetDisableMacros(true)
	for _, function := range []string{
		operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.In, operators.Negate,
		operators.Equals, operators.NotEquals,
		operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals,
		overloads.Contains, overloads.StartsWith, overloads.EndsWith,
	} {
		subset.AddIncludedFunctions(env.NewFunction(function))
	}
	return subset
}

func newCache[T any]() *cache.Cache[string, compiled[T]] {
	return cache.New(cache.Options[string, compiled[T]]{
		MaxWeight: cached,
		// What is compiled takes some times as much as its text.
		Weigh: func(text string, _ compiled[T]) uint32 { return uint32(min(len(text)+256, 1<<31)) },
	})
}

// Hold implements app.Conditions.
func (c *Conditions) Hold(ctx context.Context, condition string, facts app.SignUpFacts) (bool, error) {
	program := compile(c.programs, condition, c.program)
	if program.err != nil {
		return false, program.err
	}
	result, _, err := program.value.ContextEval(ctx, map[string]any{
		"email":         facts.Email,
		"emailDomain":   facts.EmailDomain,
		"countryCode":   facts.CountryCode,
		"authMethod":    facts.AuthMethod,
		"oauthProvider": facts.OAuthProvider,
		"riskScores":    map[string]int64{"bot": int64(facts.RiskScores.Bot), "free_trial_abuse": int64(facts.RiskScores.FreeTrialAbuse)},
	})
	if err != nil {
		return false, err
	}
	holds, ok := result.Value().(bool)
	if !ok {
		return false, errors.New("the condition is neither true nor false")
	}
	return holds, nil
}

// compile returns what became of the text, once.
func compile[T any](known *cache.Cache[string, compiled[T]], text string, do func(text string) (T, error)) compiled[T] {
	if before, ok := known.Get(text); ok {
		return before
	}
	value, err := do(text)
	known.Set(text, compiled[T]{value, err})
	return compiled[T]{value, err}
}

func (c *Conditions) program(condition string) (cel.Program, error) {
	ast, issues := c.env.Compile(condition)
	if err := issues.Err(); err != nil {
		return nil, err
	}
	// Not optimised: that would compile the patterns as those of RE2.
	return c.env.Program(ast, cel.CostLimit(maxCost), cel.InterruptCheckFrequency(100))
}

// matches searches text for an ECMAScript regular expression.
func (c *Conditions) matches(text, expression ref.Val) ref.Val {
	pattern := compile(c.patterns, string(expression.(types.String)), newPattern)
	if pattern.err != nil {
		return types.WrapErr(pattern.err)
	}
	found, err := pattern.value.MatchString(string(text.(types.String)))
	if err != nil {
		// The error of the library quotes the text, which may be an address.
		return types.WrapErr(errTooSlow)
	}
	return types.Bool(found)
}

var errTooSlow = errors.New("the regular expression takes too long")

// newPattern compiles an expression.
func newPattern(expression string) (*regexp2.Regexp, error) {
	pattern, err := regexp2.Compile(expression, regexp2.ECMAScript)
	if err != nil {
		return nil, fmt.Errorf("the regular expression is not valid: %w", err)
	}
	pattern.MatchTimeout = matchTimeout
	return pattern, nil
}
