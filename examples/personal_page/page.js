// Log in → add bindings → an outcome for each relative. Tokens stay in memory: closing the page forgets them.
"use strict";

const TEXTS = {
  "zh-CN": {
    title: "个人账户家庭共济", sign_in: "登录", phone: "手机号", password: "登录密码", add: "添加共济亲属",
    notice: "共济告知书", have_read: "我已阅读并同意告知书", another: "再添加一位", card_password: "电子社保卡密码",
    send: "提交", shared: "我的共济", computer_number: "社保电脑号", id_number: "证件号码", relationship: "与我的关系",
    bound: "已绑定", paused: "已暂停", pending: "等待对方同意", code: "请输入对方收到的验证码", confirm: "确认", end: "解除",
    tries_left: "剩余可尝试次数：", no_answer: "无法连接服务，请稍后再试。", relatives: { 10: "配偶", 51: "父亲", 52: "母亲", 20: "儿子", 30: "女儿", 70: "兄弟姐妹", 60: "祖父母", 40: "孙辈" },
  },
  en: {
    title: "Medical account sharing", sign_in: "Log in", phone: "Phone", password: "Password", add: "Add relatives",
    notice: "Notice", have_read: "I have read the notice and agree", another: "One more", card_password: "E-card password",
    send: "Send", shared: "With whom I share", computer_number: "Computer number", id_number: "ID number", relationship: "What they are to me",
    bound: "Bound", paused: "Paused", pending: "Waits for their answer", code: "The code that they have received", confirm: "Confirm", end: "End",
    tries_left: "Tries left: ", no_answer: "The service cannot be reached; try again later.", relatives: { 10: "spouse", 51: "father", 52: "mother", 20: "son", 30: "daughter", 70: "sibling", 60: "grandparent", 40: "grandchild" },
  },
};
const MOST = 20;
const $ = (selector, root = document) => root.querySelector(selector);

let language = navigator.language.startsWith("zh") ? "zh-CN" : "en";
let token = null;
let notice = null;
let sending = null; // the request that was sent last and its key: sent again unchanged, it is done once

const text = (name) => TEXTS[language][name];

function write() {
  document.documentElement.lang = language;
  document.title = text("title");
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text(node.dataset.text);
  for (const select of document.querySelectorAll("select[name=relationship]")) {
    const chosen = select.value;
    select.replaceChildren(...Object.entries(text("relatives")).map(([code, name]) => new Option(name, code)));
    if (chosen) select.value = chosen;
  }
}

async function call(method, path, body, headers = {}) {
  const sent = { "Accept-Language": language, ...headers };
  if (token) sent.Authorization = `Bearer ${token}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(API + path, { method, headers: sent, body: body && JSON.stringify(body), credentials: "omit" });
  } catch {
    throw { detail: text("no_answer") };
  }
  const said = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw said;
  return said;
}

function complain(problem) {
  const place = $("#problem");
  place.hidden = !problem;
  place.textContent = problem ? inWords(problem) : "";
}

function inWords(problem) {
  const fields = (problem.errors || []).map(fault);
  const left = problem.tries_left === undefined ? "" : text("tries_left") + problem.tries_left;
  return [problem.detail, ...fields, problem.next && problem.next.text, left].filter(Boolean).join(" ");
}

function fault(field) {
  const name = field.pointer.split("/").pop(); // "/bindings/0/id_number" is the field id_number of the first
  return [text(name), field.detail].filter(Boolean).join(language === "en" ? ": " : "：");
}

function device() {
  let id = localStorage.getItem("device");
  if (!id) localStorage.setItem("device", (id = [...crypto.getRandomValues(new Uint8Array(16))].map((each) => each.toString(16).padStart(2, "0")).join("")));
  return { id, name: "Browser", platform: "web" };
}

function another() {
  const list = $("#relatives");
  if (list.children.length < MOST) list.append($("#relative").content.cloneNode(true));
  $("#another").disabled = list.children.length >= MOST;
  write();
}

async function readNotice() {
  notice = await call("GET", "/v1/notices/account-sharing");
  $("#notice").textContent = notice.body;
}

async function signIn(form) {
  const asked = { phone: form.phone.value, password: form.password.value, device: device() };
  token = (await call("POST", "/v1/sessions", asked)).access_token;
  form.reset();
  form.hidden = true;
  await readNotice();
  $("#share").hidden = false;
  if (!$("#relatives").children.length) another();
  await list();
}

async function share(form) {
  const checked = await call("POST", "/v1/card/password-checks", { password: form.card_password.value });
  token = checked.access_token;
  form.card_password.value = "";
  const rows = [...$("#relatives").children];
  const { code, version, language: read, sha256 } = notice;
  const bindings = rows.map((row) => ({
    computer_number: $("[name=computer_number]", row).value.trim(),
    id_number: $("[name=id_number]", row).value.trim(),
    relationship: $("[name=relationship]", row).value,
  }));
  const body = { notice: { code, version, language: read, sha256 }, bindings };
  const same = JSON.stringify(body);
  if (!sending || sending.same !== same) sending = { same, key: device().id.slice(0, 16) + "-" + Date.now() };
  const { items } = await call("POST", "/v1/sharing/bindings", body, { "Idempotency-Key": sending.key });
  sending = null; // answered: what is corrected and sent again is another request
  for (const item of items) {
    const row = rows[item.index];
    const told = $(".outcome", row);
    told.className = `outcome ${item.status}`;
    told.textContent = item.problem ? inWords(item.problem) : `${item.binding.name} ${text(item.status)}`;
  }
  for (const item of items) if (item.status !== "refused") rows[item.index].remove(); // the rest stays as it was typed
  if (!$("#relatives").children.length) another();
  await list();
}

async function list() {
  const { bindings } = await call("GET", "/v1/sharing/bindings");
  $("#bindings").hidden = false;
  $("#list").replaceChildren(...bindings.map(line));
}

function line(binding) {
  const item = document.createElement("li");
  const state = text(binding.state === "active" ? "bound" : binding.state);
  item.append(`${binding.name} · ${binding.relationship_name} · ${state} `);
  const at = `/v1/sharing/bindings/${binding.id}`;
  if (binding.code_tries_left) {
    const code = Object.assign(document.createElement("input"), { inputMode: "numeric", maxLength: 6, placeholder: text("code") });
    item.append(code, button("confirm", () => call("PUT", `${at}/confirmation`, { sms_code: code.value })));
  }
  item.append(button("end", () => call("DELETE", at)));
  return item;
}

function button(name, work) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text(name) });
  made.addEventListener("click", () => attempt(async () => { await work(); await list(); }));
  return made;
}

async function attempt(work) {
  complain(null);
  try {
    await work();
  } catch (problem) {
    complain(problem.detail ? problem : { detail: String(problem) });
  }
}

$("#sign-in").addEventListener("submit", (event) => { event.preventDefault(); attempt(() => signIn(event.target)); });
$("#share").addEventListener("submit", (event) => { event.preventDefault(); attempt(() => share(event.target)); });
$("#another").addEventListener("click", another);
for (const choice of document.querySelectorAll("[data-language]")) {
  choice.addEventListener("click", () => {
    language = choice.dataset.language;
    write();
    if (token) attempt(async () => { await readNotice(); await list(); });
  });
}
write();
