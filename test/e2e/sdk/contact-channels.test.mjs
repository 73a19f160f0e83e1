import assert from "node:assert/strict";
import test from "node:test";
import { api, callbackUrl, clientApp, codeIn, freshEmail, mailTo, project, serverApp } from "./system.mjs";

const password = "correct horse battery";

function ok(result) {
  assert.equal(result.status, "ok", result.error?.stack);
  return result.data;
}

async function signedUp() {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, noVerificationCallback: true }));
  return { app, email, user: await app.getUser({ or: "throw" }) };
}

/** What a channel says of itself, without its ids. */
function facts({ value, type, isPrimary, isVerified, usedForAuth }) {
  return { value, type, isPrimary, isVerified, usedForAuth };
}

test("a person adds an address, verifies it, makes it the primary one and signs in with it", async () => {
  const { app, email, user } = await signedUp();
  const work = freshEmail("Work");
  const added = await user.createContactChannel({ value: work, type: "email", usedForAuth: false });
  assert.deepEqual(facts(added), { value: work.toLowerCase(), type: "email", isPrimary: false, isVerified: false, usedForAuth: false });

  await added.sendVerificationEmail({ callbackUrl });
  ok(await app.verifyEmail(codeIn(await mailTo(work.toLowerCase(), { subject: "Verify your email at" }))));
  await added.update({ isPrimary: true, usedForAuth: true });
  const channels = await (await app.getUser({ or: "throw" })).listContactChannels();
  assert.deepEqual(channels.map(facts), [
    { value: email, type: "email", isPrimary: false, isVerified: false, usedForAuth: true },
    { value: work.toLowerCase(), type: "email", isPrimary: true, isVerified: true, usedForAuth: true },
  ]);
  const fresh = await app.getUser({ or: "throw" });
  assert.equal(fresh.primaryEmail, work.toLowerCase());
  assert.equal(fresh.primaryEmailVerified, true);
  for (const address of [email, work]) {
    ok(await clientApp().signInWithCredential({ email: address, password, noRedirect: true }));
  }

  await channels[0].delete();
  assert.equal((await (await app.getUser({ or: "throw" })).listContactChannels()).length, 1);
  const gone = await clientApp().signInWithCredential({ email, password, noRedirect: true });
  assert.equal(gone.error.errorCode, "EMAIL_PASSWORD_MISMATCH");
});

test("another value has to be verified again", async () => {
  const { app, user } = await signedUp();
  const [channel] = await user.listContactChannels();
  await serverApp().getUser(user.id).then((found) => found.listContactChannels()).then(([own]) => own.update({ isVerified: true }));
  assert.equal((await app.getUser({ or: "throw" })).primaryEmailVerified, true);
  const moved = freshEmail();
  await channel.update({ value: moved });
  const fresh = await app.getUser({ or: "throw" });
  assert.equal(fresh.primaryEmail, moved);
  assert.equal(fresh.primaryEmailVerified, false);
});

test("an address signs in one user", async () => {
  const { email } = await signedUp();
  const { user } = await signedUp();
  await assert.rejects(user.createContactChannel({ value: email, type: "email", usedForAuth: true }), {
    errorCode: "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE",
  });
  const shared = await user.createContactChannel({ value: email, type: "email", usedForAuth: false });
  await assert.rejects(shared.update({ usedForAuth: true }), {
    errorCode: "CONTACT_CHANNEL_ALREADY_USED_FOR_AUTH_BY_SOMEONE_ELSE",
  });
});

test("the backend manages the addresses of any user", async () => {
  const { user } = await signedUp();
  const found = await serverApp().getUser(user.id);
  const value = freshEmail();
  const added = await found.createContactChannel({ value, type: "email", usedForAuth: true, isVerified: true, isPrimary: true });
  assert.deepEqual(facts(added), { value, type: "email", isPrimary: true, isVerified: true, usedForAuth: true });
  await added.update({ isVerified: false });
  const channels = await found.listContactChannels();
  assert.equal(channels.length, 2);
  assert.equal(channels.find((channel) => channel.value === value).isVerified, false);
  await channels.find((channel) => channel.value === value).sendVerificationEmail({ callbackUrl });
  await mailTo(value, { subject: "Verify your email at" });
  for (const channel of channels) await channel.delete();
  const left = await serverApp().getUser(user.id);
  assert.equal(left.primaryEmail, null);
  assert.deepEqual(await left.listContactChannels(), []);
});

test("the primary address is verified on request", async () => {
  const { app, email, user } = await signedUp();
  await user.sendVerificationEmail({ callbackUrl });
  ok(await app.verifyEmail(codeIn(await mailTo(email, { subject: "Verify your email at" }))));
});

test("what the SDK hides: single reads, refusals and the query all operations share", async () => {
  const { app, email, user } = await signedUp();
  const { user: stranger } = await signedUp();
  const { accessToken } = await user.currentSession.getTokens();
  const headers = { "X-Hexclave-Access-Token": accessToken };
  const server = { "X-Hexclave-Access-Type": "server", "X-Hexclave-Secret-Server-Key": project.secret_server_key };
  const [channel] = await user.listContactChannels();

  const read = await api(`/contact-channels/me/${channel.id}?user_id=me&contact_channel_id=${channel.id}`, { headers });
  assert.equal(read.status, 200, read.text);
  assert.deepEqual(read.json, {
    user_id: user.id, id: channel.id, type: "email", value: email, used_for_auth: true, is_verified: false, is_primary: true,
  });
  const body = { user_id: "me", value: freshEmail(), type: "email", used_for_auth: false };
  const cases = [
    [`/contact-channels/${stranger.id}/${channel.id}`, { headers }, 403],
    [`/contact-channels/me/${stranger.id}`, { headers }, 404],
    [`/contact-channels/me/${stranger.id}`, { method: "PATCH", headers, body: {} }, 400],
    [`/contact-channels/me/${stranger.id}`, { method: "DELETE", headers }, 400],
    [`/contact-channels/me/${channel.id}`, {}, 400, "CANNOT_GET_OWN_USER_WITHOUT_USER"],
    [`/contact-channels/not-an-id/${channel.id}`, { headers }, 400, "SCHEMA_ERROR"],
    [`/contact-channels/me/${channel.id}?colour=red`, { headers }, 400, "SCHEMA_ERROR"],
    [`/contact-channels/me/${channel.id}`, { method: "PATCH", headers, body: { is_verified: true } }, 400, "SCHEMA_ERROR"],
    [`/contact-channels/me/${channel.id}`, { method: "PATCH", headers, body: { value: null } }, 400, "SCHEMA_ERROR"],
    [`/contact-channels/me/${channel.id}`, { method: "PATCH", headers, body: { type: "phone" } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels", { method: "POST", headers, body: { ...body, is_verified: true } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels", { method: "POST", headers, body: { ...body, value: "nobody" } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels", { method: "POST", headers, body: { ...body, value: "" } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels", { method: "POST", headers, body: { ...body, value: `${"a".repeat(5000)}@example.com` } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels", { method: "POST", headers, body: { ...body, used_for_auth: undefined } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels", { method: "POST", headers, body: { ...body, user_id: stranger.id } }, 403],
    ["/contact-channels", { method: "POST", headers, body: { ...body, value: email } }, 400],
    ["/contact-channels", { method: "POST", headers: server, body: { ...body, user_id: crypto.randomUUID() } }, 404, "USER_NOT_FOUND"],
    ["/contact-channels", { method: "POST", body }, 400, "CANNOT_GET_OWN_USER_WITHOUT_USER"],
    ["/contact-channels/send-verification-code", { method: "POST", body: { email, callback_url: callbackUrl } }, 400, "SCHEMA_ERROR"],
    ["/contact-channels/send-verification-code", { method: "POST", headers, body: { email: freshEmail(), callback_url: callbackUrl } }, 400, "EMAIL_IS_NOT_PRIMARY_EMAIL"],
  ];
  for (const [path, request, status, code] of cases) {
    const answer = await api(path, request);
    assert.equal(answer.status, status, `${request.method ?? "GET"} ${path}: ${answer.text}`);
    assert.equal(answer.json?.code, code, `${request.method ?? "GET"} ${path}: ${answer.text}`);
  }
  const created = await api("/contact-channels", { method: "POST", headers, body });
  assert.equal(created.status, 201, created.text);
  assert.equal((await (await app.getUser({ or: "throw" })).listContactChannels()).length, 2);
});
