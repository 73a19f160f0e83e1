package app_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/principal"
	"vestibule.dev/services/identity/internal/app"
)

// T23. Each use case that can end in a session, played by a user with a second
// factor. A use case missing here fails the test.
func TestPathsToASession_userWithSecondFactor_areAskedForIt(t *testing.T) {
	paths := map[string]func(h *harness) error{
		"SignInWithPassword": func(h *harness) error {
			h.enrol(h.signUp("ada@example.com"))
			_, err := h.SignInWithPassword(h.client(), "ada@example.com", password)
			return err
		},
		"SignUpWithPassword": func(h *harness) error {
			userID := h.signUpAnonymously()
			h.enrol(userID)
			_, err := h.SignUpWithPassword(h.as(principal.AccessClient, userID, anonymous), app.PasswordSignUp{Email: "ada@example.com", Password: password})
			return err
		},
		"SignInWithOTP": func(h *harness) error {
			h.enrol(h.signUpByMail("ada@example.com"))
			_, err := h.SignInWithOTP(h.client(), h.otpCode("ada@example.com"))
			return err
		},
		"SignInWithPasskey": func(h *harness) error {
			device := newDevice()
			userID := h.signUp("ada@example.com")
			h.enrol(userID)
			h.config.Auth.Passkey.AllowSignIn = true
			h.registerPasskey(userID, device)
			_, err := h.signInWithPasskey(device)
			return err
		},
		// What proves the second factor asks for it again when it is wrong.
		"SignInWithMFA": func(h *harness) error {
			h.enrol(h.signUp("ada@example.com"))
			code := h.attempt("ada@example.com")
			if _, err := h.SignInWithMFA(h.client(), code, "000000"); !apierr.HasCode(err, apierr.CodeInvalidTOTPCode) {
				return err
			}
			_, err := h.SignInWithPassword(h.client(), "ada@example.com", password)
			return err
		},
		"SignInWithApple": func(h *harness) error {
			o := newOAuthHarness(h.t)
			first, err := o.appleSignIn()
			if err != nil {
				return err
			}
			o.enrol(first.UserID)
			opened := len(o.sessions.opened)
			_, err = o.appleSignIn()
			h.sessions.opened = o.sessions.opened[opened:]
			return err
		},
		// A user without any credential has no second factor either.
		"SignUpAnonymously": nil,
	}
	for name, path := range paths {
		if path == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h := newOTPHarness(t)
			attemptCode(t, path(h))
			if len(h.sessions.opened) != 0 {
				t.Errorf("opened %+v", h.sessions.opened)
			}
		})
	}

	source := parseUseCases(t)
	if got := slices.Sorted(maps.Keys(source.leadingTo("CreateSession"))); !slices.Equal(got, slices.Sorted(maps.Keys(paths))) {
		t.Errorf("use cases that can open a session: %v\nplayed here: %v", got, slices.Sorted(maps.Keys(paths)))
	}
	if got := source.callers("CreateSession"); !slices.Equal(got, []string{"signIn"}) {
		t.Errorf("sessions are opened in %v, not in signIn alone", got)
	}
	if got := source.makers("totpProof"); !slices.Equal(got, []string{"proveTOTP"}) {
		t.Errorf("proofs of the second factor are made in %v, not in proveTOTP alone", got)
	}
}

// useCases are the functions of the package by name.
type useCases map[string]*ast.FuncDecl

func parseUseCases(t *testing.T) useCases {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	functions := useCases{}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if function, ok := decl.(*ast.FuncDecl); ok && function.Body != nil {
				functions[function.Name.Name] = function
			}
		}
	}
	return functions
}

// callers names the functions that call a method or function of that name.
func (u useCases) callers(name string) []string {
	return u.containing(func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		if !ok {
			return false
		}
		switch function := call.Fun.(type) {
		case *ast.SelectorExpr:
			return function.Sel.Name == name
		case *ast.Ident:
			return function.Name == name
		}
		return false
	})
}

// makers names the functions that make a value of the type other than the zero
// value.
func (u useCases) makers(name string) []string {
	return u.containing(func(node ast.Node) bool {
		literal, ok := node.(*ast.CompositeLit)
		if !ok || len(literal.Elts) == 0 {
			return false
		}
		typ, ok := literal.Type.(*ast.Ident)
		return ok && typ.Name == name
	})
}

func (u useCases) containing(match func(node ast.Node) bool) []string {
	var names []string
	for name, function := range u {
		found := false
		ast.Inspect(function.Body, func(node ast.Node) bool {
			found = found || node != nil && match(node)
			return !found
		})
		if found {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// leadingTo finds the exported functions from which calls lead to the name.
func (u useCases) leadingTo(name string) map[string]bool {
	seen, exported := map[string]bool{}, map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		for _, caller := range u.callers(name) {
			if seen[caller] {
				continue
			}
			seen[caller] = true
			if ast.IsExported(caller) {
				exported[caller] = true
			}
			visit(caller)
		}
	}
	visit(name)
	return exported
}
