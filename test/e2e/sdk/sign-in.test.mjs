// The ways in that are not a password alone: codes and links by mail, a second
// factor, sessions that a backend opens, accounts that a backend links.
import assert from "node:assert/strict";
import test from "node:test";
import { createHmac, randomBytes } from "node:crypto";
import { api, clientApp, codeIn, freshEmail, mailTo, serverApp, until } from "./system.mjs";

const page = "http://localhost:3000/handler/page";
const password = "correct horse battery";

/** What an authenticator app shows now (RFC 6238). */
function totp(secret) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", secret).update(counter).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

async function signUp(app, email = freshEmail()) {
  const signedUp = await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true });
  assert.equal(signedUp.status, "ok");
  return email;
}

test("a forgotten password is reset by mail", async () => {
  const app = clientApp();
  const email = await signUp(app);
  const user = await app.getUser({ or: "throw" });
  assert.equal((await app.sendForgotPasswordEmail(email, { callbackUrl: page })).status, "ok");
  const code = codeIn(await mailTo(email, { subject: "Reset your password" }));
  assert.equal((await app.verifyPasswordResetCode(code)).status, "ok");
  assert.equal((await app.resetPassword({ code, password: "a brand new password" })).status, "ok");
  const again = await app.resetPassword({ code, password: "yet another password" });
  assert.equal(again.status, "error");
  assert.equal(again.error.errorCode, "VERIFICATION_CODE_ALREADY_USED");
  // Its sessions are over, and only the new password is good.
  const other = clientApp();
  assert.equal((await other.signInWithCredential({ email, password, noRedirect: true })).error.errorCode, "EMAIL_PASSWORD_MISMATCH");
  assert.equal((await other.signInWithCredential({ email, password: "a brand new password", noRedirect: true })).status, "ok");
  assert.equal((await other.getUser({ or: "throw" })).id, user.id);
  assert.equal((await other.getUser({ or: "throw" })).primaryEmailVerified, false);
});

test("a link and a typed code sign in by mail, and sign up whom nobody knows", async () => {
  const email = freshEmail();
  const first = clientApp();
  const sent = await first.sendMagicLinkEmail(email, { callbackUrl: page });
  assert.equal(sent.status, "ok");
  const mail = await mailTo(email, { subject: "Sign in" });
  assert.equal((await first.signInWithMagicLink(codeIn(mail), { noRedirect: true })).status, "ok");
  const user = await first.getUser({ or: "throw" });
  assert.equal(user.primaryEmail, email);
  assert.equal(user.primaryEmailVerified, true);
  assert.equal(user.otpAuthEnabled, true);
  assert.equal(user.hasPassword, false);

  const second = clientApp();
  const { data } = await second.sendMagicLinkEmail(email, { callbackUrl: page });
  const typed = await until(async () => {
    const latest = await mailTo(email, { subject: "Sign in" });
    assert.ok(latest.Text.includes(data.nonce), "the second mail has not arrived");
    return /([0-9A-Z]{6})/.exec(latest.Subject.split(" ").at(-1))[1];
  });
  const wrong = await second.signInWithMagicLink("oooooo" + data.nonce, { noRedirect: true });
  assert.equal(wrong.error.errorCode, "VERIFICATION_CODE_NOT_FOUND");
  assert.equal((await second.signInWithMagicLink(typed + data.nonce, { noRedirect: true })).status, "ok");
  assert.equal((await second.getUser({ or: "throw" })).id, user.id);
  const spent = await second.signInWithMagicLink(typed + data.nonce, { noRedirect: true });
  assert.equal(spent.error.errorCode, "VERIFICATION_CODE_ALREADY_USED");
});

test("a second factor is asked for, and its code works once", async () => {
  const app = clientApp();
  const email = await signUp(app);
  const user = await app.getUser({ or: "throw" });
  const secret = randomBytes(20);
  await user.update({ totpMultiFactorSecret: new Uint8Array(secret) });
  assert.equal((await app.getUser({ or: "throw" })).isMultiFactorRequired, true);

  const attempt = async () => {
    const asked = await api("/auth/password/sign-in", { method: "POST", body: { email, password } });
    assert.equal(asked.json.code, "MULTI_FACTOR_AUTHENTICATION_REQUIRED");
    return asked.json.details.attempt_code;
  };
  const other = clientApp();
  const code = await attempt();
  const wrong = await other.signInWithMfa("000000", code, { noRedirect: true });
  assert.equal(wrong.error.errorCode, "INVALID_TOTP_CODE");
  const shown = totp(secret);
  assert.equal((await other.signInWithMfa(shown, code, { noRedirect: true })).status, "ok");
  assert.equal((await other.getUser({ or: "throw" })).id, user.id);
  const replayed = await other.signInWithMfa(shown, await attempt(), { noRedirect: true });
  assert.equal(replayed.status, "error");

  await (await other.getUser({ or: "throw" })).update({ totpMultiFactorSecret: null });
  assert.equal((await clientApp().signInWithCredential({ email, password, noRedirect: true })).status, "ok");
});

test("a backend opens a session in somebody's name, and ends it", async () => {
  const server = serverApp();
  const user = await server.createUser({ primaryEmail: freshEmail(), displayName: "Somebody" });
  const session = await user.createSession({ expiresInMillis: 3_600_000, isImpersonation: true });
  const { accessToken, refreshToken } = await session.getTokens();
  const app = clientApp({ tokenStore: { accessToken, refreshToken } });
  const me = await app.getUser({ or: "throw" });
  assert.equal(me.id, user.id);
  assert.equal(me.displayName, "Somebody");
  // Impersonation shows to operators alone.
  assert.deepEqual(await me.getActiveSessions(), []);

  const ordinary = await user.createSession({});
  const tokens = await ordinary.getTokens();
  const [listed] = await user.getActiveSessions();
  assert.equal(listed.userId, user.id);
  await user.revokeSession(listed.id);
  assert.deepEqual(await user.getActiveSessions(), []);
  const refreshed = await api("/auth/sessions/current/refresh", {
    method: "POST",
    headers: { "X-Hexclave-Refresh-Token": tokens.refreshToken },
  });
  assert.equal(refreshed.json.code, "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED");
});

test("a backend links an account of a provider, once for sign-in", async () => {
  const server = serverApp();
  const [ada, eve] = [await server.createUser({ primaryEmail: freshEmail() }), await server.createUser({ primaryEmail: freshEmail() })];
  const accountId = crypto.randomUUID();
  const link = (user) =>
    server.createOAuthProvider({
      userId: user.id, providerConfigId: "google", accountId, email: "ada@example.com", allowSignIn: true, allowConnectedAccounts: true,
    });
  const created = await link(ada);
  assert.equal(created.status, "ok");
  assert.equal(created.data.accountId, accountId);
  const taken = await link(eve);
  assert.equal(taken.error.errorCode, "OAUTH_PROVIDER_ACCOUNT_ID_ALREADY_USED_FOR_SIGN_IN");
  assert.deepEqual((await ada.listOAuthProviders()).map((provider) => provider.accountId), [accountId]);
  assert.deepEqual((await ada.listConnectedAccounts()).map((account) => account.providerAccountId), [accountId]);
  const [provider] = await ada.listOAuthProviders();
  assert.equal((await provider.update({ email: "lovelace@example.com", allowSignIn: false })).status, "ok");
  assert.equal((await link(eve)).status, "ok");
  await provider.delete();
  assert.deepEqual(await ada.listOAuthProviders(), []);
});

test("a signed-in app proves to a backend who it is", async () => {
  const app = clientApp();
  await signUp(app);
  const user = await app.getUser({ or: "throw" });
  const headers = await user.getAuthHeaders();
  const byHeader = serverApp({ tokenStore: { headers: new Headers(headers) } });
  assert.equal((await byHeader.getUser({ or: "throw" })).id, user.id);
  const { accessToken } = await user.getAuthJson();
  assert.match(accessToken, /^ey/);
});
