// An app as people meet it in a browser: the SDK as its developer would set it
// up, and the pages that the SDK leads to. What a page has come to is in
// window.outcome, and window.attempt does what a button would.
import { StackClientApp } from "@stackframe/js";

const app = new StackClientApp({
  ...window.settings,
  tokenStore: "cookie",
  urls: { afterSignIn: "/signed-in", afterSignUp: "/signed-up", afterSignOut: "/signed-out" },
  // Would make an anonymous user of whoever looks at a page for long enough.
  analytics: { enabled: false },
  devTool: false,
});

/** What an error says, and those that caused it. */
function describe(error) {
  const codes = [];
  for (let cause = error; cause; cause = cause.cause) {
    const code = cause.errorCode ?? cause.code;
    if (code) codes.push(code);
  }
  return { status: "thrown", code: codes.at(-1) ?? null, message: String(error?.message ?? error) };
}

/** Does something and keeps what it came to, unless it leads elsewhere. */
async function attempt(act) {
  window.outcome = null;
  try {
    const result = await act();
    window.outcome = result?.status === "error" ? { status: "error", code: result.error.errorCode } : { status: "ok", result: result ?? null };
  } catch (error) {
    window.outcome = describe(error);
  }
}

async function whoIsHere() {
  const user = await app.getUser({ or: "anonymous-if-exists[deprecated]" });
  return user && { id: user.id, email: user.primaryEmail, verified: user.primaryEmailVerified, anonymous: user.isAnonymous };
}

const code = new URLSearchParams(location.search).get("code");
const pages = {
  "/handler/oauth-callback": async () => {
    // A test may want to do something before the code is exchanged.
    if (sessionStorage.getItem("hold")) return "held";
    return await app.callOAuthCallback();
  },
  "/handler/magic-link-callback": () => app.signInWithMagicLink(code),
  "/handler/email-verification": () => app.verifyEmail(code),
  "/handler/password-reset": () => app.resetPassword({ code, password: "a brand new password" }),
};

/** What the SDK's page for the second factor does with what a person types. */
async function enterSecondFactor(typed) {
  const result = await app.signInWithMfa(typed, sessionStorage.getItem("hexclave_mfa_attempt_code"), { noRedirect: true });
  if (result.status === "ok") {
    sessionStorage.removeItem("hexclave_mfa_attempt_code");
    await app.redirectToAfterSignIn();
  }
  return result;
}

/** What the SDK's page for programs does when a person agrees. */
async function authorizeProgram() {
  const { refreshToken } = await (await app.getUser({ or: "throw" })).currentSession.getTokens();
  const sendRequest = app[Symbol.for("StackAuth--DO-NOT-USE-OR-YOU-WILL-BE-FIRED--StackAppInternals")].sendRequest;
  const response = await sendRequest("/auth/cli/complete", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ login_code: new URLSearchParams(location.search).get("login_code"), refresh_token: refreshToken }),
  });
  return await response.json();
}

Object.assign(window, { app, attempt, enterSecondFactor, authorizeProgram });
attempt(pages[location.pathname] ?? whoIsHere);
