// Keeps what changes by itself current: an element with data-refresh="URL" and data-every="MS" is replaced by what the URL
// gives. Everything works without this file; then one reloads the page.
"use strict";

// Replacing an element somebody is in, or has opened something in, would take it from under their hands.
const inUse = (element) =>
  element.contains(document.activeElement) || element.querySelector("details[open]") !== null;

// A row or a table body alone is no document; a template takes any part of one, and runs nothing in it.
const parse = (text) => {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content.firstElementChild;
};

const watch = (element) => {
  const every = Math.max(1000, Number(element.dataset.every) || 0);
  const look = async () => {
    if (!element.isConnected) return;
    if (document.hidden || inUse(element)) return later();
    try {
      const answer = await fetch(element.dataset.refresh, { headers: { accept: "text/html" }, redirect: "error" });
      // Whoever is not logged in any more is told so by the next page, and asked no further here.
      if (answer.status === 401 || answer.status === 403 || answer.status === 404) return;
      if (answer.ok) {
        const fresh = parse(await answer.text());
        const isSame = fresh !== null && fresh.id === element.id && fresh.tagName === element.tagName;
        if (isSame && element.isConnected && !inUse(element)) {
          if (fresh.outerHTML === element.outerHTML) return later();
          element.replaceWith(fresh);
          if (fresh.dataset.refresh) watch(fresh);
          return;
        }
      }
    } catch {
      // The server may be starting again; the next look tells.
    }
    later();
  };
  const later = () => setTimeout(look, every);
  later();
};

for (const element of document.querySelectorAll("[data-refresh]")) watch(element);
