package grpcapi

import (
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/pkg/ids"
	"vestibule.dev/pkg/projectconfig"
)

const isoMillis = "2006-01-02T15:04:05.000Z"

// themeChoice reads a theme: a UUID, false for none, or null for the project's
// (notifications.md §4.4). It is nil when nothing was given.
func themeChoice(value *structpb.Value) (*projectconfig.ThemeChoice, error) {
	switch kind := value.GetKind().(type) {
	case nil:
		return nil, nil
	case *structpb.Value_NullValue:
		return &projectconfig.ThemeChoice{}, nil
	case *structpb.Value_BoolValue:
		if !kind.BoolValue {
			return &projectconfig.ThemeChoice{None: true}, nil
		}
	case *structpb.Value_StringValue:
		if ids.ValidUUID(kind.StringValue) {
			return &projectconfig.ThemeChoice{ID: kind.StringValue}, nil
		}
	}
	return nil, apierr.SchemaError("theme_id is invalid")
}

// chosen is what a choice means where nothing given is the project's theme.
func chosen(choice *projectconfig.ThemeChoice) projectconfig.ThemeChoice {
	if choice == nil {
		return projectconfig.ThemeChoice{}
	}
	return *choice
}

// themeMessage shows a choice; nil is left out.
func themeMessage(choice projectconfig.ThemeChoice) *structpb.Value {
	switch {
	case choice.None:
		return structpb.NewBoolValue(false)
	case choice.ID != "":
		return structpb.NewStringValue(choice.ID)
	}
	return nil
}

// moment reads Unix milliseconds; what lies before the epoch is the epoch.
func moment(millis *float64) *time.Time {
	if millis == nil {
		return nil
	}
	at := time.UnixMilli(int64(max(*millis, 0))).UTC()
	return &at
}

func millis(at time.Time) float64 { return float64(at.UnixMilli()) }

// maybeMillis is nil for a time that has not come.
func maybeMillis(at *time.Time) *float64 {
	if at == nil {
		return nil
	}
	return new(millis(*at))
}

func millisOrNull(at *time.Time) *wrapperspb.DoubleValue {
	if at == nil {
		return nil
	}
	return wrapperspb.Double(millis(*at))
}

func textOrNull(text string) *wrapperspb.StringValue {
	if text == "" {
		return nil
	}
	return wrapperspb.String(text)
}
