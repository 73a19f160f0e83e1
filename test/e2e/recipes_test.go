package e2e

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"vestibule.dev/test/client"
)

// recipeHelpers are those whom the recipes leave to the reader: the person who
// reads mails and holds an authenticator app.
const recipeHelpers = `
import { createHmac } from "node:crypto";
import { StackClientApp } from "@stackframe/js";
import { api, baseUrl, codeIn, mailTo, project } from "./system.mjs";
const projectId = project.id, publishableClientKey = project.publishable_client_key;
const codeFromMail = async (email, subject) => codeIn(await mailTo(email, { subject }));
const attemptToSignIn = async (email, password) =>
  (await api("/auth/password/sign-in", { method: "POST", body: { email, password } })).json.details;
function authenticator(secret) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", secret).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
function check(result) {
  if (result && result.status === "error") throw result.error;
  return result;
}
`

var (
	recipe = regexp.MustCompile("(?s)```(json|js|js browser|js setup)\n(.*?)```")
	// bareCall is a call whose result a recipe does not look at: here it must
	// have succeeded.
	bareCall = regexp.MustCompile(`(?m)^await app\.(\w+)\((.*)\);$`)
)

// Recipes of docs/sign-in.md do what they say, each in a project of its own that
// nobody configured otherwise.
func TestRecipes_signIn_workAsPrinted(t *testing.T) {
	text, err := os.ReadFile("../../docs/sign-in.md")
	if err != nil {
		t.Fatal(err)
	}
	installSDK(t)
	setup := ""
	// What people are called in the recipes are others each time.
	for i, section := range strings.Split(string(text), "\n## ") {
		name, _, _ := strings.Cut(section, "\n")
		project, err := client.NewProject(t.Context(), proxyURL, system.Projects["internal"], name, map[string]any{"credential_enabled": false})
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range recipe.FindAllStringSubmatch(section, -1) {
			kind, content := match[1], match[2]
			switch kind {
			case "json":
				content = strings.ReplaceAll(content, "https://id.acme.example", idp.URL)
				succeed(t, client.For(proxyURL, project, client.Admin), http.MethodPatch, "/internal/config/override/environment",
					map[string]any{"config_override_string": content})
			case "js setup":
				setup = content
			case "js browser":
				for _, called := range regexp.MustCompile(`signInWithOAuth\("(\w+)"\)`).FindAllStringSubmatch(content, -1) {
					answer := call(t, client.New(proxyURL), http.MethodGet, authorizePath(project.ID, project.PublishableClientKey, called[1]), nil)
					if answer.Status != http.StatusOK || answer.Object()["location"] == nil {
						t.Errorf("%s: %s", name, answer)
					}
				}
			case "js":
				content = strings.ReplaceAll(content, "@example.com\"", fmt.Sprintf("-recipe-%d@example.com\"", i))
				content = bareCall.ReplaceAllString(content, "check(await app.$1($2));")
				if strings.Contains(content, "\\\"@example.com") {
					t.Fatal("a condition was changed")
				}
				node := exec.Command("node", "--input-type=module", "-e", recipeHelpers+setup+content)
				node.Dir = "sdk"
				node.Env = append(os.Environ(), "VESTIBULE_DEV_JSON="+throughProxy(t, &project))
				output, err := node.CombinedOutput()
				if err != nil {
					t.Errorf("%s: %v\n%s", name, err, output)
				}
				if said := recipeSays[name]; !strings.Contains(string(output), said) {
					t.Errorf("%s says %s, want %s", name, output, said)
				}
			}
		}
	}
}

// recipeSays is what recipes print.
var recipeSays = map[string]string{
	"Password":             "true\n",
	"Link or code by mail": "@example.com\n",
	"Nobody in particular": "true [ 'tea' ]\n",
	"Who may sign up":      "SIGN_UP_REJECTED\n",
}

// authorizePath asks where an app would send the browser.
func authorizePath(projectID, key, provider string) string {
	address := strings.TrimPrefix(authorizeURL(provider, "verifier-verifier-verifier-verifier-verifier",
		"client_id", projectID, "client_secret", key, "hexclave_response_mode", "json"), proxyURL)
	return address
}
