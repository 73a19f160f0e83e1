import assert from "node:assert/strict";
import test from "node:test";
import { api, clientApp, freshEmail, serverApp } from "./system.mjs";

const password = "correct horse battery";

async function signedUp(app) {
  const result = await app.signUpWithCredential({ email: freshEmail(), password, noRedirect: true, noVerificationCallback: true });
  assert.equal(result.status, "ok", result.error?.stack);
  return await app.getUser({ or: "throw" });
}

test("a user makes, lists, describes and revokes API keys", async () => {
  const user = await signedUp(clientApp());
  const expiresAt = new Date(Date.now() + 3_600_000);
  const key = await user.createApiKey({ description: "CI", expiresAt });
  assert.match(key.value, /^sk_[0-9a-z]{99}$/);
  assert.equal(key.description, "CI");
  assert.equal(key.expiresAt.getTime(), expiresAt.getTime());
  assert.equal(key.type, "user");
  assert.equal(key.userId, user.id);
  const forever = await user.createApiKey({ description: "public", expiresAt: null, isPublic: true });
  assert.match(forever.value, /^pk_/);
  assert.equal(forever.expiresAt, undefined);

  let listed = await user.listApiKeys();
  assert.deepEqual(listed.map((each) => each.id), [forever.id, key.id]);
  assert.equal(listed[1].value.lastFour, key.value.slice(-4));
  assert.equal(listed[1].isValid(), true);

  const owner = await serverApp().getUser({ apiKey: key.value });
  assert.equal(owner.id, user.id);
  assert.equal(await serverApp().getUser({ apiKey: `${key.value.slice(0, -1)}!` }), null);

  await listed[1].update({ description: "renamed" });
  await listed[1].revoke();
  listed = await user.listApiKeys();
  const revoked = listed.find((each) => each.id === key.id);
  assert.equal(revoked.description, "renamed");
  assert.equal(revoked.isValid(), false);
  assert.equal(revoked.whyInvalid(), "manually-revoked");
  assert.equal(await serverApp().getUser({ apiKey: key.value }), null);
});

test("a backend makes API keys for its users", async () => {
  const user = await signedUp(clientApp());
  const known = await serverApp().getUser(user.id);
  const key = await known.createApiKey({ description: "from the backend", expiresAt: new Date(1) });
  assert.equal(key.isValid(), false);
  assert.deepEqual((await known.listApiKeys()).map((each) => each.id), [key.id]);
  assert.equal(await serverApp().getUser({ apiKey: key.value }), null, "an expired key is nobody's");
});

test("a team's API keys are managed by its creator", async () => {
  const user = await signedUp(clientApp());
  const team = await user.createTeam({ displayName: "Key holders" });
  const key = await team.createApiKey({ description: "CI", expiresAt: null });
  assert.match(key.value, /^sk_[0-9a-z]{99}$/);
  assert.equal(key.type, "team");
  assert.equal(key.teamId, team.id);
  assert.equal((await serverApp().getTeam({ apiKey: key.value })).id, team.id);
  assert.equal(await serverApp().getUser({ apiKey: key.value }), null, "a team's key is no user's");
  const [listed] = await team.listApiKeys();
  assert.equal(listed.id, key.id);
  await listed.revoke();
  assert.equal((await team.listApiKeys())[0].isValid(), false);
  assert.equal(await serverApp().getTeam({ apiKey: key.value }), null);

  const known = await serverApp().getTeam(team.id);
  const own = await known.createApiKey({ description: "from the backend", expiresAt: null });
  assert.deepEqual((await known.listApiKeys()).map((each) => each.id), [own.id, key.id]);
});

test("a command-line program signs in with the session of a browser", async () => {
  const browser = clientApp();
  const user = await signedUp(browser);
  const { refreshToken } = await user.currentSession.getTokens();

  let shown;
  const prompted = clientApp().promptCliLogin({
    appUrl: "http://localhost:3000",
    expiresInMillis: 3_600_000,
    waitTimeMillis: 50,
    promptLink: (url) => {
      shown = new URL(url);
      const login_code = shown.searchParams.get("login_code");
      void api("/auth/cli/complete", { method: "POST", body: { login_code, mode: "check" } }).then(async (checked) => {
        assert.deepEqual(checked.json, { cli_session_state: "none" });
        const completed = await api("/auth/cli/complete", { method: "POST", body: { login_code, refresh_token: refreshToken } });
        assert.deepEqual(completed.json, { success: true });
      });
    },
  });
  const result = await prompted;
  assert.equal(result.status, "ok", result.error?.stack);
  assert.equal(result.data, refreshToken);
  const program = clientApp({ tokenStore: { accessToken: "", refreshToken: result.data } });
  assert.equal((await program.getUser({ or: "throw" })).id, user.id);
  // Both share one session: signing out in one signs the other out.
  await user.signOut();
  const later = clientApp({ tokenStore: { accessToken: "", refreshToken: result.data } });
  assert.equal(await later.getUser(), null);
});

test("a program is told that its log-in expired", async () => {
  const result = await clientApp().promptCliLogin({
    appUrl: "http://localhost:3000", expiresInMillis: -1, waitTimeMillis: 50, promptLink: () => {},
  });
  assert.equal(result.status, "error");
  assert.equal(result.error.errorCode, "CLI_AUTH_EXPIRED_ERROR");
});

test("the anonymous user of a program becomes the person who signs up in the browser", async () => {
  const program = clientApp();
  const anonymous = await program.getUser({ or: "anonymous" });
  const { refreshToken: anonRefreshToken } = await anonymous.currentSession.getTokens();
  const result = await program.promptCliLogin({
    appUrl: "http://localhost:3000",
    expiresInMillis: 3_600_000,
    waitTimeMillis: 50,
    anonRefreshToken,
    promptLink: (url) => {
      const login_code = new URL(url).searchParams.get("login_code");
      const complete = async (body) => (await api("/auth/cli/complete", { method: "POST", body: { login_code, ...body } })).json;
      void (async () => {
        assert.deepEqual(await complete({ mode: "check" }), { cli_session_state: "anonymous" });
        const claimed = await complete({ mode: "claim-anon-session" });
        assert.equal(claimed.refresh_token, anonRefreshToken);
        // An app with given tokens keeps them, so the tokens of the sign-up come
        // from its answer.
        const { status, json: signedUp } = await api("/auth/password/sign-up", {
          method: "POST",
          body: { email: freshEmail(), password },
          headers: { "X-Hexclave-Access-Token": claimed.access_token, "X-Hexclave-Allow-Anonymous-User": "true" },
        });
        assert.equal(status, 200);
        assert.equal(signedUp.user_id, anonymous.id);
        assert.deepEqual(await complete({ mode: "complete", refresh_token: signedUp.refresh_token }), { success: true });
      })();
    },
  });
  assert.equal(result.status, "ok", result.error?.stack);
  const user = await clientApp({ tokenStore: { accessToken: "", refreshToken: result.data } }).getUser({ or: "throw" });
  assert.equal(user.id, anonymous.id);
  assert.equal(user.isAnonymous, false);
});
