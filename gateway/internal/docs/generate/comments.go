package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	// What the protos import from others comes from the code linked here.
	_ "buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	_ "google.golang.org/genproto/googleapis/api/httpbody"
	_ "google.golang.org/protobuf/types/known/emptypb"
	_ "google.golang.org/protobuf/types/known/fieldmaskpb"
	_ "google.golang.org/protobuf/types/known/structpb"
	_ "google.golang.org/protobuf/types/known/timestamppb"
	_ "google.golang.org/protobuf/types/known/wrapperspb"

	"vestibule.dev/gateway/internal/docs"
)

// protoRoot is where the protos are, from the root of the repository.
const protoRoot = "proto"

// compile parses all protos of the repository, with their comments.
func compile(root fs.FS) ([]protoreflect.FileDescriptor, error) {
	protos, err := fs.Sub(root, protoRoot)
	if err != nil {
		return nil, err
	}
	var names []string
	err = fs.WalkDir(protos, ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".proto") {
			names = append(names, path)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	compiler := protocompile.Compiler{
		SourceInfoMode: protocompile.SourceInfoStandard,
		Resolver: protocompile.CompositeResolver{
			&protocompile.SourceResolver{Accessor: func(path string) (io.ReadCloser, error) { return protos.Open(path) }},
			protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
				fd, err := protoregistry.GlobalFiles.FindFileByPath(path)
				return protocompile.SearchResult{Desc: fd}, err
			}),
		},
	}
	compiled, err := compiler.Compile(context.Background(), names...)
	if err != nil {
		return nil, err
	}
	files := make([]protoreflect.FileDescriptor, 0, len(compiled))
	for _, f := range compiled {
		files = append(files, f)
	}
	return files, nil
}

// comment is the leading comment of an element as markdown.
func comment(d protoreflect.Descriptor) string {
	return docs.Comment(d.ParentFile().SourceLocations().ByDescriptor(d).LeadingComments)
}

// commentsOf returns the comments of everything that the description of the
// API can show: services with HTTP rules and the messages they exchange.
func commentsOf(files []protoreflect.FileDescriptor) ([]byte, error) {
	texts := map[protoreflect.FullName]string{}
	note := func(d protoreflect.Descriptor) {
		if text := comment(d); text != "" {
			texts[d.FullName()] = text
		}
	}
	seen := map[protoreflect.FullName]bool{}
	var message func(md protoreflect.MessageDescriptor)
	message = func(md protoreflect.MessageDescriptor) {
		if seen[md.FullName()] || strings.HasPrefix(string(md.FullName()), "google.") {
			return
		}
		seen[md.FullName()] = true
		note(md)
		for i := range md.Fields().Len() {
			fd := md.Fields().Get(i)
			note(fd)
			if fd.Message() != nil {
				message(fd.Message())
			}
		}
	}
	for _, file := range files {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				if !hasRoute(method) {
					continue
				}
				note(service)
				note(method)
				message(method.Input())
				message(method.Output())
			}
		}
	}
	if len(texts) == 0 {
		return nil, fmt.Errorf("no comments found")
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(texts); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// hasRoute reports whether a method has an HTTP rule. Options of compiled files
// are dynamic, so the extension is looked up by its number.
func hasRoute(method protoreflect.MethodDescriptor) bool {
	found := false
	proto.RangeExtensions(method.Options(), func(t protoreflect.ExtensionType, _ any) bool {
		found = t.TypeDescriptor().FullName() == annotations.E_Http.TypeDescriptor().FullName()
		return !found
	})
	return found
}
