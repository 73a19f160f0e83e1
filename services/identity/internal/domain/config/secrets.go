package config

import "strings"

// secretKeys are the keys whose values are worth something to whoever reads
// them: those that read the store must not.
var secretKeys = [][]string{
	strings.Split("auth.oauth.providers.<provider>.clientSecret", "."),
	strings.Split("emails.server.password", "."),
}

// MapSecrets returns d with every secret replaced by what change makes of it.
// The path is the dotted key of the secret, in whichever way it is written.
func (d Document) MapSecrets(change func(path, secret string) (string, error)) (Document, error) {
	out := withCapacity(d.root.len())
	for _, m := range d.root.all() {
		value, err := mapSecrets(strings.Split(m.key, "."), m.value, change)
		if err != nil {
			return Document{}, err
		}
		out.set(m.key, value)
	}
	return Document{level: d.level, root: out}, nil
}

func mapSecrets(path []string, value any, change func(path, secret string) (string, error)) (any, error) {
	switch value := value.(type) {
	case string:
		if value != "" && leadsToSecret(path, true) {
			return change(join(path), value)
		}
	case *object:
		if !leadsToSecret(path, false) {
			return value, nil
		}
		out := withCapacity(value.len())
		for _, m := range value.all() {
			mapped, err := mapSecrets(append(path[:len(path):len(path)], m.key), m.value, change)
			if err != nil {
				return nil, err
			}
			out.set(m.key, mapped)
		}
		return out, nil
	}
	return value, nil
}

// leadsToSecret reports whether path is the beginning of a secret's key, or all
// of it.
func leadsToSecret(path []string, whole bool) bool {
	for _, key := range secretKeys {
		if len(path) > len(key) || whole && len(path) < len(key) {
			continue
		}
		matches := true
		for i, segment := range path {
			matches = matches && (key[i] == segment || strings.HasPrefix(key[i], "<"))
		}
		if matches {
			return true
		}
	}
	return false
}
