// The checkout page: shows what a purchase code stands for, takes the payment
// and leads people back to where they came from.

import { cents, money, plainly, times } from "./money.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const lastSegment = decodeURIComponent(location.pathname.split("/").pop());

// Stripe charges no more than this at once.
const largestTotal = 99999900n; // cents
const redirectDelay = 1500; // milliseconds in which "thank you" can be read

/** An answer that was not a success. */
class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    Object.assign(this, { status, code });
  }
}

async function api(method, path, body, headers = {}) {
  let response;
  try {
    response = await fetch("/api/v1" + path, {
      method,
      headers: body ? { "Content-Type": "application/json", ...headers } : headers,
      body: body && JSON.stringify(body),
    });
  } catch {
    throw new Refusal(0, "", "The connection failed. Check your network and try again.");
  }
  const text = await response.text();
  if (response.ok) return JSON.parse(text);
  let known = {};
  try {
    known = JSON.parse(text);
  } catch {
    known = { error: text };
  }
  throw new Refusal(response.status, known.code ?? "", known.error || "Something went wrong. Please try again.");
}

/** What to tell people about an error, in the words of this page. */
function explain(error) {
  switch (error.code) {
    case "VERIFICATION_CODE_NOT_FOUND":
      return ["This link is no longer valid", "It has been used or has expired. Go back to where you came from and start again."];
    case "VERIFICATION_CODE_MAX_ATTEMPTS_REACHED":
      return ["This link is locked", "It was tried too often. Go back to where you came from and start again."];
    case "REDIRECT_URL_NOT_WHITELISTED":
      return ["This link cannot be used", "It would lead to a site that the shop does not know. Go back to where you came from and start again."];
    case "NEW_PURCHASES_BLOCKED":
      return ["Nothing is sold at the moment", "The shop takes no new purchases right now. Please come back later."];
    case "PRODUCT_ALREADY_GRANTED":
      return ["You already have this", "It can be bought only once, and it is yours."];
    default:
      return error.status >= 500 || error.status === 0
        ? ["That did not work", error.status === 0 ? error.message : "The shop does not answer as it should. Please try again in a moment."]
        : ["That did not work", error.message];
  }
}

/** Replaces the page by one message. */
function notice({ good = false, title, text, link, retry }) {
  $("loading").hidden = $("checkout").hidden = true;
  $("notice-mark").className = "mark " + (good ? "good" : "bad");
  $("notice-title").textContent = document.title = title;
  $("notice-text").textContent = text;
  const leads = link && /^https?:/i.test(link);
  $("notice-link").hidden = !leads;
  if (leads) $("notice-link").href = link;
  $("notice-retry").hidden = !retry;
  $("notice").hidden = false;
  $("main").removeAttribute("aria-busy");
  $("notice-title").focus();
}

$("notice-retry").addEventListener("click", () => location.reload());

/** Says thank you and goes back. The API has found the address trustworthy. */
function finish(returnURL) {
  const link = returnURL && /^https?:/i.test(returnURL) ? returnURL : null;
  notice({
    good: true,
    title: "Thank you",
    text: link ? "Your purchase is complete. We are taking you back…" : "Your purchase is complete. You can close this page.",
    link,
  });
  if (link) setTimeout(() => location.assign(link), redirectDelay);
}

// ---- Prices.

const currencies = ["USD", "EUR", "GBP", "JPY", "INR", "AUD", "CAD"];

/** The amount a price is shown with; dollars are what is charged. */
function shown(price) {
  const currency = currencies.find((name) => price[name] !== undefined);
  return { currency, amount: price[currency] };
}

/** [1, "month"] is "month", [3, "month"] "3 months". */
function period([count, unit]) {
  return count === 1 ? unit : `${count} ${unit}s`;
}

function intervalName([count, unit]) {
  const single = { day: "Daily", week: "Weekly", month: "Monthly", year: "Yearly" }[unit];
  return count === 1 ? single : `Every ${count} ${unit}s`;
}

// ---- The order.

let order; // the API's answer, null until it is there
let chosen; // id of the price
let stripe, elements, clientSecret;

function price() {
  return order.purchase.product.prices[chosen] ?? {};
}

function quantity() {
  return order.purchase.product.stackable ? Number($("quantity").value) : 1;
}

function validQuantity() {
  return Number.isSafeInteger(quantity()) && quantity() >= 1 && quantity() <= 2147483647;
}

/** Why the order cannot be placed; empty if it can. */
function obstacle() {
  const { purchase } = order;
  if (order.blocked) return "The shop takes no new purchases right now.";
  if (purchase.already_bought_non_stackable) return "You already have this product.";
  if (order.price_ids.length === 0) return "This product is not for sale at present.";
  if (purchase.test_mode || price().interval && price().USD !== undefined && cents(price().USD) === 0n) return "";
  if (!purchase.stripe_account_id || !order.stripe_publishable_key) return "The shop cannot take payments yet.";
  if (purchase.charges_enabled === false) return "The shop has not finished setting up payments.";
  if (price().USD === undefined) return "This price cannot be paid here.";
  return "";
}

/** Whether the money goes through Stripe, rather than nowhere. */
function throughStripe() {
  const { purchase } = order;
  return !!(purchase.stripe_account_id && purchase.charges_enabled && order.stripe_publishable_key && price().USD !== undefined);
}

function text(tag, content, className) {
  const element = document.createElement(tag);
  element.textContent = content;
  if (className) element.className = className;
  return element;
}

function showBrand() {
  const { purchase, project_display_name: name, project_logo_dark_url: dark } = order;
  $("project").textContent = name;
  $("monogram").textContent = [...name.trim()][0]?.toUpperCase() ?? "";
  const monogram = () => {
    $("logo").hidden = true;
    $("monogram").hidden = !$("monogram").textContent;
  };
  if (!purchase.project_logo_url) return monogram();
  $("logo-image").addEventListener("error", monogram);
  $("logo-image").src = purchase.project_logo_url;
  if (dark) $("logo-dark").srcset = dark;
  else $("logo-dark").remove();
  $("logo").hidden = false;
}

function showItems(purchased) {
  const { product } = order.purchase;
  $("items").replaceChildren();
  for (const { item_id: id, display_name: name } of order.items) {
    const { quantity: count, repeat, expires } = product.included_items[id];
    const item = document.createElement("li");
    const words = document.createElement("div");
    words.append(text("strong", `${plainly(times(String(count), purchased))} ${name}`));
    if (Array.isArray(repeat)) {
      words.append(text("small", expires === "when-repeated" ? `Renewed every ${period(repeat)}` : `Added every ${period(repeat)}`));
    }
    item.append(words);
    $("items").append(item);
  }
  $("included").hidden = order.items.length === 0;
}

function showPrices() {
  for (const id of order.price_ids) {
    const option = order.purchase.product.prices[id];
    const { currency, amount } = shown(option);
    const label = text("label", "", "price");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name: "price", value: id, checked: id === chosen });
    input.addEventListener("change", () => {
      chosen = id;
      update();
    });
    label.append(input, text("span", option.interval ? intervalName(option.interval) : "One payment"), text("b", money(amount, currency)));
    $("price-list").append(label);
  }
  $("prices").hidden = order.price_ids.length < 2;
}

function showCallout() {
  const stop = obstacle();
  const rivals = order.purchase.conflicting_products.map((product) => product.display_name);
  $("callout").className = stop ? "callout stop" : "callout";
  $("callout").textContent = stop || (rivals.length > 0 ? `This replaces what you have now: ${rivals.join(", ")}.` : "");
  $("callout").hidden = !$("callout").textContent;
}

/** Brings everything in line with what is chosen. */
function update() {
  const { product, test_mode: testMode } = order.purchase;
  const { interval } = price();
  const { currency, amount } = shown(price());
  const valid = validQuantity();
  const count = valid ? quantity() : 1;
  $("error").hidden = true;
  showCallout();
  showItems(count);

  $("headline-amount").textContent = amount === undefined ? "" : money(amount, currency);
  $("headline-per").textContent = interval ? `per ${period(interval)}` : "";
  $("subtotal-row").hidden = !product.stackable || count === 1;
  if (amount !== undefined) {
    $("subtotal-label").textContent = `${count} × ${money(amount, currency)}`;
    $("subtotal").textContent = $("total").textContent = money(times(amount, count), currency);
  }
  $("total-label").textContent = interval ? "Due today" : "Total";
  $("less").disabled = !valid || count <= 1;

  const tooMuch = price().USD !== undefined && cents(price().USD) * BigInt(count) > largestTotal;
  if (tooMuch) complain("The total is more than can be paid at once.");
  const free = price().USD !== undefined && cents(price().USD) === 0n;
  const paying = throughStripe() && !obstacle();
  $("pay").disabled = !!obstacle() || !valid || tooMuch;
  $("pay").classList.toggle("primary", true);
  if (!paying && testMode) {
    $("pay-label").textContent = "Complete test purchase";
  } else {
    $("pay-label").textContent = free ? "Get it for free" : interval ? "Subscribe" : `Pay ${$("total").textContent}`;
  }
  $("pay-test").hidden = !(paying && testMode);
  $("test-text").textContent = paying && !free
    ? "Purchases can be completed without paying. A card that is entered is charged."
    : "No money is charged. Purchases here are for trying things out.";
  $("pay-test").disabled = $("pay").disabled;
  $("fine-print").textContent = !interval
    ? ""
    : `${$("total").textContent} every ${period(interval)} until you cancel.`;
  $("fine-print").hidden = !interval || !!obstacle();
  if (!tooMuch) void showCardFields(paying && !free);
}

function complain(message) {
  $("error").textContent = message;
  $("error").hidden = false;
}

function busy(on) {
  for (const id of ["pay", "pay-test", "less", "more", "quantity"]) $(id).disabled = on;
  for (const input of $("price-list").querySelectorAll("input")) input.disabled = on;
  if (on) $("pay").setAttribute("aria-busy", "true");
  else $("pay").removeAttribute("aria-busy");
  $("announce").textContent = on ? "Placing your order" : "";
  if (on) $("error").hidden = true;
  if (!on) update();
}

// ---- Stripe.

let loading;

function loadStripe() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.querySelector('meta[name="stripe-js"]').content;
    script.addEventListener("load", () => resolve(window.Stripe));
    script.addEventListener("error", () => {
      loading = undefined; // the next try begins anew
      script.remove();
      reject(new Refusal(0, "", "The payment form could not be loaded. Check your network and try again."));
    });
    document.head.append(script);
  });
  return loading;
}

/** What is paid, as Stripe wants to know it. */
function wanted() {
  return {
    mode: price().interval ? "subscription" : "payment",
    amount: Number(cents(price().USD) * BigInt(validQuantity() ? quantity() : 1)),
    currency: "usd",
  };
}

/** Shows the fields of the chosen way to pay, or hides them. */
async function showCardFields(visible) {
  $("card-fields").hidden = !visible;
  if (!visible) return;
  if (elements) return elements.update(wanted());
  $("card-fields").setAttribute("aria-busy", "true");
  try {
    const load = await loadStripe();
    if (elements) return elements.update(wanted());
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    stripe = load(order.stripe_publishable_key, { stripeAccount: order.purchase.stripe_account_id });
    elements = stripe.elements({ ...wanted(), appearance: { theme: dark ? "night" : "stripe", variables: { colorPrimary: dark ? "#8f8bff" : "#4640de", borderRadius: "10px" } } });
    const fields = elements.create("payment");
    fields.on("ready", () => $("card-fields").removeAttribute("aria-busy"));
    fields.on("change", () => ($("error").hidden = true));
    fields.on("loaderror", () => complain("The payment form could not be loaded. Reload the page to try again."));
    fields.mount("#card-fields");
  } catch (error) {
    $("card-fields").removeAttribute("aria-busy");
    complain(error instanceof Refusal ? error.message : "The payment form could not be shown. Reload the page to try again.");
  }
}

const choice = () => ({ full_code: lastSegment, price_id: chosen, quantity: quantity() });

// One key for one order: pressing twice, or again after a lost connection, buys
// once.
const keys = new Map();
function idempotencyKey(action) {
  const order = action + JSON.stringify(choice());
  if (!keys.has(order)) {
    keys.set(order, [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return { "Idempotency-Key": keys.get(order) };
}

async function settleTest() {
  await api("POST", "/internal/payments/test-mode-purchase-session", choice(), idempotencyKey("test"));
  finish(query.get("return_url"));
}

async function payThroughStripe() {
  const free = cents(price().USD) === 0n;
  if (!free) {
    if (!elements) await showCardFields(true);
    if (!elements) throw new Refusal(0, "", $("error").textContent);
    const { error } = await elements.submit();
    if (error) throw new Refusal(400, "", error.message);
  }
  // The code is spent with the first session, whose payment may be tried again.
  if (clientSecret === undefined) {
    const session = await api("POST", "/payments/purchases/purchase-session", choice(), idempotencyKey("pay"));
    clientSecret = session.client_secret ?? "";
  }
  if (!clientSecret || free) return finish(query.get("return_url"));
  const back = new URL("/purchase/return", location.href);
  back.searchParams.set("stripe_account_id", order.purchase.stripe_account_id);
  back.searchParams.set("purchase_full_code", lastSegment);
  if (query.get("return_url")) back.searchParams.set("return_url", query.get("return_url"));
  sessionStorage.setItem("stripe-publishable-key", order.stripe_publishable_key);
  const { error } = await stripe.confirmPayment({ elements, clientSecret, confirmParams: { return_url: back.href } });
  if (error) throw new Refusal(400, "", error.message);
}

async function place(how) {
  busy(true);
  try {
    await how();
  } catch (error) {
    if (["VERIFICATION_CODE_NOT_FOUND", "VERIFICATION_CODE_MAX_ATTEMPTS_REACHED", "NEW_PURCHASES_BLOCKED", "PRODUCT_ALREADY_GRANTED"].includes(error.code)) {
      const [title, text] = explain(error);
      return notice({ title, text });
    }
    busy(false);
    // What has been begun is paid for as it was chosen.
    if (clientSecret !== undefined) {
      for (const input of $("price-list").querySelectorAll("input")) input.disabled = true;
      for (const id of ["less", "more", "quantity", "pay-test"]) $(id).disabled = true;
    }
    complain(error instanceof Refusal ? explain(error)[1] : "Something went wrong. Please try again.");
  }
}

function listen() {
  $("checkout").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!$("pay").disabled) void place(order.purchase.test_mode && !throughStripe() ? settleTest : payThroughStripe);
  });
  $("pay-test").addEventListener("click", () => void place(settleTest));
  const step = (by) => {
    const count = (validQuantity() ? quantity() : 1) + by;
    $("quantity").value = String(count < 1 ? 1 : count);
    update();
    $("announce").textContent = `Quantity ${quantity()}, total ${$("total").textContent}`;
  };
  $("less").addEventListener("click", () => step(-1));
  $("more").addEventListener("click", () => step(1));
  $("quantity").addEventListener("input", update);
}

async function open() {
  try {
    order = await api("POST", "/internal/payments/checkout", {
      full_code: lastSegment,
      ...(query.get("return_url") ? { return_url: query.get("return_url") } : {}),
    });
  } catch (error) {
    const [title, text] = explain(error);
    return notice({ title, text, retry: error.status === 0 || error.status === 429 || error.status >= 500 });
  }
  const { product } = order.purchase;
  chosen = order.price_ids[0];
  document.title = order.project_display_name ? `${product.display_name} – ${order.project_display_name}` : product.display_name;
  $("product").textContent = product.display_name;
  $("test-banner").hidden = !order.purchase.test_mode;
  $("quantity-row").hidden = !product.stackable;
  showBrand();
  showPrices();
  listen();
  update();
  $("loading").hidden = true;
  $("checkout").hidden = false;
  $("main").removeAttribute("aria-busy");
}

/** Where Stripe leads people when they had to confirm elsewhere. */
async function comeBack() {
  const returnURL = query.get("return_url");
  try {
    let status = query.get("redirect_status");
    const key = sessionStorage.getItem("stripe-publishable-key");
    if (key && query.get("payment_intent_client_secret")) {
      const load = await loadStripe();
      const { paymentIntent } = await load(key, { stripeAccount: query.get("stripe_account_id") ?? undefined })
        .retrievePaymentIntent(query.get("payment_intent_client_secret"));
      status = paymentIntent?.status ?? status;
    }
    const check = new URLSearchParams({ full_code: query.get("purchase_full_code") ?? "" });
    if (returnURL) check.set("return_url", returnURL);
    await api("GET", "/payments/purchases/validate-code?" + check);
    if (!["succeeded", "processing", "requires_capture"].includes(status)) {
      return notice({ title: "The payment was not completed", text: "Nothing was charged. Go back to where you came from and try again.", link: returnURL });
    }
    finish(returnURL);
  } catch (error) {
    const [title, text] = explain(error);
    notice({ title, text, retry: true });
  }
}

void (lastSegment === "return" ? comeBack() : open());
