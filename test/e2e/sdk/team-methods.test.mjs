// Every method that the SDK has for teams, members, profiles, permissions,
// invitations and API keys, in a browser, in a backend and for an operator. What
// there is to be called, the objects of the SDK themselves say.
import assert from "node:assert/strict";
import test from "node:test";
import { StackAdminApp } from "@stackframe/js";
import { baseUrl, callbackUrl, clientApp, codeIn, freshEmail, mailTo, project, serverApp } from "./system.mjs";

const password = "correct horse battery";

function ok(result) {
  assert.equal(result.status, "ok", result.error?.stack);
  return result.data;
}

/** What a method has to be called to belong here. */
const concerns = /team|permission|invit|apikey|profile/i;

/** What does: hooks of React, caches and the like, and what belongs to others. */
const others = /^(use|_|redirectTo)|internalApiKey|OAuth|Invoice|CustomerPayment|SignInInvitation|transferProject|profileImageUrl/i;

/**
 * Counts the calls of an object's methods. Objects of the same kind are one; all
 * makes every method of theirs one of those that must be called.
 */
function watcher() {
  const known = new Map();
  const watch = (kind, object, { all = false } = {}) => {
    const methods = new Set();
    for (let level = object; level && level !== Object.prototype; level = Object.getPrototypeOf(level)) {
      for (const name of Object.getOwnPropertyNames(level)) {
        const descriptor = Object.getOwnPropertyDescriptor(level, name);
        if (name !== "constructor" && typeof descriptor.value === "function" && (all || concerns.test(name)) && !others.test(name)) methods.add(name);
      }
    }
    const called = known.get(kind)?.called ?? new Set();
    known.set(kind, { methods, called });
    // Some objects are frozen, so that the proxy stands before an empty one.
    return new Proxy({}, {
      has: (_, name) => name in object,
      get(_, name) {
        const value = Reflect.get(object, name, object);
        if (typeof value !== "function") return value;
        return (...args) => {
          called.add(name);
          return value.apply(object, args);
        };
      },
    });
  };
  const forgotten = () => [...known].flatMap(([kind, { methods, called }]) => [...methods].filter((name) => !called.has(name)).map((name) => `${kind}.${name}`));
  return { watch, forgotten, counted: () => [...known.values()].reduce((sum, { methods }) => sum + methods.size, 0) };
}

async function person() {
  const app = clientApp();
  const email = freshEmail("member");
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, verificationCallbackUrl: callbackUrl }));
  ok(await app.verifyEmail(codeIn(await mailTo(email, { subject: "Verify your email at" }))));
  return { app, email, user: await app.getUser({ or: "throw" }) };
}

test("every method of the SDK on teams and what belongs to them works", async () => {
  const { watch, forgotten, counted } = watcher();
  const ids = (list) => list.map((one) => one.id);
  // Methods of teams that belong to payments.
  const payments = ["getItem", "listProducts", "createCheckoutUrl", "grantProduct", "switchSubscription", "cancelSubscription", "getBilling",
    "createPaymentMethodSetupIntent", "setDefaultPaymentMethodFromSetupIntent", "listInvoices", "listProductsPaginated", "createItem", "refundTransaction"];

  // In a browser.
  const ada = await person();
  const grace = await person();
  const me = watch("client user", ada.user);
  const team = watch("client team", await me.createTeam({ displayName: "Engines", profileImageUrl: "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" }));
  assert.match(team.profileImageUrl, /^http/);
  assert.equal((await me.getTeam(team.id)).id, team.id);
  assert.ok(ids(await me.listTeams()).includes(team.id));
  await me.setSelectedTeam(null);
  assert.equal((await ada.app.getUser({ or: "throw" })).selectedTeam, null);
  await me.setSelectedTeam(team);
  assert.equal((await ada.app.getUser({ or: "throw" })).selectedTeam.id, team.id);
  await team.update({ displayName: "Difference Engines" });

  await team.inviteUser({ email: grace.email, callbackUrl });
  const [sent] = await team.listInvitations();
  const invitation = watch("sent invitation", sent, { all: true });
  assert.equal(invitation.recipientEmail, grace.email);
  const visitor = watch("client app", grace.app);
  const code = codeIn(await mailTo(grace.email, { subject: "You have been invited to join" }));
  ok(await visitor.verifyTeamInvitationCode(code));
  assert.equal(ok(await visitor.getTeamInvitationDetails(code)).teamDisplayName, "Difference Engines");
  await invitation.revoke();
  assert.equal((await visitor.acceptTeamInvitation(code)).error.errorCode, "VERIFICATION_CODE_NOT_FOUND");
  await team.inviteUser({ email: grace.email, callbackUrl });
  const guest = watch("client user", grace.user);
  const received = watch("received invitation", (await guest.listTeamInvitations()).find((one) => one.teamId === team.id), { all: true });
  await received.accept();
  const joined = await guest.getTeam(team.id);

  const profile = watch("client profile", await guest.getTeamProfile(joined), { all: true });
  await profile.update({ displayName: "Grace", profileImageUrl: "https://example.com/grace.png" });
  const members = await team.listUsers();
  assert.deepEqual(members.map((member) => [member.id, member.teamProfile.displayName]), [[me.id, null], [guest.id, "Grace"]]);

  assert.equal((await guest.getPermission(joined, "team_member")).id, "team_member");
  assert.equal(await guest.getPermission(joined, "$delete_team"), null);
  assert.equal(await guest.hasPermission(joined, "$read_members"), true);
  assert.deepEqual(ids(await guest.listPermissions(joined, { recursive: false })), ["team_member"]);
  assert.equal(await guest.getPermission("team_member"), null, "outside teams nothing was granted");
  assert.deepEqual(await guest.listPermissions(), []);

  const teamKey = watch("key", await team.createApiKey({ description: "CI", expiresAt: null }), { all: true });
  assert.equal(teamKey.isValid(), true);
  assert.equal(teamKey.whyInvalid(), null);
  const [listedTeamKey] = await team.listApiKeys();
  await listedTeamKey.update({ description: "renamed" });
  const ownKey = watch("key", await me.createApiKey({ description: "own", expiresAt: new Date(Date.now() + 3_600_000) }), { all: true });
  const [listedKey] = await me.listApiKeys();
  await watch("key", listedKey, { all: true }).update({ description: "mine" });
  assert.equal((await me.listApiKeys())[0].description, "mine");
  await watch("key", listedKey, { all: true }).revoke();
  assert.equal((await me.listApiKeys())[0].whyInvalid(), "manually-revoked");
  assert.equal(ownKey.userId, me.id);
  await guest.leaveTeam(joined);
  assert.deepEqual(ids(await team.listUsers()), [me.id]);

  // In a backend.
  const server = watch("server app", serverApp());
  assert.equal((await server.getTeam({ apiKey: teamKey.value })).id, team.id);
  const known = watch("server user", await server.getUser(guest.id));
  const one = watch("server team", await server.createTeam({ displayName: `Second ${crypto.randomUUID()}`, creatorUserId: me.id }));
  const other = watch("server team", await known.createTeam({ displayName: "Third" }));
  assert.deepEqual(ids(await known.listTeams({ orderBy: "createdAt", desc: true, limit: 1 })), [other.id]);
  assert.equal((await known.getTeam(other.id)).id, other.id);
  const page = await server.listTeams({ limit: 1, orderBy: "createdAt", query: one.displayName });
  assert.deepEqual([ids(page), page.nextCursor], [[one.id], null]);
  const first = await server.listTeams({ limit: 1, desc: true, orderBy: "createdAt" });
  assert.deepEqual(ids(first), [other.id]);
  assert.deepEqual(ids(await server.listTeams({ limit: 1, desc: true, orderBy: "createdAt", cursor: first.nextCursor })), [one.id]);

  await one.addUser(guest.id);
  assert.deepEqual(ids(await server.listUsers({ teamId: one.id, orderBy: "signedUpAt" })), [me.id, guest.id]);
  assert.deepEqual((await one.listUsers()).map((member) => member.id).sort(), [me.id, guest.id].sort());
  const serverProfile = watch("server profile", await known.getTeamProfile(one), { all: true });
  await serverProfile.update({ displayName: "Admiral" });
  assert.deepEqual((await one.listUsers()).find((member) => member.id === guest.id).teamProfile.displayName, "Admiral");
  await known.setSelectedTeam(one);
  assert.equal((await server.getUser(guest.id)).selectedTeam.id, one.id);
  await known.grantPermission(one, "$delete_team");
  assert.equal(await known.hasPermission(one, "$delete_team"), true);
  assert.equal((await known.getPermission(one, "$delete_team")).id, "$delete_team");
  assert.deepEqual(ids(await known.listPermissions(one, { recursive: false })), ["$delete_team", "team_member"]);
  const roster = await server.listTeamMemberPermissions(one.id, { recursive: true });
  assert.equal(roster.filter((held) => held.userId === guest.id).length, 4);
  assert.deepEqual((await server.listTeamMemberPermissions(one.id)).filter((held) => held.userId === me.id).map((held) => held.permissionId), ["team_admin"]);
  await known.revokePermission(one, "$delete_team");
  assert.equal(await known.hasPermission(one, "$delete_team"), false);

  await one.inviteUser({ email: freshEmail("invited"), callbackUrl });
  const [sentByServer] = await one.listInvitations();
  await sentByServer.revoke();
  assert.deepEqual(await one.listInvitations(), []);
  await other.inviteUser({ email: ada.email, callbackUrl });
  const toAda = (await watch("server user", await server.getUser(me.id)).listTeamInvitations()).find((each) => each.teamId === other.id);
  await toAda.accept();
  assert.ok((await other.listUsers()).some((member) => member.id === me.id));
  const serverKey = await one.createApiKey({ description: "backend", expiresAt: null, isPublic: true });
  assert.deepEqual(ids(await one.listApiKeys()), [serverKey.id]);
  const userKey = await known.createApiKey({ description: "backend", expiresAt: null });
  const [listedByServer] = await known.listApiKeys();
  assert.equal(listedByServer.id, userKey.id);
  await listedByServer.revoke();
  await one.update({ serverMetadata: { plan: "gold" } });
  await one.removeUser(guest.id);
  // The SDK sends this one as a browser in which nobody is signed in.
  await assert.rejects(known.leaveTeam(other), { errorCode: "CANNOT_GET_OWN_USER_WITHOUT_USER" });
  await other.removeUser(known.id);
  assert.ok((await known.listTeams()).every((each) => ![one.id, other.id].includes(each.id)));
  await one.delete();
  await team.delete();

  // For an operator.
  const operator = watch("admin app", new StackAdminApp({
    projectId: project.id, publishableClientKey: project.publishable_client_key, secretServerKey: project.secret_server_key,
    superSecretAdminKey: project.super_secret_admin_key, baseUrl, tokenStore: "memory", redirectMethod: "none",
  }));
  const [base, more] = [`base_${Date.now()}`, `more_${Date.now()}`];
  for (const [scope, contained] of [["Team", ["$read_members"]], ["Project", []]]) {
    const [low, high] = [`${base}_${scope.toLowerCase()}`, `${more}_${scope.toLowerCase()}`];
    const created = await operator[`create${scope}PermissionDefinition`]({ id: low, description: "Try it", containedPermissionIds: contained });
    assert.equal(created.id, low);
    await operator[`create${scope}PermissionDefinition`]({ id: high, containedPermissionIds: [low] });
    await operator[`update${scope}PermissionDefinition`](low, { description: "Tried", containedPermissionIds: [] });
    const listed = await operator[`list${scope}PermissionDefinitions`]();
    assert.deepEqual(listed.filter((each) => [low, high].includes(each.id)).map((each) => [each.id, each.description, each.containedPermissionIds]),
      [[low, "Tried", []], [high, undefined, [low]]]);
    await assert.rejects(operator[`update${scope}PermissionDefinition`](low, { containedPermissionIds: [high] }), /would contain itself/);
    if (scope === "Team") {
      const paged = await operator.listTeamPermissionDefinitionsPaginated({ limit: 1, query: "_team" });
      assert.equal(paged.items.length, 1);
      const next = await operator.listTeamPermissionDefinitionsPaginated({ limit: 1, query: "_team", cursor: paged.nextCursor });
      assert.equal(next.items[0].id, paged.nextCursor);
    } else {
      await known.grantPermission(high);
      assert.equal(await guest.hasPermission(low), true, "granted by what contains it");
      await known.revokePermission(high);
    }
    for (const id of [high, low]) await operator[`delete${scope}PermissionDefinition`](id);
  }

  const left = forgotten().filter((name) => !payments.includes(name.split(".")[1]));
  // An operator's app is a backend's, and a backend's a browser's.
  const elsewhere = (name) => /^(server|admin) app\.(verifyTeamInvitationCode|acceptTeamInvitation|getTeamInvitationDetails)$/.test(name) ||
    /^admin app\.(createTeam|listTeams|getTeam|listTeamMemberPermissions)$/.test(name) || /^server team\.(getItem)$/.test(name);
  assert.deepEqual(left.filter((name) => !elsewhere(name)), [], "methods that nobody called");
  assert.ok(counted() > 40, `only ${counted()} methods were found`);
});
