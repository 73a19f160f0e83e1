package patch_test

import (
	"strconv"
	"testing"

	"vestibule.dev/pkg/patch"
)

func TestField_threeStates_answerDifferently(t *testing.T) {
	current, seven := 5, 7
	for _, tc := range []struct {
		name          string
		field         patch.Field[int]
		isSet, isNull bool
		get           int
		hasValue      bool
		or            int
		orPointer     *int
	}{
		{"absent", patch.Field[int]{}, false, false, 0, false, 5, &current},
		{"null", patch.Null[int](), true, true, 0, false, 0, nil},
		{"value", patch.Value(7), true, false, 7, true, 7, &seven},
		{"zero value", patch.Value(0), true, false, 0, true, 0, new(int)},
		{"nil pointer", patch.FromPointer[int](nil), true, true, 0, false, 0, nil},
		{"pointer", patch.FromPointer(&seven), true, false, 7, true, 7, &seven},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := tc.field
			if f.IsSet() != tc.isSet || f.IsNull() != tc.isNull {
				t.Errorf("set %v null %v", f.IsSet(), f.IsNull())
			}
			if v, ok := f.Get(); v != tc.get || ok != tc.hasValue {
				t.Errorf("Get: %v %v", v, ok)
			}
			if got := f.Or(current); got != tc.or {
				t.Errorf("Or: %v, want %v", got, tc.or)
			}
			got := f.OrPointer(&current)
			if (got == nil) != (tc.orPointer == nil) || got != nil && *got != *tc.orPointer {
				t.Errorf("OrPointer: %v, want %v", got, tc.orPointer)
			}
			m := patch.Map(f, strconv.Itoa)
			if m.IsSet() != tc.isSet || m.IsNull() != tc.isNull {
				t.Errorf("Map changes the state: %+v", m)
			}
			if v, ok := m.Get(); ok && v != strconv.Itoa(tc.get) {
				t.Errorf("Map: %q", v)
			}
		})
	}
}

func TestFromPointer_laterChange_isNotSeen(t *testing.T) {
	v := 1
	f := patch.FromPointer(&v)
	v = 2
	if got, _ := f.Get(); got != 1 {
		t.Errorf("the field follows the pointer: %v", got)
	}
}
