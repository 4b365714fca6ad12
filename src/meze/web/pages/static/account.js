// The pages behind links in mail. Takes the token out of the address before anything else, so that it stays in no
// history and is not seen over a shoulder, and sends it only when the person says so.
"use strict";

const form = document.getElementById("account");
const outcome = document.getElementById("outcome");
const said = form.dataset;
const token = new URLSearchParams(location.hash.slice(1)).get("token");
const inputs = Array.from(form.querySelectorAll("input[name]"));
let sending = false;

if (token !== null && said.token === "invitation" && token.startsWith("meze_reset_")) {
  // An admin made the account already: what is missing is a password.
  location.replace("/account/reset" + location.hash);
} else {
  history.replaceState(null, "", location.pathname);
  // Another link that is opened in this tab changes the fragment alone, which loads nothing.
  addEventListener("hashchange", () => location.reload());
  begin();
}

function begin() {
  if (!token) {
    tell([said.incomplete], "failed");
    return;
  }
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  const show = document.getElementById("show");
  if (show !== null) {
    const hidden = inputs.filter((input) => input.type === "password");
    show.addEventListener("change", () => {
      for (const input of hidden) input.type = show.checked ? "text" : "password";
    });
  }
  if (inputs.length > 0) inputs[0].focus();
}

async function send() {
  if (sending) return;
  sending = true;
  mark([]);
  tell([said.sending], "");
  let answer;
  let problem = null;
  try {
    answer = await fetch(said.endpoint, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json, application/problem+json" },
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
      body: JSON.stringify(body()),
    });
    if (!answer.ok) problem = await answer.json();
  } catch {
    tell([said.unreachable], "failed");
    return;
  } finally {
    sending = false;
  }
  if (answer.ok) {
    form.remove();
    tell([said.done], "done");
    outcome.focus();
  } else {
    refuse(problem);
  }
}

function body() {
  const sent = { [said.token]: token };
  for (const input of inputs) {
    if (input.required || input.value !== "") sent[input.name] = input.value;
  }
  return sent;
}

function refuse(problem) {
  const entries = problem.errors || [];
  const elsewhere = entries.filter((entry) => inputOf(entry) === undefined).map((entry) => entry.detail);
  const first = mark(entries);
  if (entries.length === 0) elsewhere.push(problem.detail);
  if (elsewhere.length === 0) elsewhere.push(said.faulty);
  tell(elsewhere, "failed");
  (first || outcome).focus();
}

function inputOf(entry) {
  return inputs.find((input) => entry.pointer === "/" + input.name);
}

// Writes under each field what is wrong with it, and returns the first such field.
function mark(entries) {
  let first = null;
  for (const input of inputs) {
    const faults = entries.filter((entry) => inputOf(entry) === input).map((entry) => entry.detail);
    document.getElementById(input.name + "-fault").textContent = faults.join(" ");
    if (faults.length > 0) {
      input.setAttribute("aria-invalid", "true");
      first = first || input;
    } else {
      input.removeAttribute("aria-invalid");
    }
  }
  return first;
}

function tell(sentences, kind) {
  outcome.className = "outcome " + kind;
  outcome.replaceChildren(
    ...sentences.map((sentence) => {
      const paragraph = document.createElement("p");
      paragraph.textContent = sentence;
      return paragraph;
    }),
  );
}
