// The member's page of a handover: reads the link, asks for the spoken code, shows who asks for what, does the check.
// Words come with the page and with the answers; whatever is shown goes in as text, never as markup.
"use strict";

const OURS = "/v1/handovers/current";
const OPEN = ["started", "processing"];
const OVER = ["handover-link-over", "handover-codes-used-up"];
const byId = (id) => document.getElementById(id);
const language = document.documentElement.lang;
let notice = null;
let check = null;
let watched = 0;

function random() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function show(id) {
  for (const section of document.querySelectorAll("section")) section.hidden = section.id !== id;
  byId(id).querySelector("h1").focus();
  window.scrollTo(0, 0);
}

function tell(problem) {
  byId("problem").firstElementChild.hidden = !problem;
  byId("problem-title").textContent = problem ? problem.title : "";
  byId("problem-detail").textContent = problem ? problem.detail : "";
  byId("problem-next").textContent = problem ? advice(problem) : "";
  byId("problem-tries").hidden = !problem || problem.tries_left === undefined;
  byId("problem-tries-left").textContent = problem && problem.tries_left !== undefined ? problem.tries_left : "";
}

// What to do: what is wrong in each field, where the answer says so; it names fields that have no hint here.
function advice(problem) {
  if (problem.errors) return problem.errors.map((field) => field.detail).join(" ");
  return problem.next ? problem.next.text : "";
}

function forget() {
  sessionStorage.clear();
}

// Answers {status, body, etag}; what the network swallowed is an exception.
async function call(method, path, body, more) {
  const headers = { "Accept-Language": language, ...more };
  const token = sessionStorage.getItem("token");
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const sent = { method, headers, cache: "no-store", referrerPolicy: "no-referrer" };
  if (body !== undefined) sent.body = JSON.stringify(body);
  const answer = await fetch(path, sent);
  const text = await answer.text();
  return { status: answer.status, body: text ? JSON.parse(text) : null, etag: answer.headers.get("ETag") };
}

// Does one thing at a time, with every button out of reach meanwhile; a repetition carries the same key.
async function once(doing) {
  const buttons = [...document.querySelectorAll("button")].filter((button) => !button.disabled);
  for (const button of buttons) button.disabled = true;
  byId("working").firstElementChild.hidden = false;
  byId("offline").firstElementChild.hidden = true;
  tell(null);
  try {
    await doing();
  } catch {
    byId("offline").firstElementChild.hidden = false;
  } finally {
    byId("working").firstElementChild.hidden = true;
    for (const button of buttons) button.disabled = false;
  }
}

// Says whether an answer is a good one; a refusal is shown, and one that ends everything ends it here too.
function isGood(answer) {
  if (answer.status < 400) return true;
  if (answer.status === 401 || OVER.includes(answer.body.code)) end("over");
  if (answer.status !== 401 && answer.body.code !== "handover-link-over") tell(answer.body);
  return false;
}

// Sends what is to be done once, under a key that stays until the answer is known: it may get lost on the way.
async function send(name, path, body) {
  const kept = sessionStorage.getItem(name) || random();
  sessionStorage.setItem(name, kept);
  const answer = await call("POST", path, body, { "Idempotency-Key": kept });
  const isOpen = answer.status >= 500 || (answer.body && answer.body.code === "idempotency-key-in-flight");
  if (!isOpen) sessionStorage.removeItem(name);
  return answer;
}

function device() {
  const name = (/iPhone|iPad|Android|Windows|Macintosh|Linux/.exec(navigator.userAgent) || ["Browser"])[0];
  let id = random();
  try {
    id = localStorage.getItem("device") || id;
    localStorage.setItem("device", id);
  } catch {
    // A browser that keeps nothing is a new device each time.
  }
  return { id, name, platform: "web" };
}

async function open() {
  const spoken = byId("spoken-code").value.normalize("NFKC").replace(/\D/g, "");
  const isWhole = spoken.length === 6;
  byId("code-six").firstElementChild.hidden = isWhole;
  if (!isWhole) return;
  const body = { code: sessionStorage.getItem("code"), spoken_code: spoken, device: device() };
  // Each guess has a key of its own: another one is no repetition.
  const answer = await send(`opening-${spoken}`, "/v1/handovers/openings", body);
  if (!isGood(answer)) {
    if (!byId("code").hidden) byId("spoken-code").focus();
    return;
  }
  sessionStorage.removeItem("code");
  sessionStorage.setItem("token", answer.body.access_token);
  await read();
}

async function read() {
  const answer = await call("GET", OURS);
  if (isGood(answer)) await render(answer.body);
}

async function render(handover) {
  if (handover.state === "refused" || handover.state === "disputed") return end(handover.state);
  if (handover.state === "done") return end(handover.enrolment_state === "in_review" ? "in-review" : "passed");
  if (handover.agreed === null) return ask(handover);
  return camera(handover.face_check, handover.tries_left);
}

function end(id) {
  watched += 1;
  forget();
  // Nothing of anybody is kept but how it ended: who loads the page again is not told to ask for another link.
  sessionStorage.setItem("ended", id);
  show(id);
}

async function ask(handover) {
  const answer = await call("GET", handover.notice);
  if (!isGood(answer)) return;
  notice = answer.body;
  byId("owner").textContent = handover.owner.name;
  byId("relationship").textContent = handover.owner.relationship_text;
  byId("member").textContent = handover.member_name;
  const until = new Date(handover.expires_at);
  byId("until").textContent = until.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
  byId("notice-title").textContent = notice.title;
  byId("notice-body").replaceChildren(...written(notice.body));
  for (const old of document.querySelectorAll(".service")) old.remove();
  for (const service of handover.services) {
    const line = choice(service);
    line.querySelector("input").checked = (handover.agreed || []).includes(service.service);
    byId(service.service === "pay" ? "money" : "services").append(line);
  }
  show("ask");
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function choice(service) {
  const box = document.createElement("input");
  Object.assign(box, { type: "checkbox", name: "service", id: `service-${service.service}`, value: service.service });
  box.setAttribute("aria-describedby", `detail-${service.service}`);
  const label = element("label", service.title);
  label.htmlFor = box.id;
  const detail = element("span", service.detail);
  Object.assign(detail, { id: `detail-${service.service}`, className: "detail" });
  const line = document.createElement("p");
  line.className = "service choice";
  line.append(box, label, detail);
  return line;
}

// The notices' Markdown: headings, paragraphs, lists; nothing else is in them.
function written(markdown) {
  const parts = [];
  for (const block of markdown.split(/\n{2,}/)) {
    const lines = block.split("\n");
    const list = /^(-|\d+\.) /.exec(lines[0]);
    if (list) {
      const made = document.createElement(list[1] === "-" ? "ul" : "ol");
      made.append(...lines.map((line) => element("li", line.replace(/^(-|\d+\.) /, ""))));
      parts.push(made);
    } else {
      parts.push(block.startsWith("#") ? element("h3", block.replace(/^#+ /, "")) : element("p", block));
    }
  }
  return parts;
}

async function agree() {
  const chosen = [...document.querySelectorAll("input[name=service]:checked")].map((box) => box.value);
  const { code, version, language: words, sha256 } = notice;
  const body = { code, version, language: words, sha256, services: chosen };
  const answer = await call("PUT", `${OURS}/consents/face-check`, body);
  if (isGood(answer)) await render(answer.body);
}

async function say(path, body) {
  const answer = await send(path, `${OURS}/${path}`, body);
  if (isGood(answer)) await render(answer.body);
  else if (answer.status === 409) await read();
}

async function start() {
  const answer = await send("start", `${OURS}/face-checks`, { device_meta: {} });
  if (!isGood(answer)) return;
  camera(answer.body, answer.body.tries_left);
  if (answer.body.client.kind === "sandbox") await complete();
}

// Where the provider's part leads: an address is opened beside this page; a challenge that this page cannot do is said.
function camera(newest, triesLeft) {
  check = newest;
  const isOpen = check !== null && OPEN.includes(check.state);
  const address = isOpen ? safe(check.client.url) : null;
  const isElsewhere = isOpen && !address && check.client.kind !== "sandbox";
  byId("check-link").hidden = !address;
  byId("check-link").href = address || "";
  byId("check-done").hidden = !isOpen || isElsewhere;
  byId("check-start").hidden = isOpen && !isElsewhere;
  byId("check-elsewhere").hidden = !isElsewhere;
  byId("check-waiting").firstElementChild.hidden = true;
  byId("check-provider").hidden = check === null;
  byId("provider").textContent = check === null ? "" : check.provider;
  byId("check-reason").hidden = check === null || isOpen || !check.reason_text;
  byId("check-reason").textContent = (check && check.reason_text) || "";
  byId("check-tries").hidden = check === null || isOpen;
  byId("check-people").hidden = check === null || isOpen;
  byId("tries-left").textContent = triesLeft;
  if (byId("check").hidden) show("check");
  if (isOpen) watch(check.id);
}

function safe(address) {
  if (typeof address !== "string") return null;
  try {
    const url = new URL(address);
    return url.protocol === "https:" || url.protocol === location.protocol ? url.href : null;
  } catch {
    return null;
  }
}

async function complete() {
  const answer = await call("POST", `/v1/face-checks/${check.id}/completion`);
  if (!isGood(answer)) return;
  await settle(answer.body);
  byId("check-waiting").firstElementChild.hidden = !OPEN.includes(answer.body.state);
}

async function settle(newest) {
  if (OPEN.includes(newest.state)) return camera(newest, newest.tries_left);
  watched += 1;
  if (newest.state === "passed" || newest.tries_left === 0) return read();
  camera(newest, newest.tries_left);
  byId("check").querySelector("h1").focus();
}

// Waits for the provider's word without a button: the answer comes when something changes.
async function watch(id) {
  const mine = (watched += 1);
  let etag = null;
  while (mine === watched) {
    let answer;
    try {
      answer = await call("GET", `/v1/face-checks/${id}`, undefined, etag ? { Prefer: "wait=20", "If-None-Match": etag } : {});
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5000));
      continue;
    }
    if (mine !== watched) return;
    if (answer.status === 429 || answer.status >= 500) await new Promise((resolve) => setTimeout(resolve, 5000));
    else if (answer.status >= 400) return void isGood(answer);
    else if (answer.status === 200) {
      etag = answer.etag;
      if (!OPEN.includes(answer.body.state)) return void once(() => settle(answer.body));
    }
  }
}

function on(id, event, doing) {
  byId(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    once(doing);
  });
}

on("code-form", "submit", open);
on("agree-form", "submit", agree);
on("refuse", "click", () => say("refusals"));
on("dispute-form", "submit", () => say("disputes", { reason: new FormData(byId("dispute-form")).get("reason") }));
on("check-start", "click", start);
on("check-done", "click", complete);
on("check-back", "click", async () => {
  const answer = await call("GET", OURS);
  if (isGood(answer)) await ask(answer.body);
});

// A newer link that is opened where an older one was changes no more than the hash.
window.addEventListener("hashchange", () => location.hash.length > 1 && location.reload());

const code = location.hash.slice(1);
if (code) {
  // The secret leaves the address bar at once: it is in no history, no screenshot, no shared page.
  forget();
  sessionStorage.setItem("code", code);
  history.replaceState(null, "", location.pathname);
}
if (sessionStorage.getItem("token")) once(read);
else show(sessionStorage.getItem("code") ? "code" : sessionStorage.getItem("ended") || "no-link");
