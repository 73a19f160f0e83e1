import assert from "node:assert/strict";
import test from "node:test";
import { api, clientApp, freshEmail, project, serverApp } from "./system.mjs";

const password = "correct horse battery";
const server = { "X-Hexclave-Access-Type": "server", "X-Hexclave-Secret-Server-Key": project.secret_server_key };

function ok(result) {
  assert.equal(result.status, "ok", result.error?.stack);
  return result.data;
}

test("the backend creates, changes and deletes a user", async () => {
  const app = serverApp();
  const email = freshEmail();
  const created = await app.createUser({
    primaryEmail: email,
    primaryEmailAuthEnabled: true,
    primaryEmailVerified: true,
    password,
    displayName: "Ada Lovelace",
    clientMetadata: { theme: "dark" },
    serverMetadata: { plan: "gold" },
  });
  assert.equal(created.primaryEmail, email);
  assert.equal(created.hasPassword, true);
  assert.deepEqual(created.serverMetadata, { plan: "gold" });
  ok(await clientApp().signInWithCredential({ email, password, noRedirect: true }));

  await created.update({ displayName: "Countess", clientReadOnlyMetadata: { role: "poet" }, serverMetadata: null });
  const changed = await app.getUser(created.id);
  assert.equal(changed.displayName, "Countess");
  assert.deepEqual(changed.clientReadOnlyMetadata, { role: "poet" });
  assert.equal(changed.serverMetadata, null);
  assert.deepEqual(changed.clientMetadata, { theme: "dark" });

  const moved = freshEmail();
  await changed.setPrimaryEmail(moved, { verified: true });
  await changed.setPassword({ password: "another password" });
  ok(await clientApp().signInWithCredential({ email: moved, password: "another password", noRedirect: true }));
  const old = await clientApp().signInWithCredential({ email: moved, password, noRedirect: true });
  assert.equal(old.error.errorCode, "EMAIL_PASSWORD_MISMATCH");

  await changed.delete();
  assert.equal(await app.getUser(created.id), null);
});

test("a restriction shows to the user and hides them from lists", async () => {
  const app = serverApp();
  const tag = `restricted-${crypto.randomUUID()}`;
  const user = await app.createUser({ displayName: tag });
  await user.update({ restrictedByAdmin: true, restrictedByAdminReason: "unpaid", restrictedByAdminPrivateDetails: "invoice 17" });
  const restricted = await app.getUser(user.id, { includeRestricted: true });
  assert.equal(restricted.isRestricted, true);
  assert.equal(restricted.restrictedByAdminPrivateDetails, "invoice 17");
  assert.deepEqual((await app.listUsers({ query: tag })).map((found) => found.id), []);
  assert.deepEqual((await app.listUsers({ query: tag, includeRestricted: true })).map((found) => found.id), [user.id]);
});

test("users are listed in pages, ordered and searched", async () => {
  const app = serverApp();
  const tag = `page-${crypto.randomUUID()}`;
  const ids = [];
  for (let i = 0; i < 5; i++) {
    ids.push((await app.createUser({ displayName: `${tag} ${i}` })).id);
  }
  const found = [];
  let cursor;
  for (let pages = 0; ; pages++) {
    const page = await app.listUsers({ query: tag.toUpperCase(), limit: 2, orderBy: "signedUpAt", cursor });
    found.push(...page.map((user) => user.id));
    if (!page.nextCursor) {
      assert.equal(pages, 2);
      break;
    }
    cursor = page.nextCursor;
  }
  assert.deepEqual(found, ids);
  const backwards = await app.listUsers({ query: tag, desc: true, orderBy: "signedUpAt" });
  assert.deepEqual(backwards.map((user) => user.id), ids.toReversed());
  assert.equal(backwards.nextCursor, null);

  // Whoever signs in moves to the end of the list by activity.
  const email = freshEmail();
  await (await app.getUser(ids[0])).update({ primaryEmail: email, primaryEmailAuthEnabled: true, password });
  ok(await clientApp().signInWithCredential({ email, password, noRedirect: true }));
  const active = await api(`/users?query=${encodeURIComponent(tag)}&order_by=last_active_at&desc=true&limit=1`, { headers: server });
  assert.equal(active.json.items[0].id, ids[0]);
  assert.deepEqual((await app.listUsers({ query: email })).map((user) => user.id), [ids[0]]);
  assert.deepEqual((await app.listUsers({ query: ids[3] })).map((user) => user.id), [ids[3]]);
});

test("anonymous users are listed on request", async () => {
  const app = clientApp();
  const anonymous = await app.getUser({ or: "anonymous" });
  const backend = serverApp();
  assert.deepEqual((await backend.listUsers({ query: anonymous.id })).map((user) => user.id), []);
  assert.deepEqual((await backend.listUsers({ query: anonymous.id, includeAnonymous: true })).map((user) => user.id), [anonymous.id]);
  const only = await api(`/users?include_anonymous=true&only_anonymous=true&query=${anonymous.id}`, { headers: server });
  assert.deepEqual(only.json.items.map((user) => user.is_anonymous), [true]);
});

test("what the SDK hides: the envelope, refusals and the query all operations share", async () => {
  const found = await api("/users?limit=1", { headers: server });
  assert.equal(found.status, 200, found.text);
  assert.equal(found.json.is_paginated, true);
  assert.equal(found.json.items.length, 1);
  assert.equal(typeof found.json.pagination.next_cursor, "string");
  assert.deepEqual(found.json.items[0].risk_scores, { sign_up: { bot: 0, free_trial_abuse: 0 } });
  for (const [query, status, code] of [
    ["limit=0", 400, "SCHEMA_ERROR"],
    ["limit=some", 400, "SCHEMA_ERROR"],
    ["cursor=abc", 400, "SCHEMA_ERROR"],
    ["order_by=name", 400, "SCHEMA_ERROR"],
    ["desc=1", 400, "SCHEMA_ERROR"],
    ["include_restricted=yes", 400, "SCHEMA_ERROR"],
    ["colour=red", 400, "SCHEMA_ERROR"],
    ["only_anonymous=true", 400, undefined],
    ["only_anonymous=true&include_anonymous=false", 400, undefined],
  ]) {
    const answer = await api(`/users?${query}`, { headers: server });
    assert.equal(answer.status, status, `${query}: ${answer.text}`);
    assert.equal(answer.json?.code, code, `${query}: ${answer.text}`);
  }
  for (const query of [`cursor=${crypto.randomUUID()}`, `team_id=${crypto.randomUUID()}`]) {
    const answer = await api(`/users?${query}`, { headers: server });
    assert.deepEqual(answer.json, { items: [], is_paginated: true, pagination: { next_cursor: null } }, query);
  }
  assert.equal((await api("/users")).json.code, "INSUFFICIENT_ACCESS_TYPE");
});

test("the list of a team's members", async () => {
  const app = clientApp();
  ok(await app.signUpWithCredential({ email: freshEmail(), password, noRedirect: true, noVerificationCallback: true }));
  const user = await app.getUser({ or: "throw" });
  const shown = await api(`/users/${user.id}`, { headers: server });
  const teamId = shown.json.selected_team_id;
  if (teamId === null) return; // The project gives nobody a personal team.
  const members = await serverApp().listUsers({ teamId });
  assert.deepEqual(members.map((member) => member.id), [user.id]);
  assert.equal(members[0].selectedTeam.id, teamId);
});
