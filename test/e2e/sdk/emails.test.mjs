// What mails an app sends and a user wants, through the SDK.
import { test } from "node:test";
import assert from "node:assert/strict";
import { callbackUrl, clientApp, dev, freshEmail, mailTo, project, serverApp } from "./system.mjs";

const password = "correct horse battery";

function ok(result) {
  assert.equal(result.status, "ok", JSON.stringify(result.error));
  return result.data;
}

async function signedUp() {
  const app = clientApp();
  const email = freshEmail();
  ok(await app.signUpWithCredential({ email, password, noRedirect: true, verificationCallbackUrl: callbackUrl }));
  return { email, user: await app.getUser({ or: "throw" }) };
}

/** Gives the project a mail server of its own while fn runs: the mailbox. */
async function withOwnServer(fn) {
  const [host, port] = dev.smtp_addr.split(":");
  const override = (path, body) =>
    fetch(`${dev.base_url}/api/v1/internal/config/override/environment${path}`, {
      method: path ? "POST" : "PATCH",
      headers: {
        "Content-Type": "application/json",
        "X-Hexclave-Project-Id": project.id,
        "X-Hexclave-Access-Type": "admin",
        "X-Hexclave-Super-Secret-Admin-Key": project.super_secret_admin_key,
      },
      body: JSON.stringify(body),
    }).then((response) => assert.equal(response.status, 200));
  const server = {
    isShared: false, provider: "smtp", host, port: Number(port), username: "ada", password: "not checked", senderName: "Shop", senderEmail: "shop@example.com",
  };
  await override("", { config_override_string: JSON.stringify({ "emails.server": server }) });
  try {
    await fn();
  } finally {
    await override("/reset-keys", { keys: ["emails.server"] });
  }
}

test("a user switches a notification category off and on", async () => {
  const { user } = await signedUp();
  const categories = await user.listNotificationCategories();
  assert.deepEqual(categories.map((c) => [c.name, c.enabled, c.canDisable]), [["Transactional", true, false], ["Marketing", true, true]]);
  await categories[1].setEnabled(false);
  assert.deepEqual((await user.listNotificationCategories()).map((c) => c.enabled), [true, false]);
  const seenByServer = await (await serverApp().getUser(user.id)).listNotificationCategories();
  assert.deepEqual(seenByServer.map((c) => c.enabled), [true, false]);
  await seenByServer[1].setEnabled(true);
  assert.deepEqual((await user.listNotificationCategories()).map((c) => c.enabled), [true, true]);
});

test("a backend sends mail and reads what became of it", async () => {
  const { email, user } = await signedUp();
  const app = serverApp();
  await withOwnServer(async () => {
    await app.sendEmail({ userIds: [user.id], html: "<p>Hello from the <b>backend</b></p>", subject: "Hello from the backend" });
    const mail = await mailTo(email, { subject: "Hello from the backend" });
    assert.match(mail.Text, /Hello from the backend/);
    const stats = await app.getEmailDeliveryStats();
    assert.equal(typeof stats.stats.hour.sent, "number");
    assert.equal(stats.capacity.boost_multiplier, 1);
  });
  await withOwnServer(async () => {
    await app.sendEmail({
      userIds: [user.id], templateId: "822687fe-8d0a-4467-a0d1-416b6e639478", variables: { magicLink: callbackUrl, otp: "ABC123" },
      themeId: "a0172b5d-cff0-463b-83bb-85124697373a", notificationCategoryName: "Transactional",
    });
    assert.match((await mailTo(email, { subject: "ABC123" })).HTML, /ABC123/);
    await app.sendEmail({ userIds: [user.id], html: "<p>News</p>", subject: "News for you", themeId: false, scheduledAt: new Date(Date.now() - 1000) });
    assert.match((await mailTo(email, { subject: "News for you" })).HTML, /<p>News<\/p>/);
    await assert.rejects(app.sendEmail({ userIds: [crypto.randomUUID()], html: "x", subject: "x" }), (error) => error.errorCode === "USER_ID_DOES_NOT_EXIST");
  });
  await app.activateEmailCapacityBoost();
  assert.equal((await app.getEmailDeliveryStats()).capacity.is_boost_active, true);
  await assert.rejects(app.activateEmailCapacityBoost(), (error) => error.errorCode === "EMAIL_CAPACITY_BOOST_ALREADY_ACTIVE");
  await assert.rejects(app.sendEmail({ userIds: [user.id], html: "x", subject: "x" }), (error) => error.errorCode === "REQUIRES_CUSTOM_EMAIL_SERVER");
});
