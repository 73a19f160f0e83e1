package transcode

import (
	"bytes"
	"encoding/json"
	"io"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/genproto/googleapis/api/httpbody"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

const (
	contentTypeJSON = "application/json; charset=utf-8"
	contentTypeText = "text/plain; charset=utf-8"
)

// marshaler is the JSON of the contract: proto names, everything present that
// the contract says is present, and white space that does not change from one
// answer to the next.
type marshaler struct {
	runtime.JSONPb
	indent bool
}

func newMarshaler(indent bool) *marshaler {
	return &marshaler{
		JSONPb: runtime.JSONPb{MarshalOptions: protojson.MarshalOptions{UseProtoNames: true, EmitUnpopulated: true}},
		indent: indent,
	}
}

// ContentType returns the type an answer is sent with. A google.api.HttpBody
// brings its own.
func (*marshaler) ContentType(v any) string {
	if body, ok := v.(*httpbody.HttpBody); ok {
		return body.GetContentType()
	}
	return contentTypeJSON
}

// Marshal renders an answer. protojson varies its white space on purpose, so
// it is always laid out again.
func (m *marshaler) Marshal(v any) ([]byte, error) {
	if body, ok := v.(*httpbody.HttpBody); ok {
		return body.GetData(), nil
	}
	msg, ok := v.(proto.Message)
	if !ok {
		return json.Marshal(v)
	}
	spaced, err := m.MarshalOptions.Marshal(msg)
	if err != nil {
		return nil, err
	}
	if spaced, err = orderOf(msg.ProtoReflect().Descriptor()).apply(spaced); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	out.Grow(len(spaced))
	if m.indent {
		err = json.Indent(&out, spaced, "", "  ")
	} else {
		err = json.Compact(&out, spaced)
	}
	return out.Bytes(), err
}

// NewDecoder reads a canonical body: one line that the update mask is made of,
// then the document itself.
func (m *marshaler) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(v any) error {
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		_, document, _ := bytes.Cut(data, []byte{'\n'})
		return m.JSONPb.NewDecoder(bytes.NewReader(document)).Decode(v)
	})
}
