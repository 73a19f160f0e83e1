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
	checked := 0
	for _, pattern := range []string{"*.go", "../app/*.go", "../postgres/*.go"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
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
			checked++
			ast.Inspect(file, func(node ast.Node) bool {
				switch node := node.(type) {
				case *ast.FuncDecl:
					return node.Name.Name != "Float64"
				case *ast.Ident:
					if banned[node.Name] {
						t.Errorf("%s: %s has no place where money is counted", files.Position(node.Pos()), node.Name)
					}
				case *ast.BasicLit:
					if node.Kind == token.FLOAT {
						t.Errorf("%s: the constant %s is no exact number", files.Position(node.Pos()), node.Value)
					}
				}
				return true
			})
		}
	}
	if checked < 8 {
		t.Fatalf("checked %d files; the walk is broken", checked)
	}
}
