// What people and backends do where things are sold for money.
import assert from "node:assert/strict";
import test from "node:test";
import { api, clientApp, dev, freshEmail, serverApp, until } from "./system.mjs";

const live = dev.projects.live;
const stripeUrl = process.env.VESTIBULE_TEST_STRIPE;
const backend = serverApp({ projectId: live.id, publishableClientKey: live.publishable_client_key, secretServerKey: live.secret_server_key });
const headers = { "X-Hexclave-Project-Id": live.id, "X-Hexclave-Publishable-Client-Key": live.publishable_client_key };
const admin = { ...headers, "X-Hexclave-Access-Type": "admin", "X-Hexclave-Super-Secret-Admin-Key": live.super_secret_admin_key };

async function signedUp() {
  const app = clientApp({ projectId: live.id, publishableClientKey: live.publishable_client_key });
  const result = await app.signUpWithCredential({ email: freshEmail("payer"), password: "correct horse battery", noRedirect: true, noVerificationCallback: true });
  assert.equal(result.status, "ok", result.error?.stack);
  return { app, user: await app.getUser({ or: "throw" }) };
}

/** Asks the payment provider as a browser does. */
async function ask(path, body) {
  const answer = await (await fetch(stripeUrl + path, { method: "POST", body: JSON.stringify({ key: "pk_test_standin", card: "4242424242424242", ...body }) })).json();
  assert.equal(answer.error, undefined, answer.error?.message);
  return answer;
}

/** Does what the checkout page does; mode and amount are what it shows. */
async function pay(url, priceId, mode, amount, quantity = 1) {
  const fullCode = new URL(url).pathname.split("/").pop();
  const shown = await api("/payments/purchases/validate-code", { method: "POST", headers, body: { full_code: fullCode } });
  assert.equal(shown.status, 200, shown.text);
  assert.equal(shown.json.test_mode, false);
  assert.equal(shown.json.charges_enabled, true);
  const session = await api("/payments/purchases/purchase-session", { method: "POST", headers, body: { full_code: fullCode, price_id: priceId, quantity } });
  assert.equal(session.status, 200, session.text);
  await ask("/confirm", { account: shown.json.stripe_account_id, client_secret: session.json.client_secret, mode, amount });
}

/** Waits for the word of the payment provider. */
async function eventually(read, want) {
  await until(async () => assert.deepEqual(await read(), want));
}

test("a person pays for packs", async () => {
  const { user } = await signedUp();
  await pay(await user.createCheckoutUrl({ productId: "pack" }), "once", "payment", 750, 3);
  await eventually(async () => (await user.getItem("credits")).quantity, 30);
  const [owned] = await user.listProducts();
  assert.equal(owned.type, "one_time");
  assert.equal(owned.quantity, 3);
  assert.equal(owned.subscription, null);

  const page = await api("/internal/payments/transactions?type=purchase&limit=200", { headers: admin });
  const bought = page.json.transactions.find((entry) => entry.entries[0].customer_id === user.id);
  assert.deepEqual(bought.entries.map((entry) => entry.type), ["product_grant", "money_transfer", "item_quantity_change"]);
  assert.deepEqual(bought.entries[1].charged_amount, { USD: "7.5" });
  const refund = (amount, quantity) => api("/internal/payments/transactions/refund", {
    method: "POST", headers: admin, body: { type: "one-time-purchase", id: bought.id, refund_entries: [{ entry_index: 0, quantity, amount_usd: amount }] },
  });
  assert.equal((await refund("7.51", 1)).json.code, "SCHEMA_ERROR");
  assert.deepEqual((await refund("2.50", 1)).json, { success: true });
  assert.equal((await refund("2.50", 1)).json.code, "ONE_TIME_PURCHASE_ALREADY_REFUNDED");
  assert.equal((await user.listProducts())[0].quantity, 2);
  assert.equal((await user.getItem("credits")).quantity, 30, "what was handed out stays");
});

test("a person subscribes, stores a card, switches and cancels", async () => {
  const { app, user } = await signedUp();
  assert.deepEqual(await user.getBilling(), { hasCustomer: false, defaultPaymentMethod: null });
  await pay(await user.createCheckoutUrl({ productId: "basic" }), "monthly", "subscription", 999);
  await eventually(async () => (await user.listProducts()).map((product) => [product.id, product.type]), [["basic", "subscription"]]);
  await eventually(async () => (await user.listInvoices()).map((invoice) => [invoice.status, invoice.amountTotal]), [["paid", 999]]);
  assert.ok((await user.listInvoices())[0].hostedInvoiceUrl);
  const [owned] = await user.listProducts();
  assert.deepEqual(owned.switchOptions.map((option) => option.productId), ["pro"]);

  await assert.rejects(user.switchSubscription({ fromProductId: "basic", toProductId: "pro" }), { errorCode: "DEFAULT_PAYMENT_METHOD_REQUIRED" });
  const intent = await user.createPaymentMethodSetupIntent();
  await ask("/store", { account: intent.stripeAccountId, client_secret: intent.clientSecret });
  const card = await user.setDefaultPaymentMethodFromSetupIntent(intent.clientSecret.replace("_secret", ""));
  assert.equal(card.last4, "4242");
  const billing = await user.getBilling();
  assert.equal(billing.hasCustomer, true);
  assert.equal(billing.defaultPaymentMethod.brand, "visa");
  await assert.rejects(user.setDefaultPaymentMethodFromSetupIntent("seti_of_somebody"));

  await user.switchSubscription({ fromProductId: "basic", toProductId: "pro", priceId: "monthly" });
  await eventually(async () => (await user.listProducts()).map((product) => product.id), ["pro"]);
  assert.equal((await user.getItem("credits")).quantity, 500);
  await eventually(async () => (await user.listInvoices()).map((invoice) => invoice.amountTotal), [1999, 999]);
  const first = await user.listInvoices({ limit: 1 });
  assert.deepEqual(first.map((invoice) => invoice.amountTotal), [1999]);
  assert.deepEqual((await user.listInvoices({ limit: 1, cursor: first.nextCursor })).map((invoice) => invoice.amountTotal), [999]);

  await app.cancelSubscription({ productId: "pro" });
  await eventually(async () => (await user.listProducts()).map((product) => [product.id, product.type]), [["pro", "one_time"]]);
  assert.equal((await user.getItem("credits")).quantity, 500, "what was paid for lasts");
});

test("a team's admin pays for the team, a member does not", async () => {
  const { app, user } = await signedUp();
  const { app: otherApp, user: other } = await signedUp();
  const team = await user.createTeam({ displayName: "Owls" });
  await (await backend.getTeam(team.id)).addUser(other.id);
  const mine = await otherApp.getUser({ or: "throw" });
  const theirs = (await mine.listTeams()).find((known) => known.id === team.id);
  await assert.rejects(theirs.createCheckoutUrl({ productId: "office" }), { errorCode: "TEAM_PERMISSION_REQUIRED" });
  await assert.rejects(theirs.getItem("seats"), { errorCode: "TEAM_PERMISSION_REQUIRED" });

  await pay(await team.createCheckoutUrl({ productId: "office" }), "monthly", "subscription", 5000);
  await eventually(async () => (await team.getItem("seats")).quantity, 5);
  assert.deepEqual((await team.listProducts()).map((product) => product.id), ["office"]);
  await eventually(async () => (await team.listInvoices()).map((invoice) => invoice.amountTotal), [5000]);
  assert.equal((await team.getBilling()).hasCustomer, true);

  const item = await backend.getItem({ teamId: team.id, itemId: "seats" });
  assert.equal(await item.tryDecreaseQuantity(5), true);
  assert.equal(await item.tryDecreaseQuantity(1), false);
  const [owned] = await backend.listProducts({ teamId: team.id });
  assert.equal(owned.id, "office");
  await app.cancelSubscription({ teamId: team.id, productId: "office" });
  await eventually(async () => (await team.listProducts()).map((product) => product.type), ["one_time"]);
});

test("a backend sells to customers of its own", async () => {
  const customCustomerId = `order ${crypto.randomUUID()}`;
  await backend.grantProduct({ customCustomerId, productId: "crate", quantity: 2 });
  const item = await backend.getItem({ customCustomerId, itemId: "units" });
  assert.equal(item.quantity, 24);
  await item.decreaseQuantity(30);
  assert.equal((await backend.getItem({ customCustomerId, itemId: "units" })).quantity, -6);
  assert.equal((await backend.getItem({ customCustomerId, itemId: "units" })).nonNegativeQuantity, 0);
  await item.increaseQuantity(7);
  assert.equal((await backend.getItem({ customCustomerId, itemId: "units" })).quantity, 1);
  assert.deepEqual((await backend.listProducts({ customCustomerId })).map((product) => [product.id, product.quantity]), [["crate", 2]]);
});

test("a backend acts for users", async () => {
  const { user } = await signedUp();
  const serverUser = await backend.getUser(user.id);
  await serverUser.grantProduct({ productId: "server-pack" });
  assert.equal((await serverUser.getItem("credits")).quantity, 10);
  assert.deepEqual((await serverUser.listProducts()).map((product) => product.id), ["server-pack"]);
  assert.deepEqual(await user.listProducts(), Object.assign([], { nextCursor: null }));
  await assert.rejects(user.createCheckoutUrl({ productId: "server-pack" }), { errorCode: "PRODUCT_DOES_NOT_EXIST" });
  await pay(await serverUser.createCheckoutUrl({ productId: "server-pack" }), "once", "payment", 250);
  await eventually(async () => (await serverUser.getItem("credits")).quantity, 20);
  assert.equal((await serverUser.getBilling()).hasCustomer, true);
});
