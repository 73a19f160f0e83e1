import assert from "node:assert/strict";
import test from "node:test";
import { api, callbackUrl, clientApp, codeIn, freshEmail, mailTo, project } from "./system.mjs";

const password = "correct horse battery";

function ok(result) {
  assert.equal(result.status, "ok", result.error?.stack);
  return result.data;
}

test("a person signs up, verifies the address, signs in and out", async () => {
  const app = clientApp();
  const email = freshEmail("Ada");
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, verificationCallbackUrl: callbackUrl }));

  let user = await app.getUser({ or: "throw" });
  assert.equal(user.primaryEmail, email.toLowerCase());
  assert.equal(user.primaryEmailVerified, false);
  assert.equal(user.hasPassword, true);
  assert.equal(user.isAnonymous, false);

  const mail = await mailTo(email.toLowerCase(), { subject: "Verify your email at" });
  ok(await app.verifyEmail(codeIn(mail)));
  const again = await app.verifyEmail(codeIn(mail));
  assert.equal(again.status, "error");
  assert.equal(again.error.errorCode, "VERIFICATION_CODE_ALREADY_USED");
  user = await app.getUser({ or: "throw" });
  assert.equal(user.primaryEmailVerified, true);

  await user.signOut();
  assert.equal(await app.getUser(), null);

  const wrong = await app.signInWithCredential({ email, password: "something else", noRedirect: true });
  assert.equal(wrong.status, "error");
  assert.equal(wrong.error.errorCode, "EMAIL_PASSWORD_MISMATCH");
  ok(await app.signInWithCredential({ email: email.toUpperCase(), password, noRedirect: true }));
  assert.equal((await app.getUser({ or: "throw" })).id, user.id);
});

test("a taken address and a short password are handed back", async () => {
  const email = freshEmail();
  ok(await clientApp().signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const taken = await clientApp().signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true });
  assert.equal(taken.error.errorCode, "USER_EMAIL_ALREADY_EXISTS");
  const short = await clientApp().signUpWithCredential({ email: freshEmail(), password: "1234567", noRedirect: true, noVerificationCallback: true });
  assert.equal(short.error.errorCode, "PASSWORD_TOO_SHORT");
});

test("the profile can be edited", async () => {
  const app = clientApp();
  ok(await app.signUpWithCredential({ email: freshEmail(), password, noRedirect: true, noVerificationCallback: true }));
  const user = await app.getUser({ or: "throw" });
  await user.update({ displayName: "Grace Hopper", clientMetadata: { theme: "dark", nested: [1, null, { a: "b" }] } });
  let fresh = await app.getUser({ or: "throw" });
  assert.equal(fresh.displayName, "Grace Hopper");
  assert.deepEqual(fresh.clientMetadata, { theme: "dark", nested: [1, null, { a: "b" }] });
  await fresh.setDisplayName("");
  fresh = await app.getUser({ or: "throw" });
  assert.equal(fresh.displayName, null);
});

test("the access token carries what the SDK reads and is refreshed", async () => {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const user = await app.getUser({ or: "throw" });
  const partial = await app.getPartialUser({ from: "token" });
  assert.equal(partial.id, user.id);
  assert.equal(partial.primaryEmail, email);

  const { refreshToken } = await user.currentSession.getTokens();
  const later = clientApp({ tokenStore: { accessToken: "", refreshToken } });
  assert.equal((await later.getUser({ or: "throw" })).id, user.id);

  const dead = clientApp({ tokenStore: { accessToken: "", refreshToken: "0".repeat(45) } });
  assert.equal(await dead.getUser(), null);
});

test("a password is set once and updated, which ends the other sessions", async () => {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const other = clientApp();
  ok(await other.signInWithCredential({ email, password, noRedirect: true }));

  const user = await app.getUser({ or: "throw" });
  const mismatch = await user.updatePassword({ oldPassword: "not this one", newPassword: "another password" });
  assert.equal(mismatch.errorCode, "PASSWORD_CONFIRMATION_MISMATCH");
  const short = await user.updatePassword({ oldPassword: password, newPassword: "short" });
  assert.equal(short.errorCode, "PASSWORD_TOO_SHORT");
  assert.equal(await user.updatePassword({ oldPassword: password, newPassword: "another password" }), undefined);

  const sessions = await user.getActiveSessions();
  assert.deepEqual(sessions.map((session) => session.isCurrentSession), [true]);
  const old = await clientApp().signInWithCredential({ email, password, noRedirect: true });
  assert.equal(old.error.errorCode, "EMAIL_PASSWORD_MISMATCH");
  ok(await clientApp().signInWithCredential({ email, password: "another password", noRedirect: true }));
});

test("sessions are listed and ended", async () => {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const other = clientApp();
  ok(await other.signInWithCredential({ email, password, noRedirect: true }));
  const user = await app.getUser({ or: "throw" });
  const sessions = await user.getActiveSessions();
  assert.equal(sessions.length, 2);
  const current = sessions.find((session) => session.isCurrentSession);
  const foreign = sessions.find((session) => !session.isCurrentSession);
  await assert.rejects(user.revokeSession(current.id), { errorCode: "CANNOT_DELETE_CURRENT_SESSION" });
  await user.revokeSession(foreign.id);
  assert.equal((await user.getActiveSessions()).length, 1);
});

test("an anonymous user keeps the id when signing up", async () => {
  const app = clientApp();
  const anonymous = await app.getUser({ or: "anonymous" });
  assert.equal(anonymous.isAnonymous, true);
  assert.equal(await app.getUser(), null, "an anonymous user is not a signed-in one");
  await anonymous.update({ clientMetadata: { cart: ["book"] } });

  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const user = await app.getUser({ or: "throw" });
  assert.equal(user.id, anonymous.id);
  assert.equal(user.isAnonymous, false);
  assert.deepEqual(user.clientMetadata, { cart: ["book"] });

  ok(await app.signInWithCredential({ email, password, noRedirect: true }));
  await (await app.getUser({ or: "throw" })).setDisplayName("No longer anonymous");
});

test("a first password can be set by a user without one", async () => {
  const app = clientApp();
  const anonymous = await app.getUser({ or: "anonymous" });
  assert.equal((await anonymous.setPassword({ password: "short" })).errorCode, "PASSWORD_TOO_SHORT");
  assert.equal(await anonymous.setPassword({ password }), undefined);
});

test("a contact channel is verified on request", async () => {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const user = await app.getUser({ or: "throw" });
  const [channel] = await user.listContactChannels();
  assert.equal(channel.value, email);
  assert.equal(channel.isVerified, false);
  assert.equal(channel.usedForAuth, true);
  await channel.sendVerificationEmail({ callbackUrl });
  ok(await app.verifyEmail(codeIn(await mailTo(email, { subject: "Verify your email at" }))));
  assert.equal((await (await app.getUser({ or: "throw" })).listContactChannels())[0].isVerified, true);
});

test("a user deletes the account", async () => {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  const user = await app.getUser({ or: "throw" });
  const { refreshToken } = await user.currentSession.getTokens();
  await user.delete();
  assert.equal(await app.getUser(), null);
  const refresh = await api("/auth/sessions/current/refresh", { method: "POST", headers: { "X-Hexclave-Refresh-Token": refreshToken } });
  assert.equal(refresh.json.code, "REFRESH_TOKEN_NOT_FOUND_OR_EXPIRED");
  const gone = await clientApp().signInWithCredential({ email, password, noRedirect: true });
  assert.equal(gone.error.errorCode, "EMAIL_PASSWORD_MISMATCH");
});

test("the project tells the app how to sign in", async () => {
  const found = await clientApp().getProject();
  assert.equal(found.id, project.id);
  assert.equal(found.config.signUpEnabled, true);
  assert.equal(found.config.credentialEnabled, true);
  assert.equal(found.config.magicLinkEnabled, true);
  assert.equal(found.config.clientUserDeletionEnabled, true);
});
