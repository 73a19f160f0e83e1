import assert from "node:assert/strict";
import test from "node:test";
import { api, baseUrl, clientApp, freshEmail, insist, project, serverApp } from "./system.mjs";

async function signedUp() {
  const app = clientApp();
  const result = await app.signUpWithCredential({ email: freshEmail("buyer"), password: "correct horse battery", noRedirect: true, noVerificationCallback: true });
  assert.equal(result.status, "ok", result.error?.stack);
  return { app, user: await app.getUser({ or: "throw" }) };
}

/** Does what the checkout page does in test mode. */
async function completePurchase(checkoutUrl, priceId, quantity = 1) {
  const fullCode = new URL(checkoutUrl).pathname.split("/").pop();
  const shown = await api("/payments/purchases/validate-code", { method: "POST", body: { full_code: fullCode } });
  assert.equal(shown.status, 200, shown.text);
  const settled = await api("/internal/payments/test-mode-purchase-session", { method: "POST", body: { full_code: fullCode, price_id: priceId, quantity } });
  assert.equal(settled.status, 200, settled.text);
  assert.deepEqual(settled.json, { success: true });
  return shown.json;
}

test("a person buys a subscription, sees it and cancels it", async () => {
  const { app, user } = await signedUp();
  assert.equal((await user.getItem("credits")).quantity, 0);
  assert.equal((await user.listProducts()).length, 0);

  const url = await user.createCheckoutUrl({ productId: "starter", returnUrl: "http://localhost:3000/done" });
  const address = new URL(url);
  assert.match(address.pathname, /^\/purchase\/[0-9a-f-]{36}_[a-z0-9]{45}$/);
  assert.equal(address.searchParams.get("return_url"), "http://localhost:3000/done");
  const page = await fetch(baseUrl + address.pathname + address.search);
  assert.equal(page.status, 200);
  assert.match(page.headers.get("content-type"), /^text\/html/);

  const shown = await completePurchase(url, "monthly");
  assert.equal(shown.test_mode, true);
  assert.equal(shown.stripe_account_id, null);
  assert.equal(shown.product.prices.monthly.USD, "9.99");

  const item = await user.getItem("credits");
  assert.equal(item.displayName, "Credits");
  assert.equal(item.quantity, 100);
  assert.equal(item.nonNegativeQuantity, 100);

  let [owned] = await user.listProducts();
  assert.equal(owned.id, "starter");
  assert.equal(owned.quantity, 1);
  assert.equal(owned.displayName, "Starter");
  assert.equal(owned.type, "subscription");
  assert.equal(owned.subscription.cancelAtPeriodEnd, false);
  assert.equal(owned.subscription.isCancelable, true);
  assert.ok(new Date(owned.subscription.currentPeriodEnd) > new Date());

  await assert.rejects(user.createCheckoutUrl({ productId: "starter" }), { errorCode: "PRODUCT_ALREADY_GRANTED" });
  await app.cancelSubscription({ productId: "starter" });
  [owned] = await user.listProducts();
  assert.equal(owned.type, "one_time");
  assert.equal(owned.subscription, null);
  assert.equal((await user.getItem("credits")).quantity, 100, "what was bought lasts until the period ends");
});

test("a backend grants a product and changes quantities", async () => {
  const { app, user } = await signedUp();
  const backend = serverApp();
  await backend.grantProduct({ userId: user.id, productId: "starter" });
  const item = await backend.getItem({ userId: user.id, itemId: "credits" });
  assert.equal(item.quantity, 100);
  await item.increaseQuantity(5);
  await item.decreaseQuantity(3);
  assert.equal(await item.tryDecreaseQuantity(102), true);
  assert.equal(await item.tryDecreaseQuantity(1), false);
  assert.equal((await backend.getItem({ userId: user.id, itemId: "credits" })).quantity, 0);
  assert.equal((await user.getItem("credits")).quantity, 0);

  const [owned] = await user.listProducts();
  await app.cancelSubscription({ productId: "anything", subscriptionId: owned.subscription.subscriptionId });
  assert.equal((await user.listProducts())[0].subscription, null);
});

test("of parallel decreases of the last piece one succeeds", async () => {
  const { user } = await signedUp();
  const item = await serverApp().getItem({ userId: user.id, itemId: "credits" });
  await item.increaseQuantity(1);
  const results = await Promise.all(Array.from({ length: 8 }, () => insist(() => item.tryDecreaseQuantity(1))));
  assert.equal(results.filter(Boolean).length, 1);
});

test("a backend sells what is in no catalogue, also to customers of its own", async () => {
  const backend = serverApp();
  const { user } = await signedUp();
  const serverUser = await backend.getUser(user.id);
  const product = {
    display_name: "Founders' deal", customer_type: "user", server_only: true, stackable: false,
    prices: { once: { USD: "49.5" }, generous: { USD: "60" } }, included_items: { credits: { quantity: 1000 } },
  };
  const url = await serverUser.createCheckoutUrl({ product });
  const shown = await completePurchase(url, "once");
  assert.deepEqual(Object.keys(shown.product.prices), ["once", "generous"], "the first price is the one that pages offer first");
  assert.equal((await user.getItem("credits")).quantity, 1000);
  assert.equal((await user.listProducts()).length, 0, "it is for the backend's eyes alone");
  const [owned] = await serverUser.listProducts();
  assert.equal(owned.id, null);
  assert.equal(owned.type, "one_time");

  await backend.grantProduct({ customCustomerId: "order 66", product: { ...product, customer_type: "custom" } });
  const listed = await backend.listProducts({ customCustomerId: "order 66" });
  assert.equal(listed[0].displayName, "Founders' deal");
});

test("nobody buys for others", async () => {
  const { user } = await signedUp();
  const { app: other } = await signedUp();
  const stranger = await other.getUser({ or: "throw" });
  const tokens = await stranger.currentSession.getTokens();
  const headers = { "X-Hexclave-Access-Token": tokens.accessToken };
  const body = { customer_type: "user", customer_id: user.id, product_id: "starter" };
  assert.equal((await api("/payments/purchases/create-purchase-url", { method: "POST", headers, body })).status, 403);
  assert.equal((await api(`/payments/products/user/${user.id}`, { headers })).status, 403);
  assert.equal((await api(`/payments/products/user/${user.id}/starter`, { method: "DELETE", headers })).status, 403);
  assert.equal((await api(`/payments/products/user/${user.id}`, { method: "POST", headers, body: { product_id: "starter" } })).json.code, "INSUFFICIENT_ACCESS_TYPE");
});

test("without a payment provider there is nothing to bill", async () => {
  const { user } = await signedUp();
  assert.deepEqual(await user.getBilling(), { hasCustomer: false, defaultPaymentMethod: null });
  assert.equal((await user.listInvoices()).length, 0);
  await assert.rejects(user.createPaymentMethodSetupIntent());
  await assert.rejects(user.switchSubscription({ fromProductId: "starter", toProductId: "other" }));
});

test("a request with an idempotency key takes effect once", async () => {
  const { user } = await signedUp();
  const backend = serverApp();
  const key = project.secret_server_key;
  const headers = { "X-Hexclave-Access-Type": "server", "X-Hexclave-Secret-Server-Key": key, "Idempotency-Key": crypto.randomUUID() };
  const path = `/payments/items/user/${user.id}/credits/update-quantity?allow_negative=false`;
  const answers = await Promise.all(Array.from({ length: 6 }, () => insist(() => api(path, { method: "POST", headers, body: { delta: 5 } }))));
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.text, answers[0].text);
  }
  assert.equal((await backend.getItem({ userId: user.id, itemId: "credits" })).quantity, 5);
  assert.equal((await api(path, { method: "POST", headers, body: { delta: 6 } })).status, 409);

  const grant = { method: "POST", headers: { ...headers, "Idempotency-Key": crypto.randomUUID() }, body: { product_id: "starter" } };
  const first = await api(`/payments/products/user/${user.id}`, grant);
  const again = await api(`/payments/products/user/${user.id}`, grant);
  assert.equal(first.status, 200, first.text);
  assert.match(first.json.subscription_id, /^[0-9a-f-]{36}$/);
  assert.equal(again.text, first.text);
});

test("the books show what was bought and given", async () => {
  const { user } = await signedUp();
  const headers = { "X-Hexclave-Access-Type": "admin", "X-Hexclave-Super-Secret-Admin-Key": project.super_secret_admin_key };
  await completePurchase(await user.createCheckoutUrl({ productId: "starter" }), "monthly");
  const page = await api("/internal/payments/transactions?limit=200&customer_type=user", { headers });
  assert.equal(page.status, 200, page.text);
  const bought = page.json.transactions.find((entry) => entry.entries[0].customer_id === user.id);
  assert.equal(bought.type, "purchase");
  assert.equal(bought.test_mode, true);
  assert.deepEqual(bought.entries.map((entry) => entry.type), ["product_grant", "item_quantity_change"]);
  const refund = await api("/internal/payments/transactions/refund", {
    method: "POST", headers, body: { type: "subscription", id: bought.id, refund_entries: [{ entry_index: 0, quantity: 1, amount_usd: "9.99" }] },
  });
  assert.equal(refund.json.code, "SUBSCRIPTION_INVOICE_NOT_FOUND");
  assert.equal((await api("/internal/payments/transactions?cursor=x", { headers })).status, 400);
  assert.equal((await api("/integrations/stripe/webhooks", { method: "POST", body: {} })).json.code, "SCHEMA_ERROR");
});
