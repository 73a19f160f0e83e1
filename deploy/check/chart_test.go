package check

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"
)

const release, namespace = "prod", "vestibule"

// kinds makes the typed object of each kind that the chart may render.
var kinds = map[string]func() metav1.Object{
	"apps/v1/Deployment":                      func() metav1.Object { return &appsv1.Deployment{} },
	"autoscaling/v2/HorizontalPodAutoscaler":  func() metav1.Object { return &autoscalingv2.HorizontalPodAutoscaler{} },
	"batch/v1/Job":                            func() metav1.Object { return &batchv1.Job{} },
	"monitoring.coreos.com/v1/PrometheusRule": func() metav1.Object { return &monitoringv1.PrometheusRule{} },
	"monitoring.coreos.com/v1/ServiceMonitor": func() metav1.Object { return &monitoringv1.ServiceMonitor{} },
	"networking.k8s.io/v1/Ingress":            func() metav1.Object { return &networkingv1.Ingress{} },
	"networking.k8s.io/v1/NetworkPolicy":      func() metav1.Object { return &networkingv1.NetworkPolicy{} },
	"policy/v1/PodDisruptionBudget":           func() metav1.Object { return &policyv1.PodDisruptionBudget{} },
	"v1/ConfigMap":                            func() metav1.Object { return &corev1.ConfigMap{} },
	"v1/Service":                              func() metav1.Object { return &corev1.Service{} },
	"v1/ServiceAccount":                       func() metav1.Object { return &corev1.ServiceAccount{} },
}

func load(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.LoadDir(filepath.Join(root, "deploy", "helm"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// set makes values of a dotted path.
func set(path string, value any) map[string]any {
	name, rest, nested := strings.Cut(path, ".")
	if !nested {
		return map[string]any{name: value}
	}
	return map[string]any{name: set(rest, value)}
}

// render returns all objects of the chart with these changes to its values. An
// object with a field that its kind does not have is a failure.
func render(t *testing.T, changes ...map[string]any) []metav1.Object {
	t.Helper()
	objects, err := tryRender(t, changes...)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func tryRender(t *testing.T, changes ...map[string]any) ([]metav1.Object, error) {
	t.Helper()
	c := load(t)
	values := map[string]any{}
	for _, change := range changes {
		values = chartutil.CoalesceTables(change, values)
	}
	capabilities := chartutil.DefaultCapabilities.Copy()
	capabilities.KubeVersion = chartutil.KubeVersion{Version: "v1.34.0", Major: "1", Minor: "34"}
	all, err := chartutil.ToRenderValues(c, values, chartutil.ReleaseOptions{Name: release, Namespace: namespace, IsInstall: true}, capabilities)
	if err != nil {
		return nil, err
	}
	files, err := engine.Engine{Strict: true}.Render(c, all)
	if err != nil {
		return nil, err
	}
	var objects []metav1.Object
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".txt") {
			continue
		}
		for i, text := range strings.Split("\n"+files[name], "\n---") {
			if strings.TrimSpace(text) == "" {
				continue
			}
			object, err := decode(text)
			if err != nil {
				return nil, fmt.Errorf("%s, object %d: %w\n%s", name, i, err, text)
			}
			objects = append(objects, object)
		}
	}
	return objects, nil
}

func decode(text string) (metav1.Object, error) {
	var kind metav1.TypeMeta
	if err := yaml.Unmarshal([]byte(text), &kind); err != nil {
		return nil, err
	}
	newObject := kinds[kind.APIVersion+"/"+kind.Kind]
	if newObject == nil {
		return nil, fmt.Errorf("unexpected %s %s", kind.APIVersion, kind.Kind)
	}
	object := newObject()
	return object, yaml.UnmarshalStrict([]byte(text), object)
}

// of picks the objects of one kind by name.
func of[T metav1.Object](objects []metav1.Object) map[string]T {
	found := map[string]T{}
	for _, object := range objects {
		if typed, ok := object.(T); ok {
			found[object.GetName()] = typed
		}
	}
	return found
}

var variants = map[string][]map[string]any{
	"as it comes": nil,
	"with everything on": {
		set("tls.enabled", true), set("tls.backends", map[string]any{"billing": "payments:server:* identity:read:*"}),
		set("tls.callers", map[string]any{"gateway": "spiffe://example.org/ns/edge/sa/gateway"}),
		set("ingress", map[string]any{"enabled": true, "className": "nginx", "host": "api.example.com", "tlsSecret": "tls", "annotations": map[string]any{"a": "b"}}),
		set("secrets.seed", "vestibule-seed"), set("secrets.rewrap", true), set("otlpEndpoint", "http://collector:4317"), set("priorityClassName", "high"),
		set("image.pullSecrets", []any{map[string]any{"name": "registry"}}), set("podAnnotations", map[string]any{"a": "b"}),
		set("nodeSelector", map[string]any{"pool": "a"}), set("tolerations", []any{map[string]any{"key": "a", "operator": "Exists"}}),
		set("networkPolicy.backendsFrom", []any{map[string]any{"namespaceSelector": map[string]any{"matchLabels": map[string]any{"team": "billing"}}}}),
		set("networkPolicy.gatewayFrom", []any{map[string]any{"ipBlock": map[string]any{"cidr": "10.0.0.0/8"}}}),
		set("postgres.to", []any{map[string]any{"ipBlock": map[string]any{"cidr": "10.1.0.0/16"}}}),
		set("nats.to", []any{map[string]any{"ipBlock": map[string]any{"cidr": "10.2.0.0/16"}}}),
		set("monitoring.labels", map[string]any{"release": "prometheus"}),
		set("services.identity.env", map[string]any{"LOG_TEXT": "true"}),
	},
	"with little": {
		set("monitoring", map[string]any{"serviceMonitor": false, "prometheusRule": false, "dashboards": false}),
		set("networkPolicy.enabled", false), set("gateway.autoscaling.enabled", false), set("services.identity.autoscaling.enabled", false),
	},
}

func TestChart_objects_areOfTheirKinds(t *testing.T) {
	for name, changes := range variants {
		t.Run(name, func(t *testing.T) {
			objects := render(t, changes...)
			seen := map[string]bool{}
			for _, object := range objects {
				id := fmt.Sprintf("%T/%s", object, object.GetName())
				if seen[id] {
					t.Errorf("%s is there twice", id)
				}
				seen[id] = true
				if problems := validation.IsDNS1123Subdomain(object.GetName()); len(problems) > 0 {
					t.Errorf("%s: %v", id, problems)
				}
				for key, value := range object.GetLabels() {
					if problems := append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...); len(problems) > 0 {
						t.Errorf("%s: label %s=%s: %v", id, key, value, problems)
					}
				}
			}
			deployments := of[*appsv1.Deployment](objects)
			if len(deployments) != len(processes) {
				t.Errorf("%d deployments", len(deployments))
			}
			for _, process := range processes {
				for kind, found := range map[string]bool{
					"Deployment": deployments["vestibule-"+process] != nil,
					"Service":    of[*corev1.Service](objects)["vestibule-"+process] != nil,
					"budget":     of[*policyv1.PodDisruptionBudget](objects)["vestibule-"+process] != nil,
					"account":    of[*corev1.ServiceAccount](objects)["vestibule-"+process] != nil,
				} {
					if !found {
						t.Errorf("%s has no %s", process, kind)
					}
				}
			}
			if jobs := of[*batchv1.Job](objects); len(jobs) < len(services) {
				t.Errorf("%d jobs", len(jobs))
			}
		})
	}
}

// pods are the pod templates of all objects, by object.
func pods(objects []metav1.Object) map[string]corev1.PodTemplateSpec {
	found := map[string]corev1.PodTemplateSpec{}
	for name, deployment := range of[*appsv1.Deployment](objects) {
		found[name] = deployment.Spec.Template
	}
	for name, job := range of[*batchv1.Job](objects) {
		found[name] = job.Spec.Template
	}
	return found
}

func TestChart_pods_areConfined(t *testing.T) {
	for name, pod := range pods(render(t, variants["with everything on"]...)) {
		spec, container := pod.Spec, pod.Spec.Containers[0]
		own, shared := container.SecurityContext, spec.SecurityContext
		switch {
		case len(spec.Containers) != 1 || own == nil || shared == nil:
			t.Errorf("%s has no security context", name)
		case !*shared.RunAsNonRoot || *shared.RunAsUser == 0 || shared.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault:
			t.Errorf("%s may run as root, or call the kernel as it likes", name)
		case *own.AllowPrivilegeEscalation || !*own.ReadOnlyRootFilesystem || !slices.Contains(own.Capabilities.Drop, "ALL"):
			t.Errorf("%s may gain privileges or write", name)
		case spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken:
			t.Errorf("%s can talk to the cluster's API", name)
		case container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() || container.Resources.Requests.Memory().IsZero():
			t.Errorf("%s has no bounds", name)
		case strings.HasSuffix(container.Image, ":latest") || !strings.Contains(container.Image, ":"):
			t.Errorf("%s runs %s", name, container.Image)
		}
		for _, volume := range spec.Volumes {
			if volume.Secret == nil {
				t.Errorf("%s mounts %s, which is no secret", name, volume.Name)
			}
		}
	}
}

func TestChart_deployments_replacePodsWithoutGaps(t *testing.T) {
	// The longest a program takes to stop (pkg/runner): servers, workers, pools.
	const longest = 22 + 10 + 5
	objects := render(t)
	for name, deployment := range of[*appsv1.Deployment](objects) {
		pod := deployment.Spec.Template.Spec
		container := pod.Containers[0]
		pause := container.Lifecycle.PreStop.Sleep.Seconds
		if pause < 1 || *pod.TerminationGracePeriodSeconds < pause+longest {
			t.Errorf("%s has %d s to stop, of which %d s are a pause, and may take %d s", name, *pod.TerminationGracePeriodSeconds, pause, longest)
		}
		if rolling := deployment.Spec.Strategy.RollingUpdate; rolling.MaxUnavailable.IntValue() != 0 || rolling.MaxSurge.IntValue() < 1 {
			t.Errorf("%s removes pods before others are ready", name)
		}
		for kind, probe := range map[string]*corev1.Probe{
			"/readyz": container.ReadinessProbe, "/livez": container.LivenessProbe,
		} {
			if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Path != kind || probe.HTTPGet.Port.String() != "ops" {
				t.Errorf("%s is not asked for %s", name, kind)
			}
		}
		if container.StartupProbe == nil || len(pod.TopologySpreadConstraints) != 2 {
			t.Errorf("%s has no startup probe or is not spread", name)
		}
		selector := labels.SelectorFromSet(deployment.Spec.Selector.MatchLabels)
		if !selector.Matches(labels.Set(deployment.Spec.Template.Labels)) {
			t.Errorf("%s does not select its own pods", name)
		}
		scaler, budget := of[*autoscalingv2.HorizontalPodAutoscaler](objects)[name], of[*policyv1.PodDisruptionBudget](objects)[name]
		if scaler == nil || *scaler.Spec.MinReplicas < 2 || scaler.Spec.ScaleTargetRef.Name != name || deployment.Spec.Replicas != nil {
			t.Errorf("%s is not scaled from two replicas on", name)
		}
		if budget.Spec.MinAvailable.IntValue() < 1 || budget.Spec.MinAvailable.IntValue() >= int(*scaler.Spec.MinReplicas) {
			t.Errorf("%s cannot be moved, or can be moved altogether", name)
		}
	}
}

// Whatever the chart tells a process, the process reads, and what a process
// needs it is told.
func TestChart_environment_isThatOfTheCode(t *testing.T) {
	for name, changes := range variants {
		for object, pod := range pods(render(t, changes...)) {
			container := pod.Spec.Containers[0]
			process := processOf(container.Image)
			read := variables(t, process)
			given := map[string]bool{}
			for _, variable := range container.Env {
				given[strings.TrimSuffix(variable.Name, "_FILE")] = true
				if !known(read, variable.Name) {
					t.Errorf("%s, %s: %s does not read %s", name, object, process, variable.Name)
				}
				if path, isFile := strings.CutSuffix(variable.Name, "_FILE"); isFile && !mounted(container, variable.Value) {
					t.Errorf("%s, %s: nothing is mounted at %s for %s", name, object, variable.Value, path)
				}
			}
			for variable, required := range read {
				ofSeed := variable == "IDENTITY_SEED"
				ofIssuing := strings.HasSuffix(variable, "_CREDENTIAL_KEY")
				if required && !given[variable] && container.Args[0] == "serve" && !ofSeed && !ofIssuing {
					t.Errorf("%s, %s: %s needs %s", name, object, process, variable)
				}
			}
		}
	}
}

func TestChart_commands_areKnown(t *testing.T) {
	for object, pod := range pods(render(t, variants["with everything on"]...)) {
		container := pod.Spec.Containers[0]
		sources := []string{"pkg/service/main.go", "services/identity/identity.go"}
		if processOf(container.Image) == "gateway" {
			sources = []string{"gateway/cmd/gateway/main.go"}
		}
		if !slices.ContainsFunc(sources, func(source string) bool { return says(t, source, `"`+container.Args[0]+`"`) }) {
			t.Errorf("%s runs %q, which %v do not know", object, container.Args, sources)
		}
	}
}

func processOf(image string) string {
	name, _, _ := strings.Cut(image[strings.LastIndexByte(image, '/')+1:], ":")
	return name
}

func mounted(container corev1.Container, path string) bool {
	return slices.ContainsFunc(container.VolumeMounts, func(m corev1.VolumeMount) bool { return filepath.Dir(path) == m.MountPath })
}

// No value of the chart and no variable holds a secret; all are files of
// existing secrets.
func TestChart_secrets_areReferences(t *testing.T) {
	for object, pod := range pods(render(t, variants["with everything on"]...)) {
		for _, variable := range pod.Spec.Containers[0].Env {
			plain, isFile := strings.CutSuffix(variable.Name, "_FILE")
			secret := strings.HasSuffix(plain, "_KEY") || strings.HasSuffix(plain, "_KEYS") || strings.HasSuffix(plain, "POSTGRES_URL") || strings.HasSuffix(plain, "SMTP_URL")
			if secret && !isFile {
				t.Errorf("%s has %s in its environment", object, variable.Name)
			}
		}
	}
}

func TestChart_addresses_leadToServedPorts(t *testing.T) {
	objects := render(t)
	found := of[*corev1.Service](objects)
	for object, deployment := range of[*appsv1.Deployment](objects) {
		container := deployment.Spec.Template.Spec.Containers[0]
		ports := map[string]int32{}
		for _, port := range container.Ports {
			ports[port.Name] = port.ContainerPort
		}
		for _, variable := range container.Env {
			_, name, _ := strings.Cut(variable.Name, "_")
			switch {
			case name == "GRPC_ADDR" && variable.Value != ":"+strconv.Itoa(int(ports["grpc"])),
				name == "HTTP_ADDR" && variable.Value != ":"+strconv.Itoa(int(ports["http"])),
				name == "OPS_ADDR" && variable.Value != ":"+strconv.Itoa(int(ports["ops"])):
				t.Errorf("%s listens at %s and says otherwise", object, variable.Value)
			}
			if target, isUpstream := strings.CutPrefix(variable.Value, "dns:///"); isUpstream {
				host, port, _ := strings.Cut(target, ":")
				callee := found[strings.TrimSuffix(host, "."+namespace+".svc")]
				if callee == nil || callee.Spec.ClusterIP != corev1.ClusterIPNone || strconv.Itoa(int(callee.Spec.Ports[0].Port)) != port {
					t.Errorf("%s: %s leads nowhere: %s", object, variable.Name, variable.Value)
				}
			}
		}
		service := found[object]
		if !labels.SelectorFromSet(service.Spec.Selector).Matches(labels.Set(deployment.Spec.Template.Labels)) {
			t.Errorf("the service %s does not lead to its pods", object)
		}
		for _, port := range service.Spec.Ports {
			if ports[port.TargetPort.String()] == 0 {
				t.Errorf("the service %s leads to port %s, which is not there", object, port.TargetPort.String())
			}
		}
	}
}

// The network lets through what the code calls and nothing else.
func TestChart_network_hasOneEdgePerCall(t *testing.T) {
	objects := render(t)
	policies := of[*networkingv1.NetworkPolicy](objects)
	if deny := policies["vestibule-deny"]; deny == nil || len(deny.Spec.Ingress) > 0 || len(deny.Spec.Egress) > 0 || len(deny.Spec.PolicyTypes) != 2 {
		t.Fatalf("nothing is denied by default: %+v", deny)
	}
	for name, pod := range pods(objects) {
		if !labels.SelectorFromSet(policies["vestibule-deny"].Spec.PodSelector.MatchLabels).Matches(labels.Set(pod.Labels)) {
			t.Errorf("%s is outside the denial", name)
		}
	}
	want := map[string][]string{"gateway": slices.Sorted(slices.Values(services))}
	for _, service := range services {
		want[service] = calls(t, service)
	}
	component := func(peers []networkingv1.NetworkPolicyPeer) string {
		if len(peers) != 1 || peers[0].PodSelector == nil {
			return ""
		}
		return peers[0].PodSelector.MatchLabels["app.kubernetes.io/component"]
	}
	for caller, callees := range want {
		var allowed []string
		for _, rule := range policies["vestibule-"+caller].Spec.Egress {
			if callee := component(rule.To); callee != "" {
				allowed = append(allowed, callee)
			}
		}
		slices.Sort(allowed)
		if !slices.Equal(allowed, callees) {
			t.Errorf("%s may call %v and calls %v: adapt services.%s.calls in values.yaml", caller, allowed, callees, caller)
		}
	}
	for _, callee := range services {
		var allowed, callers []string
		for _, rule := range policies["vestibule-"+callee].Spec.Ingress {
			if caller := component(rule.From); caller != "" {
				allowed = append(allowed, caller)
			}
		}
		for caller, callees := range want {
			if slices.Contains(callees, callee) {
				callers = append(callers, caller)
			}
		}
		slices.Sort(allowed)
		slices.Sort(callers)
		if !slices.Equal(allowed, callers) {
			t.Errorf("%s may be called by %v and is called by %v", callee, allowed, callers)
		}
	}
}

// The drawing and the table of ARCHITECTURE.md say no more than the code does.
func TestArchitecture_questions_areThoseOfTheCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "ARCHITECTURE.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 || !slices.Contains(services, strings.TrimSpace(cells[1])) {
			continue
		}
		rows++
		service := strings.TrimSpace(cells[1])
		made := calls(t, service)
		for _, other := range services {
			if strings.Contains(cells[3], other) && !slices.Contains(made, other) {
				t.Errorf("ARCHITECTURE.md lets %s ask %s", service, other)
			}
		}
	}
	if rows != len(services) {
		t.Errorf("the table has %d services", rows)
	}
}

func TestChart_values_thatMakeNoSense_areRefused(t *testing.T) {
	for _, change := range []map[string]any{
		set("publicURL", "api.example.com"), set("publicURL", "https://api.example.com/"), set("replicas", 3),
		set("services.wiki", map[string]any{}), set("services.teams.calls", []any{"wiki"}), set("services.teams.replicas", 0),
		set("drain.terminationGracePeriodSeconds", 10), set("logLevel", "loud"), set("secrets.shared", ""),
		set("services.teams.env", map[string]any{"log level": "x"}), set("postgresPassword", "hunter2"),
	} {
		if _, err := tryRender(t, change); err == nil {
			t.Errorf("%v is accepted", change)
		}
	}
}

func TestChart_monitoring_holdsTheFiles(t *testing.T) {
	objects := render(t)
	rules := of[*monitoringv1.PrometheusRule](objects)["vestibule"]
	if rules == nil || len(rules.Spec.Groups) < 3 {
		t.Errorf("the alerts are not there: %+v", rules)
	}
	boards := of[*corev1.ConfigMap](objects)["vestibule-dashboards"]
	if boards == nil || len(boards.Data) < 2 {
		t.Errorf("the dashboards are not there")
	}
	monitor := of[*monitoringv1.ServiceMonitor](objects)["vestibule"]
	for name, service := range of[*corev1.Service](objects) {
		if !labels.SelectorFromSet(monitor.Spec.Selector.MatchLabels).Matches(labels.Set(service.Labels)) {
			t.Errorf("%s is not scraped", name)
		}
		if !slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Name == monitor.Spec.Endpoints[0].Port }) {
			t.Errorf("%s has no port %s", name, monitor.Spec.Endpoints[0].Port)
		}
	}
}
