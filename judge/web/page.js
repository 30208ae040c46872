"use strict";
// Puts fresh parts in the place of old ones. All rendering is the server's: a part is fetched when
// the event stream says that something changed, and replaced only when it differs. Without this
// script the page is the same, once.
(() => {
  const main = document.getElementById("main");
  const link = document.getElementById("link");
  const announce = document.getElementById("announce");
  const isRelease = main.dataset.kind === "release";
  const id = main.dataset.release;
  const here = location.pathname + location.search;
  const SLOWEST_MS = 5000; // asked for again at least so often: a silent judge must be seen too
  let isBusy = false, wantsParts = false, wantsWhole = false, isOver = false;
  let lastAt = Date.now(), source = null, marks = "";
  let isHeld = false; // a part was left as it is, because somebody has selected text in it

  function show(tone, mark, text) {
    link.className = "link pill " + tone;
    link.hidden = false;
    const sign = document.createElement("span");
    sign.className = "mark";
    sign.setAttribute("aria-hidden", "true");
    sign.textContent = mark;
    link.replaceChildren(sign, text);
  }

  function holdsSelection(element) {
    const selection = document.getSelection();
    return selection && !selection.isCollapsed && element.contains(selection.anchorNode);
  }

  function headline() {
    const title = document.querySelector("#banner h2");
    return title ? title.textContent : "";
  }

  // The link that has the focus keeps it: it is there again in the fresh part.
  function replace(old, part) {
    const href = old.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
    old.replaceWith(document.adoptNode(part));
    for (const link of href ? part.querySelectorAll("a") : [])
      if (link.getAttribute("href") === href) return link.focus({preventScroll: true});
  }

  function place(html) {
    const fresh = new DOMParser().parseFromString(html, "text/html");
    const before = headline();
    isHeld = false;
    for (const part of fresh.querySelectorAll("section[id], header[id], #releases")) {
      const old = document.getElementById(part.id);
      if (!old || old.outerHTML === part.outerHTML) continue;
      if (holdsSelection(old)) isHeld = true;
      else replace(old, part);
    }
    if (isRelease && headline() !== before) {
      announce.textContent = id + ": " + headline();
      document.title = headline() + " \u00b7 " + id + " \u00b7 Release Judge";
    }
  }

  // A page that is not fresh must not look as if it were.
  function showState() {
    if (isHeld) show("warn", "!", "older: text is selected");
    else if (isOver) show("none", "\u25cb", "ended");
    else if (!source || source.readyState === EventSource.OPEN) show("good", "\u2713", "live");
  }

  function login() {
    location.assign(isRelease ? "/login?next=/releases/" + id : "/login");
  }

  async function refresh(isWhole) {
    wantsParts = true;
    wantsWhole = wantsWhole || isWhole || !isRelease;
    if (isBusy) return;
    isBusy = true;
    try {
      while (wantsParts) {
        const path = wantsWhole ? here : "/releases/" + id + "/live";
        wantsParts = wantsWhole = false;
        const answer = await fetch(path, {credentials: "same-origin", redirect: "manual"});
        if (answer.status === 401 || answer.type === "opaqueredirect") return login();
        if (!answer.ok) throw new Error("answered " + answer.status);
        place(await answer.text());
        lastAt = Date.now();
        showState();
      }
    } catch (error) {
      wantsParts = wantsWhole = false;
      show("warn", "!", "connection lost, trying again");
    } finally {
      isBusy = false;
    }
  }

  function onProgress(event) {
    const p = JSON.parse(event.data), g = p.progress || {};
    const now = JSON.stringify([p.phase, p.outcome, p.paused, g.step, g.share, g.pending]);
    const isWhole = marks !== "" && marks !== now;
    marks = now;
    refresh(isWhole);
  }

  function follow() {
    source = new EventSource("/v1/releases/" + id + "/events");
    source.onopen = () => { showState(); refresh(false); };
    source.addEventListener("verdict", () => refresh(false));
    source.addEventListener("progress", onProgress);
    source.addEventListener("done", () => {
      isOver = true;
      source.close();
      showState();
      refresh(true);
    });
    source.onerror = () => {
      if (isOver) return;
      show("warn", "!", "connection lost, trying again");
      if (source.readyState === EventSource.CLOSED) setTimeout(follow, 3000);
      refresh(false);
    };
  }

  setInterval(() => {
    if (!document.hidden && !isOver && Date.now() - lastAt >= SLOWEST_MS - 100) refresh(false);
  }, isRelease ? 1000 : SLOWEST_MS);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && !isOver) refresh(true); });
  if (isRelease) follow();
  else showState();
})();
