package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"vestibule.dev/gateway/internal/docs"
)

const (
	eventsPackage protoreflect.FullName = "events.v1"
	envelopeName  protoreflect.FullName = "events.v1.Envelope"
)

// eventsOf lists the events by the file that declares them, which is that of
// the context that publishes them.
func eventsOf(files []protoreflect.FileDescriptor) ([]byte, error) {
	var envelope protoreflect.MessageDescriptor
	var contexts []protoreflect.FileDescriptor
	for _, file := range files {
		if file.Package() != eventsPackage {
			continue
		}
		if md := file.Messages().ByName(envelopeName.Name()); md != nil {
			envelope = md
			continue
		}
		contexts = append(contexts, file)
	}
	if envelope == nil || envelope.Oneofs().Len() != 1 {
		return nil, fmt.Errorf("there is no %s with one payload", envelopeName)
	}
	slices.SortFunc(contexts, func(a, b protoreflect.FileDescriptor) int { return strings.Compare(a.Path(), b.Path()) })
	payloads := map[protoreflect.FullName]protoreflect.FieldDescriptor{}
	payload := envelope.Oneofs().Get(0)
	for i := range payload.Fields().Len() {
		payloads[payload.Fields().Get(i).Message().FullName()] = payload.Fields().Get(i)
	}

	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\n# Events\n\n%s\n\n", generated, wrap(packageComment(envelope.ParentFile())))
	fmt.Fprintf(&b, "## Envelope\n\n%s\n\n", wrap(comment(envelope)))
	table(&b, envelope, func(fd protoreflect.FieldDescriptor) bool { return fd.ContainingOneof() == nil })
	for _, file := range contexts {
		fmt.Fprintf(&b, "\n## %s\n", contextName(file))
		if text := packageComment(file); text != "" {
			fmt.Fprintf(&b, "\n%s\n", wrap(text))
		}
		for i := range file.Messages().Len() {
			md := file.Messages().Get(i)
			fmt.Fprintf(&b, "\n### %s\n\n", md.Name())
			if text := comment(md); text != "" {
				fmt.Fprintf(&b, "%s\n\n", wrap(text))
			}
			if fd := payloads[md.FullName()]; fd != nil {
				fmt.Fprintf(&b, "Payload `%s` (%d).\n\n", fd.Name(), fd.Number())
				delete(payloads, md.FullName())
			}
			table(&b, md, func(protoreflect.FieldDescriptor) bool { return true })
		}
	}
	for name := range payloads {
		return nil, fmt.Errorf("the payload %s is in no file of a context", name)
	}
	return b.Bytes(), nil
}

// contextName is the context whose events a file declares.
func contextName(file protoreflect.FileDescriptor) string {
	path := file.Path()
	return strings.TrimSuffix(path[strings.LastIndexByte(path, '/')+1:], ".proto")
}

// packageComment is the comment above the package clause.
func packageComment(file protoreflect.FileDescriptor) string {
	const packageField = 2 // of google.protobuf.FileDescriptorProto
	location := file.SourceLocations().ByPath(protoreflect.SourcePath{packageField})
	return docs.Comment(location.LeadingComments)
}

func table(b *bytes.Buffer, md protoreflect.MessageDescriptor, include func(protoreflect.FieldDescriptor) bool) {
	b.WriteString("| Field | Type | |\n|---|---|---|\n")
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if !include(fd) {
			continue
		}
		text := strings.ReplaceAll(comment(fd), "\n\n", "<br>")
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", fd.Name(), typeName(fd), escape(text))
	}
}

// escape keeps text from ending a cell or beginning a tag.
func escape(text string) string {
	text = strings.ReplaceAll(text, "|", "\\|")
	return strings.ReplaceAll(strings.ReplaceAll(text, "<", "&lt;"), "&lt;br>", "<br>")
}

func typeName(fd protoreflect.FieldDescriptor) string {
	name := fd.Kind().String()
	if fd.Message() != nil {
		name = string(fd.Message().FullName())
		if fd.Message().FullName().Parent() == eventsPackage {
			name = fmt.Sprintf("[%s](#%s)", fd.Message().Name(), strings.ToLower(string(fd.Message().Name())))
		}
	}
	if fd.IsList() {
		return "repeated " + name
	}
	return name
}

// wrap breaks paragraphs into lines of at most 80 characters.
func wrap(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString("\n\n")
		}
		length := 0
		for j, word := range strings.Fields(paragraph) {
			switch {
			case j == 0:
			case length+1+len(word) > 80:
				b.WriteByte('\n')
				length = 0
			default:
				b.WriteByte(' ')
				length++
			}
			b.WriteString(word)
			length += len(word)
		}
	}
	return b.String()
}
