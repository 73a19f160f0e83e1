package docs

import (
	"fmt"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	policyv1 "vestibule.dev/proto/policy/v1"
)

// formats are the named string rules of the API contract.
var formats = map[protoreflect.FullName]func(*schema){
	policyv1.E_UuidV1To5.TypeDescriptor().FullName(): func(s *schema) {
		s.Format, s.Examples = "uuid", []any{"3241a285-8329-4d69-8f3d-316e08cf140c"}
	},
	policyv1.E_LenientEmail.TypeDescriptor().FullName(): func(s *schema) {
		s.Format, s.Examples = "email", []any{"ada@example.com"}
	},
	policyv1.E_StrictEmail.TypeDescriptor().FullName(): func(s *schema) {
		s.Format, s.MaxLength, s.Examples = "email", new(int64(256)), []any{"ada@example.com"}
	},
	policyv1.E_Url.TypeDescriptor().FullName(): func(s *schema) {
		s.Format, s.Examples = "uri", []any{"http://localhost:3000/handler"}
	},
	policyv1.E_OneTimeCode.TypeDescriptor().FullName(): func(s *schema) {
		s.MinLength, s.MaxLength = new(int64(45)), new(int64(45))
		s.Examples = []any{"0123456789abcdefghjkmnpqrstvwxyz0123456789abc"}
	},
	policyv1.E_Base64.TypeDescriptor().FullName(): func(s *schema) {
		s.ContentEncoding, s.Examples = "base64", []any{"AAECAwQFBgcICQoLDA0ODxAREhM="}
	},
	policyv1.E_CountryCode.TypeDescriptor().FullName(): func(s *schema) {
		s.Pattern, s.Examples = `^\s*[a-zA-Z]{2}\s*$`, []any{"NL"}
	},
	policyv1.E_PermissionId.TypeDescriptor().FullName(): func(s *schema) {
		s.Pattern, s.Examples = `^\$?[a-z0-9_:]+$`, []any{"team_member"}
	},
}

// constrain adds the validation rules of a field to its schema. It fails on a
// rule it has no words for, so that none is left out silently.
func constrain(s *schema, fd protoreflect.FieldDescriptor) error {
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
	if err := constrainBy(s, rules); err != nil {
		return fmt.Errorf("docs: %s: %w", fd.FullName(), err)
	}
	return nil
}

func constrainBy(s *schema, rules *validate.FieldRules) error {
	if rules == nil {
		return nil
	}
	for _, rule := range rules.GetCel() {
		s.Description = paragraphs(s.Description, sentence(rule.GetMessage()))
	}
	m := rules.ProtoReflect()
	typed := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return nil
	}
	var err error
	m.Get(typed).Message().Range(func(rule protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		err = constrainOne(s, rule, v)
		return err == nil
	})
	return err
}

func constrainOne(s *schema, rule protoreflect.FieldDescriptor, v protoreflect.Value) error {
	if format, ok := formats[rule.FullName()]; ok {
		format(s)
		return nil
	}
	switch rule.Name() {
	case "const":
		s.Const = v.Interface()
	case "in":
		for i := range v.List().Len() {
			s.Enum = append(s.Enum, v.List().Get(i).Interface())
		}
	case "len":
		s.MinLength, s.MaxLength = count(v), count(v)
	case "min_len", "min_bytes":
		s.MinLength = count(v)
	case "max_len", "max_bytes":
		s.MaxLength = count(v)
	case "pattern":
		s.Pattern = v.String()
	case "gte":
		s.Minimum = number(v)
	case "lte":
		s.Maximum = number(v)
	case "gt":
		s.ExclusiveMinimum = number(v)
	case "lt":
		s.ExclusiveMaximum = number(v)
	case "finite": // JSON has no other numbers
	case "min_items":
		s.MinItems = count(v)
	case "max_items":
		s.MaxItems = count(v)
	case "unique":
		s.UniqueItems = v.Bool()
	case "min_pairs":
		s.MinProperties = count(v)
	case "max_pairs":
		s.MaxProperties = count(v)
	case "items":
		return constrainBy(s.Items, v.Message().Interface().(*validate.FieldRules))
	case "keys":
		s.PropertyNames = &schema{}
		return constrainBy(s.PropertyNames, v.Message().Interface().(*validate.FieldRules))
	case "values":
		values, ok := s.AdditionalProperties.(*schema)
		if !ok {
			return fmt.Errorf("rule %s on something that is no map", rule.FullName())
		}
		return constrainBy(values, v.Message().Interface().(*validate.FieldRules))
	default:
		return fmt.Errorf("there are no words for the rule %s", rule.FullName())
	}
	return nil
}

func count(v protoreflect.Value) *int64 { return new(int64(v.Uint())) }

func number(v protoreflect.Value) *float64 {
	switch n := v.Interface().(type) {
	case float64:
		return &n
	case float32:
		return new(float64(n))
	case int32:
		return new(float64(n))
	case int64:
		return new(float64(n))
	case uint32:
		return new(float64(n))
	case uint64:
		return new(float64(n))
	}
	return nil
}

// messageRules are the sentences of the rules that concern several fields.
func messageRules(md protoreflect.MessageDescriptor) []string {
	rules, _ := proto.GetExtension(md.Options(), validate.E_Message).(*validate.MessageRules)
	var sentences []string
	for _, rule := range rules.GetCel() {
		sentences = append(sentences, sentence(rule.GetMessage()))
	}
	return sentences
}

// mustBeSet reports whether a message field always holds a message.
func mustBeSet(fd protoreflect.FieldDescriptor) bool {
	rules, _ := proto.GetExtension(fd.Options(), validate.E_Field).(*validate.FieldRules)
	return rules.GetRequired()
}
