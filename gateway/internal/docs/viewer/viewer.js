// Shows the description of this server and lets a reader try requests. What
// they enter stays in this tab: it is kept in its session storage and sent to
// the API alone.
"use strict";

const form = document.getElementById("credentials");
const fields = form.elements;
const storage = "vestibule.docs";
const keyScheme = {
  client: "publishableClientKey",
  server: "secretServerKey",
  admin: "superSecretAdminKey",
};
const keyHint = {
  client: "pck_… if the project asks for one",
  server: "ssk_…",
  admin: "sak_…",
};
// Keys by access type, so that choosing another type does not send the key of
// the one before.
let keys = {};
let ui;

// A link such as /docs#projectId=…&publishableClientKey=… fills the form. A
// fragment never leaves the browser; it is removed so that it is not shared by
// accident.
function readFragment() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (!given.has("projectId")) return;
  fields.projectId.value = given.get("projectId");
  for (const [type, scheme] of Object.entries(keyScheme)) {
    if (given.has(scheme)) {
      keys[type] = given.get(scheme);
      fields.accessType.value = type;
    }
  }
  history.replaceState(null, "", location.pathname);
}

function restore() {
  const kept = JSON.parse(sessionStorage.getItem(storage) || "{}");
  keys = kept.keys || {};
  for (const name of ["accessType", "projectId", "accessToken"]) {
    if (kept[name]) fields[name].value = kept[name];
  }
}

function showKey() {
  fields.key.value = keys[fields.accessType.value] || "";
  fields.key.placeholder = keyHint[fields.accessType.value];
}

// apply hands what was entered to the viewer, by security scheme.
function apply() {
  sessionStorage.setItem(storage, JSON.stringify({
    keys,
    accessType: fields.accessType.value,
    projectId: fields.projectId.value,
    accessToken: fields.accessToken.value,
  }));
  const values = {
    accessType: fields.projectId.value && fields.accessType.value,
    projectId: fields.projectId.value,
    accessToken: fields.accessToken.value,
  };
  for (const [type, scheme] of Object.entries(keyScheme)) {
    values[scheme] = type === fields.accessType.value ? fields.key.value : "";
  }
  for (const [scheme, value] of Object.entries(values)) {
    if (value.trim()) {
      ui.preauthorizeApiKey(scheme, value.trim());
    } else {
      ui.authActions.logout([scheme]);
    }
  }
}

// signedIn takes the tokens of a sign-in over, so that the next request is made
// by that user.
function signedIn(response) {
  if (!response.ok || !response.url.includes("/auth/")) return response;
  let body;
  try {
    body = JSON.parse(response.text);
  } catch {
    return response; // not JSON, so no tokens
  }
  if (body && typeof body.access_token === "string") {
    fields.accessToken.value = body.access_token;
    if (body.user_id) fields.state.value = "Signed in as " + body.user_id;
    apply();
  }
  return response;
}

form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("input", (event) => {
  if (event.target === fields.accessType) {
    showKey();
  } else if (event.target === fields.key) {
    keys[fields.accessType.value] = fields.key.value;
  }
  apply();
});
form.addEventListener("reset", () => {
  keys = {};
  fields.state.value = "";
  // The fields are empty only after this event.
  setTimeout(() => { showKey(); apply(); });
});

restore();
readFragment();
showKey();

ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#viewer",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: apply,
  requestInterceptor(request) {
    // As client libraries do, so that anonymous users can be tried too.
    if (request.url.includes("/api/")) request.headers["X-Hexclave-Allow-Anonymous-User"] = "true";
    return request;
  },
  responseInterceptor: signedIn,
});
