package check

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")}, cli.WithWorkingDirectory(root))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return project
}

// ours are the services that run an image of ours, by name.
func ours(project *types.Project) map[string]types.ServiceConfig {
	found := map[string]types.ServiceConfig{}
	for name, service := range project.Services {
		if strings.HasPrefix(service.Image, "vestibule/") {
			found[name] = service
		}
	}
	return found
}

func TestCompose_services_areAll(t *testing.T) {
	project := loadCompose(t)
	want := append([]string{"postgres", "nats", "mailbox", "seed"}, processes...)
	for _, service := range services {
		want = append(want, "migrate-"+service)
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(project.ServiceNames())); !slices.Equal(got, want) {
		t.Errorf("services are %v, want %v", got, want)
	}
}

func TestCompose_environment_isThatOfTheCode(t *testing.T) {
	project := loadCompose(t)
	for name, service := range ours(project) {
		process := strings.TrimPrefix(service.Image, "vestibule/")
		read := variables(t, process)
		given := map[string]bool{}
		for variable, value := range service.Environment {
			given[strings.TrimSuffix(variable, "_FILE")] = true
			if !known(read, variable) {
				t.Errorf("%s: %s does not read %s", name, process, variable)
			}
			if strings.HasSuffix(variable, "_FILE") && !mountsSecret(service, *value) {
				t.Errorf("%s: no secret is mounted at %s", name, *value)
			}
		}
		for variable, required := range read {
			if required && !given[variable] && len(service.Command) == 0 && variable != "IDENTITY_SEED" && !strings.HasSuffix(variable, "_CREDENTIAL_KEY") {
				t.Errorf("%s needs %s", name, variable)
			}
		}
	}
}

func mountsSecret(service types.ServiceConfig, path string) bool {
	return slices.ContainsFunc(service.Secrets, func(s types.ServiceSecretConfig) bool {
		target := s.Target
		if target == "" {
			target = "/run/secrets/" + s.Source
		}
		return target == path
	})
}

func TestCompose_addresses_leadToServedPorts(t *testing.T) {
	project := loadCompose(t)
	served := map[string]string{"nats": "4222", "postgres": "5432", "mailbox": "1025"}
	for name, service := range ours(project) {
		for variable, value := range service.Environment {
			if strings.HasSuffix(variable, "_GRPC_ADDR") {
				_, served[name], _ = strings.Cut(*value, ":")
				if !slices.Contains(service.Expose, served[name]) {
					t.Errorf("%s serves %s and does not expose it", name, *value)
				}
			}
		}
	}
	upstream := regexp.MustCompile(`^(?:nats://|smtp://)?([a-z]+):(\d+)$`)
	for name, service := range ours(project) {
		for variable, value := range service.Environment {
			match := upstream.FindStringSubmatch(*value)
			if match == nil || strings.HasSuffix(variable, "PUBLIC_URL") {
				continue
			}
			if served[match[1]] != match[2] {
				t.Errorf("%s: %s=%s leads nowhere", name, variable, *value)
			}
		}
	}
	gateway := project.Services["gateway"]
	_, port, _ := strings.Cut(*gateway.Environment["GATEWAY_HTTP_ADDR"], ":")
	if len(gateway.Ports) != 1 || gateway.Ports[0].HostIP != "127.0.0.1" || port != "8080" || gateway.Ports[0].Target != 8080 ||
		!strings.HasSuffix(*gateway.Environment["GATEWAY_PUBLIC_URL"], ":"+gateway.Ports[0].Published) {
		t.Errorf("the gateway listens at %s, is published as %+v and calls itself %s", port, gateway.Ports, *gateway.Environment["GATEWAY_PUBLIC_URL"])
	}
}

// Commands that images are run with, and the sources that know them.
func TestCompose_commands_areKnown(t *testing.T) {
	for name, service := range ours(loadCompose(t)) {
		commands := []string{"serve"} // of the image
		if len(service.Command) > 0 {
			commands = service.Command[:1]
		}
		if check := service.HealthCheck; check != nil {
			if len(check.Test) != 3 || check.Test[0] != "CMD" || check.Test[1] != "/service" {
				t.Errorf("%s is checked by %v, which its image does not have", name, check.Test)
				continue
			}
			commands = append(commands, check.Test[2])
		} else if len(service.Command) == 0 {
			t.Errorf("%s has no health check", name)
		}
		source := "pkg/service/main.go"
		if name == "gateway" {
			source = "gateway/cmd/gateway/main.go"
		}
		for _, command := range commands {
			if !says(t, source, `"`+command+`"`) && !says(t, "services/identity/identity.go", `"`+command+`"`) {
				t.Errorf("%s runs %q, which %s does not know", name, command, source)
			}
		}
	}
}

func says(t *testing.T, path, text string) bool {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(content), text)
}

// Databases are migrated before they are used, and everybody waits for what
// they cannot do without.
func TestCompose_dependencies_areOrdered(t *testing.T) {
	project := loadCompose(t)
	waits := func(name, on, condition string) {
		t.Helper()
		if got := project.Services[name].DependsOn[on].Condition; got != condition {
			t.Errorf("%s waits for %s until %q, want %q", name, on, got, condition)
		}
	}
	for _, service := range services {
		waits("migrate-"+service, "postgres", types.ServiceConditionHealthy)
		waits(service, "migrate-"+service, types.ServiceConditionCompletedSuccessfully)
		waits("gateway", service, types.ServiceConditionHealthy)
	}
	waits("seed", "migrate-identity", types.ServiceConditionCompletedSuccessfully)
	waits("gateway", "seed", types.ServiceConditionCompletedSuccessfully)
}

func TestCompose_containers_areConfined(t *testing.T) {
	for name, service := range ours(loadCompose(t)) {
		if !service.ReadOnly || !slices.Contains(service.CapDrop, "ALL") || service.Privileged || service.User == "root" {
			t.Errorf("%s may write or has capabilities", name)
		}
		if len(service.Command) == 0 && (service.StopGracePeriod == nil || service.StopGracePeriod.String() < "35s") {
			t.Errorf("%s has too little time to drain", name)
		}
	}
}

// What the script writes is what the file mounts.
func TestCompose_secrets_areGenerated(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(root, "deploy", "docker", "secrets.sh")
	for range 2 { // the second run changes nothing
		if output, err := exec.Command("sh", script, dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
	}
	generated := map[string]bool{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if info, err := entry.Info(); err != nil || info.Size() == 0 {
			t.Errorf("%s is empty: %v", entry.Name(), err)
		}
		generated[entry.Name()] = true
	}
	project := loadCompose(t)
	for name, secret := range project.Secrets {
		if filepath.Base(secret.File) != name || filepath.Base(filepath.Dir(secret.File)) != ".secrets" || !generated[name] {
			t.Errorf("the secret %s is %s, which nobody generates", name, secret.File)
		}
		delete(generated, name)
	}
	delete(generated, "credential_key") // for whoever issues credentials
	for name := range generated {
		t.Errorf("nobody uses %s", name)
	}
}

// The Dockerfile copies what the build of every process needs and no more than
// what is there.
func TestDockerfile_copies_areThere(t *testing.T) {
	content, err := os.ReadFile(filepath.Join(root, "deploy", "docker", "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(content)
	copies := regexp.MustCompile(`(?m)^COPY (?:--from=build )?(.+) \S+$`)
	copied := map[string]bool{}
	for _, match := range copies.FindAllStringSubmatch(text, -1) {
		for _, source := range strings.Fields(match[1]) {
			copied[source] = true
			if _, err := os.Stat(filepath.Join(root, source)); err != nil && !strings.HasPrefix(source, "/") {
				t.Errorf("%s is copied and not there", source)
			}
		}
	}
	for _, module := range []string{"proto", "pkg", "gateway", "services/identity", "services/sessions", "services/teams", "services/notifications", "services/payments"} {
		if !copied[module+"/go.mod"] || !copied[module+"/go.sum"] {
			t.Errorf("the module files of %s are not copied first", module)
		}
		replaced := regexp.MustCompile(`(?m)^replace \S+ => (\.\./\S+)$`)
		mod, err := os.ReadFile(filepath.Join(root, module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range replaced.FindAllStringSubmatch(string(mod), -1) {
			sibling := filepath.ToSlash(filepath.Join(module, match[1]))
			top, _, _ := strings.Cut(sibling, "/")
			if !copied[top] {
				t.Errorf("%s needs %s, which is not copied", module, sibling)
			}
		}
	}
	for _, want := range []string{"USER 65532:65532", `ENTRYPOINT ["/service"]`, `CMD ["serve"]`, "deploy/docker/build.sh", "nonroot"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
}
