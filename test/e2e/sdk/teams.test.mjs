import assert from "node:assert/strict";
import test from "node:test";
import { api, callbackUrl, clientApp, codeIn, freshEmail, mailTo, project, serverApp } from "./system.mjs";

const password = "correct horse battery";

function ok(result) {
  assert.equal(result.status, "ok", result.error?.stack);
  return result.data;
}

/** A browser of somebody who has just signed up. */
async function person({ verified = false } = {}) {
  const app = clientApp();
  const email = freshEmail("teammate");
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, verificationCallbackUrl: callbackUrl }));
  if (verified) {
    ok(await app.verifyEmail(codeIn(await mailTo(email, { subject: "Verify your email at" }))));
  }
  return { app, email, user: await app.getUser({ or: "throw" }) };
}

/** Calls the admin API. */
function admin(path, options) {
  return api(path, {
    ...options,
    headers: { "X-Hexclave-Access-Type": "admin", "X-Hexclave-Super-Secret-Admin-Key": project.super_secret_admin_key },
  });
}

/** Waits for the last of several mails to an address. */
async function invitationTo(email) {
  return codeIn(await mailTo(email, { subject: "You have been invited to join" }));
}

test("a team is created, found, changed and deleted by its creator", async () => {
  const { app, user } = await person();
  const team = await user.createTeam({ displayName: "Analytical Engines" });
  assert.equal(team.displayName, "Analytical Engines");
  assert.equal(team.profileImageUrl, null);
  assert.equal((await app.getUser({ or: "throw" })).selectedTeam.id, team.id, "the SDK selects a team it creates");

  await team.update({ displayName: "Engines", clientMetadata: { colour: "brass" } });
  let found = await (await app.getUser({ or: "throw" })).getTeam(team.id);
  assert.equal(found.displayName, "Engines");
  assert.deepEqual(found.clientMetadata, { colour: "brass" });
  await team.update({ profileImageUrl: "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7" });
  found = await (await app.getUser({ or: "throw" })).getTeam(team.id);
  const image = await fetch(found.profileImageUrl);
  assert.equal(image.status, 200);
  assert.equal(image.headers.get("content-type"), "image/gif");

  const { user: stranger } = await person();
  assert.equal(await stranger.getTeam(team.id), null);

  await team.delete();
  const after = await app.getUser({ or: "throw" });
  assert.equal(await after.getTeam(team.id), null);
  assert.equal(after.selectedTeam, null);
});

test("somebody is invited by mail, joins with the code and leaves again", async () => {
  const { app, user } = await person();
  await user.setDisplayName("Ada");
  const team = await user.createTeam({ displayName: "Bernoulli & Sons" });
  const guest = await person();
  await team.inviteUser({ email: guest.email, callbackUrl });
  assert.deepEqual((await team.listInvitations()).map((invitation) => invitation.recipientEmail), [guest.email]);

  const code = await invitationTo(guest.email);
  ok(await guest.app.verifyTeamInvitationCode(code));
  assert.equal(ok(await guest.app.getTeamInvitationDetails(code)).teamDisplayName, "Bernoulli & Sons");
  ok(await guest.app.acceptTeamInvitation(code));
  const again = await guest.app.acceptTeamInvitation(code);
  assert.equal(again.error.errorCode, "VERIFICATION_CODE_ALREADY_USED");
  assert.equal((await team.listInvitations()).length, 0);

  const joined = await guest.user.getTeam(team.id);
  assert.equal(joined.displayName, "Bernoulli & Sons");
  const profile = await guest.user.getTeamProfile(joined);
  assert.equal(profile.displayName, null);
  await profile.update({ displayName: "Grace" });
  const members = await team.listUsers();
  assert.deepEqual(members.map((member) => member.teamProfile.displayName), ["Ada", "Grace"]);

  assert.equal(await guest.user.hasPermission(joined, "$invite_members"), true);
  assert.equal(await guest.user.hasPermission(joined, "$update_team"), false);
  assert.equal(await user.hasPermission(team, "$update_team"), true);
  await assert.rejects(joined.update({ displayName: "Mine" }), { errorCode: "TEAM_PERMISSION_REQUIRED" });

  await guest.user.leaveTeam(joined);
  assert.deepEqual((await team.listUsers()).map((member) => member.id), [user.id]);
  assert.equal(await (await app.getUser({ or: "throw" })).getTeam(team.id).then((found) => found.id), team.id);
});

test("an invitation to a verified address is listed, accepted and withdrawn", async () => {
  const { user } = await person();
  const [first, second] = [await user.createTeam({ displayName: "First" }), await user.createTeam({ displayName: "Second" })];
  const guest = await person({ verified: true });
  await first.inviteUser({ email: guest.email.toUpperCase(), callbackUrl });
  await second.inviteUser({ email: guest.email, callbackUrl });

  const received = await guest.user.listTeamInvitations();
  assert.deepEqual(received.map((invitation) => [invitation.teamId, invitation.teamDisplayName]), [[first.id, "First"], [second.id, "Second"]]);
  await received[0].accept();
  assert.equal((await guest.user.getTeam(first.id)).id, first.id);
  await assert.rejects(received[0].accept(), { errorCode: "VERIFICATION_CODE_NOT_FOUND" });

  const [sent] = await second.listInvitations();
  await sent.revoke();
  assert.deepEqual(await guest.user.listTeamInvitations(), []);
  await assert.rejects(received[1].accept(), { errorCode: "VERIFICATION_CODE_NOT_FOUND" });
});

test("a backend manages teams, members and what they may do", async () => {
  const server = serverApp();
  const { user: me } = await person();
  const user = await server.getUser(me.id);
  const name = `Team ${crypto.randomUUID()}`;
  const team = await server.createTeam({ displayName: name });
  assert.ok(team.createdAt instanceof Date);
  await team.update({ serverMetadata: { plan: "gold" }, clientReadOnlyMetadata: { seats: 3 } });
  const found = await server.getTeam(team.id);
  assert.deepEqual(found.serverMetadata, { plan: "gold" });
  assert.deepEqual(found.clientReadOnlyMetadata, { seats: 3 });

  await team.addUser(user.id);
  await assert.rejects(team.addUser(user.id), { errorCode: "TEAM_MEMBERSHIP_ALREADY_EXISTS" });
  const [member] = await team.listUsers();
  assert.equal(member.id, user.id);
  assert.equal(member.primaryEmail, user.primaryEmail);
  assert.deepEqual((await user.listTeams()).map((one) => one.id), [team.id]);

  assert.equal(await user.hasPermission(team, "team_member"), true);
  assert.equal(await user.hasPermission(team, "$delete_team"), false);
  await user.grantPermission(team, "team_admin");
  assert.equal(await me.hasPermission(team, "$delete_team"), true);
  assert.deepEqual((await me.listPermissions(team, { recursive: false })).map((one) => one.id), ["team_admin", "team_member"]);
  await user.revokePermission(team, "team_admin");
  assert.equal(await me.hasPermission(team, "$delete_team"), false);

  const guest = await person({ verified: true });
  await team.inviteUser({ email: guest.email, callbackUrl });
  assert.equal((await (await server.getUser(guest.user.id)).listTeamInvitations()).length, 1);
  await team.removeUser(user.id);
  assert.deepEqual(await team.listUsers(), []);
  await team.delete();
  assert.equal(await server.getTeam(team.id), null);
});

test("permissions are defined, contained, granted outside teams and renamed", async () => {
  const [base, more] = [`p${Date.now()}`, `q${Date.now()}`];
  const created = await admin("/project-permission-definitions", { method: "POST", body: { id: base, description: "Try it" } });
  assert.equal(created.status, 201);
  assert.deepEqual(created.json, { id: base, description: "Try it", contained_permission_ids: [] });
  assert.equal((await admin("/project-permission-definitions", { method: "POST", body: { id: more, contained_permission_ids: [base] } })).status, 201);
  assert.equal((await admin("/team-permission-definitions", { method: "POST", body: { id: base } })).json.code, "PERMISSION_ID_ALREADY_EXISTS");

  const { user: me } = await person();
  const user = await serverApp().getUser(me.id);
  await user.grantPermission(more);
  assert.equal(await me.hasPermission(base), true, "granted by what contains it");
  assert.deepEqual((await me.listPermissions({ recursive: false })).map((one) => one.id), [more]);

  const renamed = await admin(`/project-permission-definitions/${base}`, { method: "PATCH", body: { id: `${base}_new` } });
  assert.deepEqual(renamed.json, { id: `${base}_new`, contained_permission_ids: [] });
  assert.equal(await me.hasPermission(`${base}_new`), true);
  assert.equal((await admin(`/project-permission-definitions/${more}`, { method: "DELETE" })).status, 200);
  assert.deepEqual(await me.listPermissions(), []);
  const left = (await admin("/project-permission-definitions")).json.items.map((one) => one.id);
  assert.ok(left.includes(`${base}_new`) && !left.includes(more));
  const inTeams = (await admin("/team-permission-definitions")).json.items.map((one) => one.id);
  assert.deepEqual(inTeams.slice(0, 6), ["$delete_team", "$invite_members", "$manage_api_keys", "$read_members", "$remove_members", "$update_team"]);
});
