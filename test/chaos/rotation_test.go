package chaos

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

// The keys that processes share are replaced as docs/operations.md says, one
// roll-out per step, and no request fails: at every moment some replicas have the
// keys of one step and others those of the next.
func TestRotation_ofSharedKeys_losesNoRequest(t *testing.T) {
	ctx, cancel := bounded(t)
	defer cancel()
	if err := system.Reload(); err != nil {
		t.Fatal(err)
	}
	f, err := newFleet(system, "", 2)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.end(t) })
	service := f.replicas[0]
	oldService, oldPrincipal := service.value("SERVICE_KEY"), service.value("PRINCIPAL_PUBLIC_KEYS")
	if oldService == "" || oldPrincipal == "" {
		t.Fatalf("%s has no keys", service.process)
	}
	if err := f.start(ctx); err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString
	newService, newPrincipal, principalKey := rand.Text()+rand.Text(), text(public), text(private.Seed())

	load, stop, err := f.traffic(ctx, rollingPace)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	began := time.Now()
	for step, variables := range []map[string]string{
		// Everybody knows both,
		{"SERVICE_KEY": oldService + "," + newService, "PRINCIPAL_PUBLIC_KEYS": oldPrincipal + "," + newPrincipal},
		// then the new one signs,
		{"SERVICE_KEY": newService + "," + oldService, "PRINCIPAL_KEY": principalKey},
		// then the old one is forgotten.
		{"SERVICE_KEY": newService, "PRINCIPAL_PUBLIC_KEYS": newPrincipal},
	} {
		for _, r := range f.replicas {
			r.set(variables)
			if err := f.replace(ctx, r, load); err != nil {
				t.Fatalf("step %d: %v", step+1, err)
			}
		}
	}
	took := time.Since(began)
	stop()
	for _, fault := range load.faults {
		t.Error(fault)
	}
	t.Logf("both keys replaced in %v under %v", took.Round(time.Millisecond), load)
}

// value is what the process has under a name without its prefix, or "".
func (r *replica) value(name string) string {
	for _, variable := range r.environ {
		if value, ok := strings.CutPrefix(variable, strings.ToUpper(r.process)+"_"+name+"="); ok {
			return value
		}
	}
	return ""
}

// set gives the process other values of the variables it has, from its next
// start on. Names lack their prefix.
func (r *replica) set(variables map[string]string) {
	for i, variable := range r.environ {
		name, _, _ := strings.Cut(variable, "=")
		if value, ok := variables[strings.TrimPrefix(name, strings.ToUpper(r.process)+"_")]; ok {
			r.environ[i] = name + "=" + value
		}
	}
}
