// What the SDK does in a browser is played here request for request, to see each
// answer; sdk_browser_test.go lets it do so itself.
import assert from "node:assert/strict";
import test from "node:test";
import { createHash, randomBytes } from "node:crypto";
import { baseUrl, clientApp, project } from "./system.mjs";

const idp = process.env.VESTIBULE_TEST_IDP;
const redirectUri = "http://localhost:3000/handler/oauth-callback";
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

/** Follows redirects with the cookies of one browser until the app's page. */
async function visit(address, cookies) {
  for (let hop = 0; hop < 10; hop++) {
    const response = await fetch(address, {
      redirect: "manual",
      headers: { Cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") },
    });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(";")[0].split("=");
      cookies.set(name, value);
    }
    const location = response.headers.get("location");
    assert.ok(location, `${address}: ${response.status} ${await response.text()}`);
    address = new URL(location, address).href;
    if (address.startsWith(redirectUri)) return new URL(address);
  }
  throw new Error("too many redirects");
}

/** Signs a person of the provider in as the SDK does in a browser. */
async function signIn(person, { token, type = "authenticate", providerScope } = {}) {
  const verifier = base64url(randomBytes(32));
  const query = new URLSearchParams({
    client_id: project.id,
    client_secret: project.publishable_client_key,
    redirect_uri: redirectUri,
    scope: "legacy",
    state: "the-state",
    grant_type: "authorization_code",
    code_challenge: base64url(createHash("sha256").update(verifier).digest()),
    code_challenge_method: "S256",
    response_type: "code",
    type,
    error_redirect_url: "http://localhost:3000/handler/error",
    hexclave_response_mode: "json",
    stack_response_mode: "json",
  });
  if (token) query.set("token", token);
  if (providerScope) query.set("provider_scope", providerScope);
  const authorized = await fetch(`${baseUrl}/api/v1/auth/oauth/authorize/google?${query}`);
  assert.equal(authorized.status, 200);
  const { location } = await authorized.json();
  const page = await visit(location, new Map([["oidctest-person", person]]));
  assert.equal(page.searchParams.get("state"), "the-state");
  assert.equal(page.searchParams.get("iss"), null);
  const exchanged = await fetch(`${baseUrl}/api/v1/auth/oauth/token`, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded;charset=UTF-8", accept: "application/json" },
    body: new URLSearchParams({
      grant_type: "authorization_code",
      code: page.searchParams.get("code"),
      redirect_uri: redirectUri,
      code_verifier: verifier,
      client_id: project.id,
      client_secret: project.publishable_client_key,
    }).toString(),
  });
  assert.equal(exchanged.status, 200);
  assert.match(exchanged.headers.get("content-type"), /^application\/json/);
  const granted = await exchanged.json();
  assert.equal(granted.token_type, "Bearer");
  return { granted, app: clientApp({ tokenStore: { accessToken: granted.access_token, refreshToken: granted.refresh_token } }) };
}

test("a person signs in with a provider and manages the linked account", async () => {
  const { granted, app } = await signIn("sdk-ada", { providerScope: "offline_access" });
  assert.equal(granted.is_new_user, true);
  const user = await app.getUser({ or: "throw" });
  assert.equal(user.displayName, "SDK-ADA");
  assert.equal(user.primaryEmailVerified, true);

  const [provider] = await user.listOAuthProviders();
  assert.equal(provider.type, "google");
  assert.equal(provider.userId, user.id);
  assert.equal(provider.allowSignIn, true);
  assert.equal(provider.allowConnectedAccounts, true);
  assert.equal((await user.getOAuthProvider(provider.id)).id, provider.id);

  const connected = await user.getConnectedAccount("google");
  assert.ok(connected, "the account is connected");
  const { accessToken } = await connected.getAccessToken();
  const told = await (await fetch(`${idp}/userinfo`, { headers: { Authorization: `Bearer ${accessToken}` } })).json();
  assert.equal(told.sub, "sdk-ada");
  assert.equal(await user.getConnectedAccount("google", { scopes: ["never-granted"] }), null);
  assert.equal(await user.getConnectedAccount("github"), null);

  const accounts = await user.listConnectedAccounts();
  assert.deepEqual(accounts.map((account) => account.providerAccountId), ["sdk-ada"]);
  const ofAccount = await accounts[0].getAccessToken();
  assert.equal(ofAccount.status ?? "ok", "ok");

  const switchedOff = await provider.update({ allowConnectedAccounts: false });
  assert.equal(switchedOff.status, "ok");
  assert.deepEqual(await user.listConnectedAccounts(), []);
  await provider.delete();
  assert.deepEqual(await user.listOAuthProviders(), []);
});

test("an account is linked to a user who is signed in", async () => {
  const app = clientApp();
  const anonymous = await app.getUser({ or: "anonymous" });
  const token = await anonymous.getAccessToken();
  const linked = await signIn("sdk-grace", { token, type: "link" });
  assert.equal(linked.granted.is_new_user, false);
  const [provider] = await (await app.getUser({ or: "anonymous" })).listOAuthProviders();
  assert.equal(provider.userId, anonymous.id);
});
