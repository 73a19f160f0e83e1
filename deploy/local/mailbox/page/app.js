// The page shows the list on the left and the mail named by the URL's fragment
// on the right. Text of mails reaches the page as text nodes only; their HTML
// stays in a frame that runs nothing.

const $ = id => document.getElementById(id);
const pollEvery = 2000;
const views = ["html", "text", "source"];

let shownList = "";
let mail = null;
let view = "html";

function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

const party = a => (a.Name ? `${a.Name} <${a.Address}>` : a.Address);
const parties = list => (list ?? []).map(party).join(", ");

function when(date) {
  const sameDay = date.toDateString() === new Date().toDateString();
  return sameDay ? date.toLocaleTimeString([], { timeStyle: "short" }) : date.toLocaleDateString();
}

async function loadList() {
  const query = $("search").value.trim();
  const path = query ? `api/v1/search?limit=200&query=${encodeURIComponent(query)}` : "api/v1/messages?limit=200";
  try {
    const response = await fetch(path);
    const text = await response.text();
    if (text === shownList) return;
    shownList = text;
    showList(JSON.parse(text), query);
  } catch {
    shownList = "";
    $("count").textContent = query ? `${n} of ${answer.total} mails` : n === 1 ? "1 mail" : `${n} mails`;
  }
}

function showList(answer, query) {
  const n = answer.messages_count;
  $("count").textContent = query ? `${n} of ${answer.total} mails` : n === 1 ? "1 mail" : `${n} mails`;
  $("empty").hidden = answer.total > 0;
  const focused = document.activeElement?.hash;
  $("list").replaceChildren(...answer.messages.map(m => {
    const date = new Date(m.Created);
    return element("li", {}, element("a", { href: `#${m.ID}` },
      element("span", { className: "to", textContent: parties([...m.To, ...m.Cc, ...m.Bcc]) || "nobody" }),
      element("time", { dateTime: m.Created, title: date.toLocaleString(), textContent: when(date) }),
      element("span", { className: "subject", textContent: m.Subject || "(no subject)" }),
      element("span", { className: "snippet", textContent: m.Snippet })));
  }));
  markCurrent();
  if (focused) [...$("list").querySelectorAll("a")].find(a => a.hash === focused)?.focus();
}

function markCurrent() {
  for (const a of $("list").querySelectorAll("a")) {
    if (a.hash === location.hash) a.setAttribute("aria-current", "true");
    else a.removeAttribute("aria-current");
  }
}

async function openMail() {
  markCurrent();
  const id = location.hash.slice(1);
  const response = id ? await fetch(`api/v1/message/${encodeURIComponent(id)}`) : null;
  mail = response?.ok ? await response.json() : null;
  $("mail").hidden = !mail;
  if (!mail) return;
  $("subject").textContent = mail.Subject || "(no subject)";
  const facts = [
    ["From", party(mail.From)], ["To", parties(mail.To)], ["Cc", parties(mail.Cc)], ["Bcc", parties(mail.Bcc)],
    ["Reply to", parties(mail.ReplyTo)], ["Date", new Date(mail.Date).toLocaleString()],
    ["Attached", mail.Attachments.map(a => `${a.FileName} (${a.Size} bytes)`).join(", ")],
  ];
  $("facts").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) =>
    [element("dt", { textContent: name }), element("dd", { textContent: value })]));
  $("tab-html").disabled = !mail.HTML;
  $("tab-text").disabled = !mail.Text;
  const wanted = [view, ...views].find(v => !$(`tab-${v}`).disabled);
  await showView(wanted);
  $("mail").focus();
}

// linked makes the links in a text ones to click.
function linked(text) {
  return text.split(/(https?:\/\/[^\s<>"]+)/).map((part, i) =>
    i % 2 ? element("a", { href: part, textContent: part, target: "_blank", rel: "noopener noreferrer" }) : part);
}

async function showView(name) {
  for (const v of views) {
    $(`tab-${v}`).setAttribute("aria-selected", String(v === name));
    $(`tab-${v}`).tabIndex = v === name ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${name}`);
  if (name === "html") {
    const frame = element("iframe", { title: "Mail", src: `view/${mail.ID}.html` });
    frame.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
    $("panel").replaceChildren(frame);
    return;
  }
  const text = name === "text" ? mail.Text : await (await fetch(`api/v1/message/${mail.ID}/raw`)).text();
  $("panel").replaceChildren(element("pre", {}, ...(name === "text" ? linked(text) : [text])));
}

for (const name of views) {
  const tab = $(`tab-${name}`);
  tab.addEventListener("click", () => { view = name; showView(name); });
  tab.addEventListener("keydown", event => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const open = views.filter(v => !$(`tab-${v}`).disabled);
    const next = open[(open.indexOf(name) + step + open.length) % open.length];
    $(`tab-${next}`).focus();
    $(`tab-${next}`).click();
  });
}

$("search").addEventListener("input", loadList);
$("search-form").addEventListener("submit", event => event.preventDefault());
$("delete-all").addEventListener("click", async () => {
  if (!confirm("Delete all mails?")) return;
  await fetch("api/v1/messages", { method: "DELETE" });
  location.hash = "";
  loadList();
});
addEventListener("hashchange", openMail);
document.addEventListener("visibilitychange", () => document.hidden || loadList());
setInterval(() => document.hidden || loadList(), pollEvery);

await loadList();
await openMail();
