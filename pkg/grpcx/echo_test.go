package grpcx_test

import (
	"context"
	_ "embed"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"vestibule.dev/pkg/principal"
	_ "vestibule.dev/proto/policy/v1"
)

//go:embed testdata/echo.txtpb
var echoProto []byte

// echoFile is the parsed and registered file, as if it had been generated.
var echoFile = func() protoreflect.FileDescriptor {
	var fd descriptorpb.FileDescriptorProto
	if err := prototext.Unmarshal(echoProto, &fd); err != nil {
		panic(err)
	}
	file, err := protodesc.NewFile(&fd, protoregistry.GlobalFiles)
	if err != nil {
		panic(err)
	}
	if err := protoregistry.GlobalFiles.RegisterFile(file); err != nil {
		panic(err)
	}
	return file
}()

func message(name string) *dynamicpb.Message {
	return dynamicpb.NewMessage(echoFile.Messages().ByName(protoreflect.Name(name)))
}

// request returns an EchoRequest in text form, such as `text: "x"`.
func request(t testing.TB, text string) *dynamicpb.Message {
	t.Helper()
	m := message("EchoRequest")
	if err := prototext.Unmarshal([]byte(text), m); err != nil {
		t.Fatal(err)
	}
	return m
}

// handler answers every method of every echo service.
type handler func(ctx context.Context, method string, text string) (string, error)

// register registers the named echo services, each method answered by h.
func (h handler) register(services ...string) func(grpc.ServiceRegistrar) {
	return func(r grpc.ServiceRegistrar) {
		for _, name := range services {
			sd := echoFile.Services().ByName(protoreflect.Name(name))
			desc := &grpc.ServiceDesc{ServiceName: string(sd.FullName()), HandlerType: (*any)(nil), Metadata: echoFile.Path()}
			for i := range sd.Methods().Len() {
				method := string(sd.Methods().Get(i).Name())
				desc.Methods = append(desc.Methods, grpc.MethodDesc{
					MethodName: method,
					Handler: func(srv any, ctx context.Context, decode func(any) error, chain grpc.UnaryServerInterceptor) (any, error) {
						req := message("EchoRequest")
						if err := decode(req); err != nil {
							return nil, err
						}
						info := &grpc.UnaryServerInfo{Server: srv, FullMethod: "/" + desc.ServiceName + "/" + method}
						return chain(ctx, req, info, func(ctx context.Context, req any) (any, error) {
							in := req.(*dynamicpb.Message)
							text, err := h(ctx, method, in.Get(in.Descriptor().Fields().ByName("text")).String())
							if err != nil {
								return nil, err
							}
							out := message("EchoResponse")
							out.Set(out.Descriptor().Fields().ByName("text"), protoreflect.ValueOfString(text))
							return out, nil
						})
					},
				})
			}
			r.RegisterService(desc, h)
		}
	}
}

// echo answers with the text it was sent.
func echo(_ context.Context, _, text string) (string, error) { return text, nil }

// call calls a method named as in "EchoService/All" and returns the answer's text.
func call(ctx context.Context, conn grpc.ClientConnInterface, method string, req *dynamicpb.Message, opts ...grpc.CallOption) (string, error) {
	res := message("EchoResponse")
	if err := conn.Invoke(ctx, "/grpcxtest.v1."+method, req, res, opts...); err != nil {
		return "", err
	}
	return res.Get(res.Descriptor().Fields().ByName("text")).String(), nil
}

var (
	nobody  = principal.Principal{}
	client  = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessClient}
	member  = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessClient, UserID: "0b4b0d6c-5a53-4b5b-9d5c-0f3f2b0d8a11"}
	backend = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessServer}
	admin   = principal.Principal{ProjectID: "p", BranchID: "main", Access: principal.AccessAdmin}
)
