// Server-sent events in, the installer's view filled; presses of buttons in, requests out. What is drawn: signal.js.
import { drawPictures, drawReception, clearPeaks } from "./signal.js";

const find = (id) => document.getElementById(id);
const KEPT = "evrds-token";
const SERVICE = {
  authentic: ["The service is here, and authentic", (s) => `Last proof ${age(s.age_s)} ago, by a signature that this receiver trusts.`],
  unproven: ["The service is announced, not proven", () => "No signature has held yet. This takes up to a minute; if it stays so, the keys here are not the operator's."],
  absent: ["This station does not carry the service", () => "Its RDS is heard, but it announces no application that this receiver listens to."],
  lost: ["The service is lost", (s) => `The last proof is ${age(s.age_s)} old. The local profile holds.`],
  silence: ["Nothing is heard", (s) => s.silent_s === null ? "No RDS so far: see to the aerial, the frequency and the stick." : `No RDS for ${age(s.silent_s)}: see to the aerial, the frequency and the stick.`],
};
const ASKS = {
  event: ["Override this event?", "The charger may draw the local limit until the event is over or the car is unplugged."],
  today: ["Override until midnight?", "The charger does not follow the network until midnight, in an emergency either."],
  always: ["Override for good?", "The charger does not follow the network until somebody clears this."],
  clear: ["Follow the network again?", "Whatever the network asks now holds again."],
};
let view = location.hash === "#signal" ? "engineer" : "installer";
let stream = null;

function takeTokenFromAddress() {
  const given = /^#token=([\w-]+)$/.exec(location.hash);
  if (given) {
    sessionStorage.setItem(KEPT, given[1]);
    history.replaceState(null, "", location.pathname);
  }
}

const authorization = () => ({ Authorization: `Bearer ${sessionStorage.getItem(KEPT) ?? ""}` });

function age(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}

function moment(text, now) {
  const then = new Date(text);
  const sameDay = !now || new Date(now).toDateString() === then.toDateString();
  return then.toLocaleString([], sameDay ? { timeStyle: "short" } : { dateStyle: "medium", timeStyle: "short" });
}

const amperes = (limit) => (limit === 0 ? "Paused" : `${Number(limit.toFixed(1))} A`);

// One block of lines "event: NAME", "data: JSON" at a time; EventSource itself can send no token.
async function listen(chosen, ended) {
  const answer = await fetch(`events?view=${chosen}`, { headers: authorization(), signal: ended.signal });
  if (answer.status === 401) return "token";
  if (!answer.ok) throw new Error((await answer.json()).error);
  find("connection").hidden = true;
  find("login").hidden = true;
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return "done";
    const blocks = (text + value).split("\n\n");
    text = blocks.pop();
    for (const block of blocks) {
      const [name, data] = block.split("\n").map((line) => line.slice(line.indexOf(": ") + 2));
      if (name === "end") return "end";
      ({ standing: showStanding, reception: drawReception, pictures: drawPictures })[name]?.(JSON.parse(data));
    }
  }
}

async function follow() {
  stream?.abort();
  const mine = (stream = new AbortController());
  while (!mine.signal.aborted) {
    let why = "The receiver does not answer.";
    try {
      const end = await listen(view, mine);
      if (end === "token") return askToken();
      if (end === "end") why = "The receiver has ended.";
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof TypeError)) why = `${error.message}.`;
    }
    if (mine.signal.aborted) return;
    find("connection").textContent = `${why} What stands here is old; trying again.`;
    find("connection").hidden = false;
    await new Promise((resume) => setTimeout(resume, 2000));
  }
}

function askToken() {
  find("installer").hidden = find("engineer").hidden = true;
  find("login").hidden = false;
  find("login-token").focus();
}

function show(chosen) {
  view = chosen;
  for (const one of ["installer", "engineer"]) {
    find(one).hidden = one !== chosen;
    find(`show-${one}`).setAttribute("aria-pressed", String(one === chosen));
  }
  follow();
}

function put(parent, selector, text) {
  const element = parent.querySelector(selector);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

function showStanding(now) {
  const { service, station } = now;
  find("station").textContent = [station.ps, station.pi && `PI ${station.pi}`].filter(Boolean).join(" · ");
  const [title, words] = SERVICE[service.state];
  find("service").dataset.state = service.state;
  put(find("service"), "#service-title", title);
  put(find("service"), "#service-text", words(service));
  now.chargers.forEach((charger, place) => showCharger(cardOf(charger, place), charger, now));
  showTroubles(now);
}

function cardOf(charger, place) {
  const old = find("chargers").children[place];
  if (old) return old;
  const card = find("charger").content.firstElementChild.cloneNode(true);
  card.querySelectorAll("[data-what]").forEach((button) => button.addEventListener("click", () => confirmAsk(card, charger.name, button.dataset.what)));
  find("chargers").append(card);
  return card;
}

function showCharger(card, charger, now) {
  const { limit, said } = charger;
  put(card, ".name", charger.name);
  card.classList.toggle("restricted", Boolean(limit?.restricted));
  put(card, ".limit strong", limit ? amperes(limit.limit_a) : "…");
  put(card, ".limit span", `of ${charger.local_a} A here`);
  card.querySelector(".bar i").style.width = `${limit ? (100 * limit.limit_a) / charger.local_a : 0}%`;
  put(card, ".reason", limit ? sentence(limit.reason) : "No limit was told yet.");
  put(card, ".until", limit?.next ? `Next: ${amperes(limit.next_limit_a ?? 0)} from ${moment(limit.next, now.time)}` : limit?.restricted ? "No end within a day is known" : "");
  put(card, ".charger-says", said ? chargerWords(said) : "");
  card.querySelector(".terms").replaceChildren(...(limit?.terms ?? []).map((term) => item(termWords(term, now.time))));
  const held = now.overrides[charger.name];
  put(card, ".held", held ? `Override: ${held.kind}, ${held.until ? `until ${moment(held.until, now.time)} at the latest` : "until it is cleared"}` : now.may_ask ? limit?.may_override ? ownerWords(limit.may_override) : "" : "No override from here: the configuration names no state file.");
  const events = (limit?.terms ?? []).some((term) => term.kind === "event");
  for (const button of card.querySelectorAll("[data-what]")) {
    const { what } = button.dataset;
    button.hidden = !now.may_ask || (what === "clear" ? !held : held?.kind === what || (what === "event" && !events));
    button.disabled = now.asked.includes(charger.name);
  }
}

const sentence = (text) => text && text[0].toUpperCase() + text.slice(1);
// The command line's words of how to do it are the buttons here.
const ownerWords = (text) => (text.startsWith("the owner may:") ? "The owner may override what the network asks, in an emergency too:" : sentence(text.split(": evrds-receiver")[0]));
const readable = (text) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, (one) => moment(one, new Date(0)));

function chargerWords(said) {
  const words = [said.found ?? said.driver];
  if (said.answers === false) words.push("DOES NOT ANSWER");
  if (said.current_a !== null) words.push(`draws ${said.current_a.toFixed(1)} A`);
  if (said.plugged !== null) words.push(said.plugged ? "a car is plugged in" : "no car");
  if (said.overridden) words.push(`set at the charger: ${said.overridden}`);
  return words.join(", ");
}

function termWords(term, now) {
  const when = [term.start && `from ${moment(term.start, now)}`, term.end && `to ${moment(term.end, now)}`].filter(Boolean).join(" ");
  return `${sentence(term.kind)}: ${term.says}${when && `, ${when}`} (${term.standing}${term.binds ? ", sets the limit" : ""})`;
}

function item(text) {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}

function showTroubles(now) {
  const { refused } = now;
  const lines = [...(now.warnings ?? []), ...[now.state_error, now.store_error].filter(Boolean)];
  for (const { name, said } of now.chargers) {
    for (const one of [said?.error, ...(said?.alarms ?? []), ...(said?.warnings ?? [])].filter(Boolean)) lines.push(name ? `${name}: ${one}` : one);
  }
  if (refused.count) lines.push(`${refused.count} refused message${refused.count > 1 ? "s" : ""}, the last ${age(refused.age_s)} ago: ${refused.last.verdict}`);
  find("troubles").replaceChildren(...lines.map(item));
  find("trouble").hidden = !lines.length;
}

function confirmAsk(card, charger, what) {
  const dialog = find("confirm");
  const [title, text] = ASKS[what];
  find("confirm-title").textContent = charger ? `${charger}: ${title}` : title;
  find("confirm-text").textContent = text;
  find("confirm-answer").textContent = "";
  find("confirm-ask").hidden = Boolean(sessionStorage.getItem(KEPT));
  find("confirm-yes").onclick = async (press) => {
    press.preventDefault();
    const typed = find("confirm-token").value.trim();
    if (typed) sessionStorage.setItem(KEPT, typed);
    find("confirm-yes").disabled = true;
    const refusal = await ask(card, charger, what);
    find("confirm-yes").disabled = false;
    find("confirm-token").value = "";
    find("confirm-ask").hidden = Boolean(sessionStorage.getItem(KEPT));
    find("confirm-answer").textContent = refusal;
    if (!refusal) dialog.close();
  };
  dialog.showModal();
}

async function ask(card, charger, what) {
  try {
    const answer = await fetch("override", { method: "POST", headers: { ...authorization(), "Content-Type": "application/json" }, body: JSON.stringify({ charger, what }) });
    const { text, error } = await answer.json();
    if (answer.status === 401) {
      sessionStorage.removeItem(KEPT);
      return "This is not the token.";
    }
    put(card, ".answer", text ? readable(sentence(text)) : "");
    return error ?? "";
  } catch {
    return "The receiver does not answer.";
  }
}

takeTokenFromAddress();
for (const one of ["installer", "engineer"]) find(`show-${one}`).addEventListener("click", () => show(one));
find("clear-peaks").addEventListener("click", clearPeaks);
find("login").addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  sessionStorage.setItem(KEPT, find("login-token").value.trim());
  show(view);
});
// Out of sight, nobody looks, and the receiver need draw nothing.
document.addEventListener("visibilitychange", () => (document.hidden ? stream?.abort() : follow()));
show(view);
