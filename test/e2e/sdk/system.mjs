// What the tests know of the running system: its address, the project and the
// mailbox, as dev.json tells them.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { StackClientApp, StackServerApp } from "@stackframe/js";

export const dev = JSON.parse(readFileSync(process.env.VESTIBULE_DEV_JSON, "utf8"));

export const baseUrl = dev.base_url;
export const project = dev.projects.dev;
export const callbackUrl = "http://localhost:3000/handler/email-verification";

/** A client app with a token store of its own, like one browser. */
export function clientApp(overrides = {}) {
  return new StackClientApp({
    projectId: project.id,
    publishableClientKey: project.publishable_client_key,
    baseUrl,
    tokenStore: "memory",
    redirectMethod: "none",
    ...overrides,
  });
}

/** An app as the developer's own backend uses it. */
export function serverApp(overrides = {}) {
  return new StackServerApp({
    projectId: project.id,
    publishableClientKey: project.publishable_client_key,
    secretServerKey: project.secret_server_key,
    baseUrl,
    tokenStore: "memory",
    redirectMethod: "none",
    ...overrides,
  });
}

/** An address nobody has used before. */
export function freshEmail(name = "person") {
  return `${name}-${crypto.randomUUID()}@example.com`;
}

/** Calls the API as the SDK would, for what the SDK hides. */
export async function api(path, { method = "GET", body, headers = {} } = {}) {
  const response = await fetch(`${baseUrl}/api/v1${path}`, {
    method,
    headers: {
      "X-Hexclave-Project-Id": project.id,
      "X-Hexclave-Access-Type": "client",
      "X-Hexclave-Publishable-Client-Key": project.publishable_client_key,
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  let json;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, headers: response.headers, text, json };
}

/**
 * Waits for a mail to an address. The mail is sent by a worker, so the mailbox
 * is asked until it has it.
 */
export async function mailTo(address, { subject = "" } = {}) {
  const query = encodeURIComponent(`to:${address}`);
  return await until(async () => {
    const found = await (await fetch(`${dev.mailbox_url}/api/v1/search?query=${query}`)).json();
    const hit = found.messages.find((message) => message.Subject.includes(subject));
    assert.ok(hit, `no mail to ${address} with subject ${JSON.stringify(subject)} arrived`);
    return await (await fetch(`${dev.mailbox_url}/api/v1/message/${hit.ID}`)).json();
  });
}

/** Checks again and again what must come true, and fails as it did last. */
export async function until(check) {
  const patience = Date.now() + 120_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof assert.AssertionError) || Date.now() > patience) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/**
 * Calls until the call is not refused for being one too many: with one database
 * connection per service a crowd is too many for a moment, and is told to come
 * back.
 */
export async function insist(call) {
  for (;;) {
    try {
      const answer = await call();
      if (answer?.status !== 503) return answer;
    } catch (error) {
      if (!/ 503 /.test(error.message)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The one-time code in a mail's link. */
export function codeIn(mail) {
  const match = /[?&]code=([0-9a-z]{45})/.exec(mail.Text);
  if (!match) throw new Error(`no link with a code in: ${mail.Text}`);
  return match[1];
}
