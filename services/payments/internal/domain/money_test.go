package domain

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMinorUnits(t *testing.T) {
	for _, tt := range []struct {
		currency Currency
		text     string
		want     int64 // −1: refused
	}{
		{USD, "12.5", 1250},
		{USD, "7", 700},
		{USD, "0.29", 29},
		{USD, "19.99", 1999},
		{USD, "0", 0},
		{USD, "50", 5000},
		{"JPY", "300", 300},
		{"JPY", "300.0", -1},
		{USD, "1.005", -1},
		{USD, "01", -1},
		{USD, "00.5", -1},
		{USD, "", -1},
		{USD, ".5", -1},
		{USD, "5.", -1},
		{USD, "-1", -1},
		{USD, "+1", -1},
		{USD, "1e3", -1},
		{USD, "1,5", -1},
		{"XXX", "1", -1},
		{USD, "99999999999999999999", -1},
	} {
		got, err := MinorUnits(tt.currency, tt.text)
		if err != nil {
			got = -1
		}
		if got != tt.want {
			t.Errorf("MinorUnits(%s, %q) = %d, %v; want %d", tt.currency, tt.text, got, err, tt.want)
		}
	}
}

func TestShare(t *testing.T) {
	for _, tt := range []struct {
		units   int64
		percent string
		want    int64 // −1: no percentage
	}{
		{1000, "2.5", 25}, {999, "2.5", 24}, {39, "2.5", 0}, {40, "2.5", 1}, {1999, "0.29", 5}, {1999, "", 0}, {1999, "0", 0},
		{99_999_999, "100", 99_999_999}, {1, "100.01", -1}, {1, "-1", -1}, {1, "2.555", -1}, {1, "2,5", -1}, {1, "1e1", -1},
	} {
		percent, err := ParsePercent(tt.percent)
		if (err != nil) != (tt.want < 0) {
			t.Errorf("ParsePercent(%q): %v", tt.percent, err)
		} else if got := Share(tt.units, percent); err == nil && got != tt.want {
			t.Errorf("%s%% of %d is %d, want %d", tt.percent, tt.units, got, tt.want)
		}
	}
}

func TestParseDecimal(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "12.340": "12.34", "1e3": "1000", "-2.5E-3": "-0.0025", "5000": "5000",
		"": "", "1/2": "", "0x10": "", "1e99999": "", "Inf": "", "1_000": "", ".": "", "1-2": "",
	} {
		got, err := ParseDecimal(text)
		switch {
		case want == "" && err == nil:
			t.Errorf("ParseDecimal(%q) = %s, want an error", text, got)
		case want != "" && (err != nil || got.String() != want):
			t.Errorf("ParseDecimal(%q) = %s, %v; want %s", text, got, err, want)
		}
	}
	price, err := ParseDecimal("12.34")
	if err != nil || price.Mul(Int(3)).String() != "37.02" {
		t.Errorf("12.34 × 3 = %s, %v", price.Mul(Int(3)), err)
	}
}

// Billing periods follow the calendar with overflow, repeats have fixed
// lengths (payments §2, §3.1).
func TestInterval_calendarAndFixedLength(t *testing.T) {
	for _, tt := range []struct {
		from            string
		interval        Interval
		calendar, fixed string
	}{
		{"2025-01-31", Interval{1, "month"}, "2025-03-03", "2025-03-02"},
		{"2024-01-31", Interval{1, "month"}, "2024-03-02", "2024-03-01"},
		{"2024-02-29", Interval{1, "year"}, "2025-03-01", "2025-02-28"},
		{"2025-01-01", Interval{2, "week"}, "2025-01-15", "2025-01-15"},
		{"2025-01-01", Interval{3, "day"}, "2025-01-04", "2025-01-04"},
		{"2025-01-01", Interval{1 << 60, "year"}, "9999-12-31", "9999-12-31"},
	} {
		from := at(t, tt.from)
		if got := tt.interval.After(from).Format(time.DateOnly); got != tt.calendar {
			t.Errorf("%v after %s is %s, want %s", tt.interval, tt.from, got, tt.calendar)
		}
		if got := tt.interval.Times(from, 1).Format(time.DateOnly); got != tt.fixed {
			t.Errorf("the fixed length of %v after %s is %s, want %s", tt.interval, tt.from, got, tt.fixed)
		}
	}
}

// Money and quantities are exact: no package that calculates with them knows a
// floating-point type. Decimal.Float64 hands a number to answers, where JSON
// readers round it anyway.
func TestPackages_calculateWithoutFloats(t *testing.T) {
	banned := map[string]bool{
		"float32": true, "float64": true, "complex64": true, "complex128": true,
		"ParseFloat": true, "FormatFloat": true, "Float": true, "NewFloat": true, "ParseFloat32": true, "SetFloat64": true, "math": true,
	}
	inspect(t, []string{"*.go", "../app/*.go", "../postgres/*.go", "../config/*.go", "../events/*.go", "../clients/*.go", "../stripe/*.go", "../stripe/memory/*.go"},
		func(node ast.Node, complain func(ast.Node, string)) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				return node.Name.Name != "Float64"
			case *ast.Ident:
				if banned[node.Name] {
					complain(node, node.Name)
				}
			case *ast.BasicLit:
				if node.Kind == token.FLOAT {
					complain(node, "the constant "+node.Value)
				}
			}
			return true
		})
}

// Where messages are read and written, whose JSON has no other numbers, they are
// converted, and nothing is calculated with what comes out.
func TestPackages_convertFloatsAtTheEdge(t *testing.T) {
	banned := map[string]bool{"float32": true, "ParseFloat": true, "Float": true, "NewFloat": true, "SetFloat64": true, "math": true}
	// isFloat reports whether an expression is one of those numbers: a
	// conversion or a literal.
	isFloat := func(x ast.Expr) bool {
		switch x := x.(type) {
		case *ast.BasicLit:
			return x.Kind == token.FLOAT
		case *ast.CallExpr:
			switch fun := x.Fun.(type) {
			case *ast.Ident:
				return fun.Name == "float64"
			case *ast.SelectorExpr:
				return fun.Sel.Name == "Float64"
			}
		}
		return false
	}
	inspect(t, []string{"../grpcapi/*.go", "../productpb/*.go"}, func(node ast.Node, complain func(ast.Node, string)) bool {
		switch node := node.(type) {
		case *ast.Ident:
			if banned[node.Name] {
				complain(node, node.Name)
			}
		case *ast.BasicLit:
			if node.Kind == token.FLOAT {
				complain(node, "the constant "+node.Value)
			}
		case *ast.BinaryExpr:
			if isFloat(node.X) || isFloat(node.Y) {
				complain(node, "arithmetic with a conversion")
			}
		case *ast.UnaryExpr:
			if isFloat(node.X) {
				complain(node, "arithmetic with a conversion")
			}
		}
		return true
	})
}

// inspect walks over the packages' files, tests aside.
func inspect(t *testing.T, patterns []string, visit func(node ast.Node, complain func(ast.Node, string)) bool) {
	t.Helper()
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %d files, %v; the walk is broken", pattern, len(paths), err)
		}
		for _, path := range paths {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			complain := func(node ast.Node, what string) {
				t.Errorf("%s: %s has no place where money is counted", files.Position(node.Pos()), what)
			}
			ast.Inspect(file, func(node ast.Node) bool { return visit(node, complain) })
		}
	}
}
