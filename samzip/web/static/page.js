// Keeps the page up to date: asks the server for it again and takes over what changed, so that focus, open details and
// scrolling stay. All words come from the server. Without this script the page reloads itself and its forms work.
"use strict";
(() => {
  const PATIENCE_MS = 15_000; // for one answer
  const SLOWEST_MS = 15_000; // between two looks while nothing changes
  const SLOWEST_OFFLINE_MS = 60_000;
  const GAP_MS = 1_200; // after each download: browsers drop what comes faster, and a look would outrun its answer

  let timer = 0;
  let turn = 0; // the latest question; older answers are late
  let quiet = 0; // looks in a row that showed nothing new
  let failures = 0; // looks in a row without an answer
  let busy = false; // an action is under way

  const main = () => document.querySelector("main");

  async function ask(options) {
    const mine = ++turn;
    const answer = await fetch(location.pathname, {
      cache: "no-store",
      signal: AbortSignal.timeout?.(PATIENCE_MS),
      ...options,
    });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!page.querySelector("main")) throw new Error(`no page: ${answer.status}`);
    return { answer, page, isLate: mine !== turn };
  }

  // Nodes that mean something; blanks between elements do not.
  const children = (node) => [...node.childNodes].filter((child) => child.nodeType === 1 || child.data?.trim());
  const isSame = (a, b) => a.nodeName === b.nodeName && (a.nodeType !== 1 || (a.id === b.id && a.className === b.className));

  // Makes `old` look like `fresh`. Returns whether anything changed.
  function take(old, fresh) {
    if (old.nodeType !== 1) {
      if (old.data === fresh.data) return false;
      old.data = fresh.data;
      return true;
    }
    let changed = false;
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && name !== "tabindex" && !fresh.hasAttribute(name)) {
        old.removeAttribute(name);
        changed = true;
      }
    }
    for (const { name, value } of fresh.attributes) {
      if (old.getAttribute(name) !== value) {
        old.setAttribute(name, value);
        changed = true;
      }
    }
    if (old.hasAttribute("data-keep")) return changed;
    const left = children(old);
    for (const wanted of children(fresh)) {
      const at = left.findIndex((node) => isSame(node, wanted));
      if (at < 0) {
        old.insertBefore(document.importNode(wanted, true), left[0] ?? null);
        changed = true;
        continue;
      }
      for (const gone of left.splice(0, at)) {
        gone.remove();
        changed = true;
      }
      changed = take(left.shift(), wanted) || changed;
    }
    for (const gone of left) {
      gone.remove();
      changed = true;
    }
    return changed;
  }

  function show(page) {
    const hadFocus = document.activeElement !== document.body;
    document.title = page.title;
    const changed = take(main(), page.querySelector("main"));
    if (hadFocus && document.activeElement === document.body) {
      const headline = document.getElementById("headline");
      headline.tabIndex = -1;
      headline.focus({ preventScroll: true });
    }
    return changed;
  }

  function tell(text) {
    const notice = document.getElementById("notice");
    if (notice && notice.textContent !== text) notice.textContent = text;
  }

  function schedule() {
    clearTimeout(timer);
    const seconds = Number(main().dataset.poll);
    if (!seconds || document.hidden) return;
    const wait = failures
      ? Math.min(SLOWEST_OFFLINE_MS, 1_000 * 2 ** failures)
      : Math.max(seconds * 1_000, Math.min(SLOWEST_MS, seconds * 1_000 * 1.3 ** quiet));
    timer = setTimeout(look, wait * (1 + Math.random() / 5)); // pages opened together do not ask together
  }

  async function look() {
    clearTimeout(timer);
    if (busy || !main().hasAttribute("data-poll")) return;
    try {
      const { answer, page, isLate } = await ask();
      if (isLate || busy) return;
      if (answer.status >= 500) throw new Error(`the server answers ${answer.status}`);
      if (failures) tell("");
      failures = 0;
      quiet = show(page) ? 0 : quiet + 1;
    } catch {
      failures += 1;
      tell(document.getElementById("notice")?.dataset.offline ?? "");
    }
    schedule();
  }

  // Runs one action at a time; its button shows that it is under way, keeps the focus, and takes no second click.
  async function act(button, action) {
    if (busy) return;
    busy = true;
    const label = [...button.childNodes];
    button.setAttribute("aria-disabled", "true");
    button.replaceChildren(button.dataset.busy);
    let fresh = null;
    tell("");
    try {
      fresh = await action();
    } catch {
      tell(button.dataset.failed ?? "");
    }
    button.removeAttribute("aria-disabled");
    button.replaceChildren(...label);
    busy = false;
    if (fresh) show(fresh);
    quiet = 0;
    schedule();
  }

  async function send(form) {
    const { answer, page } = await ask({ method: "POST", body: new URLSearchParams(new FormData(form)) });
    const isElsewhere = new URL(answer.url).pathname !== location.pathname;
    if (answer.ok && isElsewhere) {
      location.assign(answer.url);
      return new Promise(() => {}); // the button stays as it is until the next page is there
    }
    if (answer.ok || [403, 404, 410].includes(answer.status)) return page;
    tell(page.getElementById("detail")?.textContent ?? "");
    return null;
  }

  const links = () => document.querySelectorAll("[data-download]");

  async function downloadAll() {
    for (const link of links()) {
      link.download = ""; // where an error would lead away from the others; a single one leads to its page
      link.click();
      link.removeAttribute("download");
      await new Promise((resume) => setTimeout(resume, GAP_MS));
    }
    return null;
  }

  // The browser tells the script of no download that failed: whether one is gone is seen by looking.
  async function takeAll(button) {
    const wanted = links().length;
    await act(button, downloadAll);
    await look();
    if (links().length < wanted) tell(button.dataset.failed);
  }

  document.addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter ?? event.target.querySelector("button"), () => send(event.target));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-all]");
    if (button && !busy) takeAll(button);
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : look()));
  window.addEventListener("online", look);
  window.addEventListener("pageshow", (event) => event.persisted && location.reload()); // came back by "Back"
  schedule();
})();
