package pbjson

import (
	"testing"

	"google.golang.org/protobuf/types/known/structpb"
)

func TestValue_storedJSON_survives(t *testing.T) {
	for _, text := range []string{`true`, `0`, `"a\u0000b"`, `[1,null,{"a":[]}]`, `{"k":{"n":1.5}}`, `""`} {
		value, err := Value([]byte(text))
		if err != nil {
			t.Fatalf("Value(%s): %v", text, err)
		}
		got, err := Text(value)
		if err != nil || string(got) != text {
			t.Errorf("Text(Value(%s)) = %s, %v", text, got, err)
		}
	}
}

func TestText_null_isNil(t *testing.T) {
	for _, value := range []*structpb.Value{nil, structpb.NewNullValue()} {
		if got, err := Text(value); got != nil || err != nil {
			t.Errorf("Text(%v) = %s, %v; want nil", value, got, err)
		}
	}
}

func TestValue_nothingStored_isNull(t *testing.T) {
	value, err := Value(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := value.GetKind().(*structpb.Value_NullValue); !ok {
		t.Errorf("Value(nil) = %v, want null", value)
	}
}

func TestStruct_keepsProtoNamesAndUnpopulatedFields(t *testing.T) {
	object, err := Struct(&structpb.Struct{Fields: map[string]*structpb.Value{"a_b": structpb.NewNullValue()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := object.GetFields()["a_b"]; !ok {
		t.Errorf("Struct lost a null field: %v", object)
	}
}
