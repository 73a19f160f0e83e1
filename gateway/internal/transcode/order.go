package transcode

import (
	"bytes"
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// order says where in the JSON of a message objects are whose members stand in
// an order that means something. protojson sorts them by name; they are put
// back by the position that each of them carries, which is then left out.
type order struct {
	// fields are those of a message below which there is such an object.
	fields map[string]*order
	// elements is the order within those of a list or dictionary.
	elements *order
	// position is the name of the field that a dictionary is ordered by; empty
	// for most.
	position string
}

// orders are known by message type; nil for the many without any.
var orders sync.Map

func orderOf(md protoreflect.MessageDescriptor) *order {
	if known, ok := orders.Load(md.FullName()); ok {
		return known.(*order)
	}
	found := findOrder(md, map[protoreflect.FullName]bool{})
	orders.Store(md.FullName(), found)
	return found
}

// findOrder looks into a message, but not into one that is part of itself.
func findOrder(md protoreflect.MessageDescriptor, within map[protoreflect.FullName]bool) *order {
	if within[md.FullName()] {
		return nil
	}
	within[md.FullName()] = true
	defer delete(within, md.FullName())
	fields := map[string]*order{}
	for fd := range fieldsOf(md) {
		item := fd
		if fd.IsMap() {
			item = fd.MapValue()
		}
		if item.Message() == nil {
			continue
		}
		found := findOrder(item.Message(), within)
		if fd.IsMap() || fd.IsList() {
			position := ""
			if fd.IsMap() {
				position = positionOf(item.Message())
			}
			if found == nil && position == "" {
				continue
			}
			found = &order{elements: found, position: position}
		}
		if found != nil {
			fields[string(fd.Name())] = found
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return &order{fields: fields}
}

func positionOf(md protoreflect.MessageDescriptor) string {
	for fd := range fieldsOf(md) {
		if policyv1FieldOf(fd).GetPosition() {
			return string(fd.Name())
		}
	}
	return ""
}

// entry is a member of an object in an answer.
type entry struct {
	name  string
	value json.RawMessage
}

// apply orders a JSON value.
func (o *order) apply(value json.RawMessage) (json.RawMessage, error) {
	if o == nil {
		return value, nil
	}
	switch value[0] {
	case '[':
		var items []json.RawMessage
		if err := json.Unmarshal(value, &items); err != nil {
			return nil, err
		}
		out := []byte{'['}
		for i := range items {
			item, err := o.elements.apply(items[i])
			if err != nil {
				return nil, err
			}
			if i > 0 {
				out = append(out, ',')
			}
			out = append(out, item...)
		}
		return append(out, ']'), nil
	case '{':
		entries, err := entriesOf(value)
		if err != nil {
			return nil, err
		}
		for i := range entries {
			inner := o.elements
			if o.fields != nil {
				inner = o.fields[entries[i].name]
			}
			if entries[i].value, err = inner.apply(entries[i].value); err != nil {
				return nil, err
			}
		}
		if o.position != "" {
			if err := o.sort(entries); err != nil {
				return nil, err
			}
		}
		return joined(entries), nil
	}
	return value, nil // null
}

// sort puts the members where they stand and takes that out of them. Those that
// do not say come last.
func (o *order) sort(entries []entry) error {
	positions := make(map[string]int, len(entries))
	for i := range entries {
		positions[entries[i].name] = math.MaxInt
		inner, err := entriesOf(entries[i].value)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(inner, func(e entry) bool { return e.name == o.position })
		if at < 0 {
			continue
		}
		if positions[entries[i].name], err = strconv.Atoi(string(inner[at].value)); err != nil {
			return err
		}
		entries[i].value = joined(slices.Delete(inner, at, at+1))
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Compare(positions[a.name], positions[b.name]) })
	return nil
}

func entriesOf(object json.RawMessage) (entries []entry, err error) {
	decoder := json.NewDecoder(bytes.NewReader(object))
	if _, err := decoder.Token(); err != nil {
		return nil, err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		m := entry{name: name.(string)}
		if err := decoder.Decode(&m.value); err != nil {
			return nil, err
		}
		entries = append(entries, m)
	}
	return entries, nil
}

func joined(entries []entry) json.RawMessage {
	out := []byte{'{'}
	for i, m := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(appendQuoted(out, m.name), ':'), m.value...)
	}
	return append(out, '}')
}
