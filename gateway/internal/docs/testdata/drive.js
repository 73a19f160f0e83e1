// Drives the page like a reader who signs a user up and then asks who that is.
// It runs in the page, under the page's own security policy, and reports what
// happened to the test.
"use strict";

const violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  violations.push(`${event.violatedDirective} blocks ${event.blockedURI} (${event.sourceFile}:${event.lineNumber})`);
});
const failures = [];
window.addEventListener("error", (event) => failures.push(event.message));

// until resolves with what find returns as soon as that is something.
function until(find) {
  return new Promise((resolve) => {
    const attempt = () => {
      const found = find();
      if (found) resolve(found);
      else requestAnimationFrame(attempt);
    };
    attempt();
  });
}

function enter(name, value) {
  const field = document.getElementById("credentials").elements[name];
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// execute opens an operation, sends its example and returns the status shown.
async function execute(id) {
  const block = await until(() => document.getElementById(id));
  block.querySelector(".opblock-summary-control").click();
  const button = await until(() => block.querySelector(".btn.execute"));
  // The viewer sends nothing as long as it reads the operation. A reader would
  // press again.
  const press = setInterval(() => button.click(), 500);
  const shown = await until(() => block.querySelector(".live-responses-table tbody .response-col_status"));
  clearInterval(press);
  return shown.textContent.trim();
}

async function drive() {
  await until(() => document.querySelector(".opblock"));
  enter("projectId", "a-project");
  enter("key", "pck_a");
  const signUp = await execute("operations-Password-signUpWithPassword");
  const token = document.getElementById("credentials").elements.accessToken.value;
  const user = await execute("operations-User-getCurrentUser");
  return {
    signUp, user, token, violations, failures,
    title: document.querySelector(".info .title").textContent,
    operations: document.querySelectorAll(".opblock").length,
  };
}

window.addEventListener("load", async () => {
  let report;
  try {
    report = await drive();
  } catch (error) {
    report = { violations, failures: [...failures, String(error)] };
  }
  fetch("test/report", { method: "POST", body: JSON.stringify(report) });
});
