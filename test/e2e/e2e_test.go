// Package e2e drives the whole system from outside.
//
// The system runs under the conditions that find the most faults: one database
// connection per service, so that a use case that needs two at once would hang,
// a stream that delivers every event several times and out of order, and logs
// at their most talkative. When all tests are through, nothing may be
// half-applied and no secret may have been left anywhere.
package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"vestibule.dev/pkg/oidctest"
	"vestibule.dev/test/client"
	"vestibule.dev/test/conformance"
	"vestibule.dev/test/database"
	"vestibule.dev/test/events"
	"vestibule.dev/test/fsck"
	"vestibule.dev/test/stack"
	"vestibule.dev/test/stripe"
)

var (
	system *stack.Stack
	proxy  *conformance.Proxy
	// proxyURL is the system's origin with every response held against the
	// contract.
	proxyURL string
	// dev is the project in which everything is switched on.
	dev stack.Project
	// idp is an OpenID provider that stands in for Google, and with another
	// answer for GitHub.
	idp *oidctest.Provider
	// provider stands in for Stripe. Projects have no account there unless
	// they ask for one.
	provider *stripe.Provider
)

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	ctx := context.Background()
	if idp, err = oidctest.Start(); err != nil {
		return 1, err
	}
	defer idp.Close()
	provider = stripe.Start()
	defer provider.Close()
	environment := append(append(providerEnvironment(), provider.Environment()...),
		"VESTIBULE_MAX_CONNS=1", "VESTIBULE_CHAOS_DELIVERY=true", "VESTIBULE_LOG_LEVEL=debug")
	for _, service := range stack.Processes[:len(stack.Processes)-1] {
		// On a slow machine the one connection is taken for longer than people
		// should wait. Who needs two at once still waits in vain.
		environment = append(environment, strings.ToUpper(service)+"_POSTGRES_ACQUIRE_TIMEOUT=6s")
	}
	system, err = stack.Start(ctx, environment...)
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopErr := system.Stop(); err == nil {
			err = stopErr
		}
	}()
	contract, err := conformance.Load()
	if err != nil {
		return 1, err
	}
	if proxy, err = conformance.NewProxy(contract, system.BaseURL); err != nil {
		return 1, err
	}
	secrets := newLedger(proxy)
	server := httptest.NewServer(secrets)
	defer server.Close()
	proxyURL = server.URL
	provider.Tell(system.BaseURL)
	dev = system.Projects["dev"]
	if err := useProvider(ctx); err != nil {
		return 1, err
	}

	code = m.Run()
	faults, err := aftermath(ctx, secrets)
	if err != nil {
		return 1, err
	}
	faults = append(append(faults, proxy.Violations()...), provider.Faults()...)
	for _, fault := range faults {
		fmt.Fprintln(os.Stderr, "fault:", fault)
		code = 1
	}
	return code, nil
}

// aftermath lists what the tests have left behind and should not have.
func aftermath(ctx context.Context, secrets *ledger) ([]string, error) {
	databases, err := database.Open(ctx, system.Databases)
	if err != nil {
		return nil, err
	}
	defer databases.Close(ctx)
	if err := settle(ctx, databases); err != nil {
		return nil, err
	}
	faults, err := secrets.leaks(ctx, databases)
	if err != nil {
		return nil, err
	}
	orphans, err := fsck.Check(ctx, databases)
	for _, orphan := range orphans {
		faults = append(faults, orphan.String())
	}
	return faults, err
}

// settle waits until every event has been consumed and every mail is sent.
func settle(ctx context.Context, databases *database.Set) error {
	stream, err := events.Open(system.NATSURL)
	if err != nil {
		return err
	}
	defer stream.Close()
	if err := databases.Settle(ctx); err != nil {
		return err
	}
	if err := client.Poll(ctx, stream.Drained); err != nil {
		return err
	}
	return databases.Settle(ctx)
}

// TestSDK runs the tests that use the public client SDK, each file a subtest.
func TestSDK(t *testing.T) {
	files, err := filepath.Glob("sdk/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatalf("no SDK tests: %v", err)
	}
	installSDK(t)
	live, _ := newLiveShop(t, "Live")
	devJSON := throughProxy(t, nil, live)
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			node := exec.Command("node", "--test", filepath.Base(file))
			node.Dir = "sdk"
			node.Env = append(os.Environ(), "VESTIBULE_DEV_JSON="+devJSON, "VESTIBULE_TEST_IDP="+idp.URL, "VESTIBULE_TEST_STRIPE="+provider.URL)
			output, err := node.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, output)
			}
			t.Logf("%s", output)
		})
	}
}

// installation is done once.
var installation = sync.OnceValues(func() ([]byte, error) {
	install := exec.Command("npm", "ci", "--ignore-scripts", "--no-progress", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=5")
	install.Dir = "sdk"
	return install.CombinedOutput()
})

// installSDK makes the public client SDK available below sdk.
func installSDK(t *testing.T) {
	t.Helper()
	if output, err := installation(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, output)
	}
}

// throughProxy writes a copy of dev.json whose base URL is the proxy's, with
// another project in place of dev if there is one, and one that sells for money
// if there is one.
func throughProxy(t *testing.T, project *stack.Project, live ...stack.Project) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(system.DataDir(), "dev.json"))
	if err != nil {
		t.Fatal(err)
	}
	var dev map[string]any
	if err := json.Unmarshal(text, &dev); err != nil {
		t.Fatal(err)
	}
	dev["base_url"] = proxyURL
	if project != nil {
		dev["projects"] = map[string]any{"dev": project}
	}
	for _, project := range live {
		dev["projects"].(map[string]any)["live"] = project
	}
	if text, err = json.Marshal(dev); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "dev.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
